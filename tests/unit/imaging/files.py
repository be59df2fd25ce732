"""Files in every format that is decoded, in the variants that the web has, made on the spot."""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import imagecodecs
import numpy as np
import pillow_heif
from PIL import Image, ImageCms

from tests.unit.imaging import pictures

pillow_heif.register_heif_opener()  # what writes HEIC
SIZE = (128, 96)
"""Of a picture that fits into an ICO as well."""
TIFF_COMPRESSIONS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma")


def picture(mode: str = "RGB") -> Image.Image:
    """Opaque but for a corner: an encoder may leave out an alpha that says nothing."""
    image = pictures.picture(mode, SIZE)
    if mode in {"LA", "RGBA"}:
        alpha = Image.new("L", SIZE, 255)
        alpha.paste(128, (0, 0, 4, 4))
        image.putalpha(alpha)
    return image


def jxl(image: Image.Image, **options: bool) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(np.asarray(image), **options))


def deep(mode: str) -> Image.Image:
    """The picture in values that do not fit into bytes."""
    grey = np.asarray(picture("L"))
    values: dict[str, np.ndarray] = {
        "I;16": grey.astype(np.uint16) * 257,
        "I": grey.astype(np.int32) * 1_000_000 - 50_000_000,
        "F": grey.astype(np.float32) / 255,
    }
    return Image.fromarray(values[mode])


def lab() -> Image.Image:
    srgb, wanted = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(picture(), srgb, wanted, outputMode="LAB")
    assert image is not None
    return image


def files() -> Iterator[tuple[str, str, str, bytes]]:
    """A name, the format, Pillow's mode, and the file; the picture is `SIZE`."""
    for mode in ("RGB", "RGBA"):
        yield f"avif {mode}", "avif", mode, pictures.encoded("AVIF", picture(mode))
        yield f"heic {mode}", "heic", mode, pictures.encoded("HEIF", picture(mode), quality=90)
        yield f"ico of a png {mode}", "ico", mode, icon(mode)
    tiles = pictures.encoded("HEIF", picture(), quality=90, tile_size=64, thumbnails=[32])
    yield "heic of tiles", "heic", "RGB", tiles
    for mode in ("L", "LA", "RGB", "RGBA"):
        yield f"jxl {mode}", "jxl", mode, jxl(picture(mode))
        yield f"jp2 {mode}", "jp2", mode, pictures.encoded("JPEG2000", picture(mode))
    coloured = Image.merge("RGB", [picture("L"), *[picture("L").point(lambda v: v // 2)] * 2])
    yield "bmp P", "bmp", "P", pictures.encoded("BMP", coloured.convert("P"))
    yield "jxl in boxes", "jxl", "RGB", jxl(picture(), usecontainer=True)
    yield "jp2 codestream", "jp2", "RGB", pictures.encoded("JPEG2000", picture(), no_jp2=True)
    yield "ico of a bitmap", "ico", "RGBA", icon("RGB", bitmap_format="bmp")
    for mode in ("1", "L", "RGB"):
        yield f"bmp {mode}", "bmp", mode, pictures.encoded("BMP", picture(mode))
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"):
        yield f"tiff {mode}", "tiff", mode, pictures.encoded("TIFF", picture(mode))
    for mode in ("I;16", "I", "F"):
        yield f"tiff {mode}", "tiff", mode, pictures.encoded("TIFF", deep(mode))
    yield "tiff LAB", "tiff", "LAB", pictures.encoded("TIFF", lab())
    for name in TIFF_COMPRESSIONS:
        yield f"tiff {name}", "tiff", "RGB", pictures.encoded("TIFF", picture(), compression=name)
    yield "tiff group4", "tiff", "1", pictures.encoded("TIFF", picture("1"), compression="group4")
    yield from odd_tiffs()
    yield from odd_bmps()
    yield "tiff of 64 bits", "tiff", "RGB", pictures.encoded("TIFF", picture(), big_tiff=True)


def odd_bmps() -> Iterator[tuple[str, str, str, bytes]]:
    """As other programs write them: OS/2's header, rows from above, 16 bits, runs, alpha."""
    width, height = SIZE
    pixels = np.asarray(picture())
    bgr = pixels[:, :, ::-1]
    core = struct.pack("<IHHHH", 12, width, height, 1, 24)
    yield "bmp of OS/2", "bmp", "RGB", bmp(core, bgr[::-1].tobytes())
    header = struct.pack("<IiiHHIIiiII", 40, width, -height, 1, 24, 0, 0, 0, 0, 0, 0)
    yield "bmp from above", "bmp", "RGB", bmp(header, bgr.tobytes())
    red, green, blue = (pixels[::-1, :, at].astype("<u2") for at in range(3))
    packed = (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 16, 3, 0, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    yield "bmp of 16 bits", "bmp", "RGB", bmp(header + masks, packed.tobytes())
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 0, 0, 0, 0, 0)
    greys = b"".join(bytes((grey, grey, grey, 0)) for grey in range(256))
    runs = b"".join(
        b"".join(bytes((1, value)) for value in row) + b"\0\0"
        for row in np.asarray(picture("L"))[::-1]
    )
    yield "bmp of runs", "bmp", "L", bmp(header + greys, runs + b"\0\1")
    rgba = np.asarray(picture("RGBA"))[::-1, :, [2, 1, 0, 3]]
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 32, 3, 0, 0, 0, 0, 0)
    yield "bmp with alpha", "bmp", "RGBA", bmp(header + masks + bytes(68), rgba.tobytes())


def bmp(headers: bytes, pixels: bytes) -> bytes:
    start = 14 + len(headers)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + headers + pixels


def odd_tiffs() -> Iterator[tuple[str, str, str, bytes]]:
    """As other programs write them: tiles, planes apart, white as zero, the other byte order."""
    grey, pixels = np.asarray(picture("L")), np.asarray(picture())
    tiles = b"".join(
        grey[top : top + 32, left : left + 32].tobytes()
        for top in range(0, SIZE[1], 32)
        for left in range(0, SIZE[0], 32)
    )
    in_tiles = {262: [1], 322: [32], 323: [32], 324: range(0, len(tiles), 1024), 325: [1024] * 12}
    yield "tiff in tiles", "tiff", "L", tiff(in_tiles, tiles)
    planes = pixels.transpose(2, 0, 1).tobytes()
    apart = {
        258: [8] * 3,
        262: [2],
        273: range(0, len(planes), grey.size),
        277: [3],
        278: [SIZE[1]],
    }
    apart |= {279: [grey.size] * 3, 284: [2]}
    yield "tiff in planes", "tiff", "RGB", tiff(apart, planes)
    whole = {273: [0], 278: [SIZE[1]]}
    one = whole | {279: [grey.size]}
    yield "tiff of ink", "tiff", "L", tiff(one | {262: [0]}, (255 - grey).tobytes())
    yield "tiff of Motorola", "tiff", "L", tiff(one | {262: [1]}, grey.tobytes(), order=">")
    deep_pixels = (pixels.astype(">u2") * 257).tobytes()
    deep_rgb = {258: [16] * 3, 262: [2], 277: [3]} | whole | {279: [len(deep_pixels)]}
    yield "tiff of 48 bits", "tiff", "RGB", tiff(deep_rgb, deep_pixels, order=">")


def tiff(fields: Mapping[int, Sequence[int]], pixels: bytes, order: str = "<") -> bytes:
    """Uncompressed, of 8 bits a sample if not said otherwise; offsets count from the pixels on."""
    told = {256: [SIZE[0]], 257: [SIZE[1]], 258: [8], 259: [1], 277: [1]} | dict(fields)
    start = 8 + 2 + 12 * len(told) + 4
    n_beyond = sum(4 * len(values) for values in told.values() if len(values) > 1)
    entries, beyond = b"", b""
    for tag in sorted(told):
        moved = start + n_beyond if tag in {273, 324} else 0
        values = struct.pack(f"{order}{len(told[tag])}I", *(value + moved for value in told[tag]))
        if len(told[tag]) > 1:
            place = struct.pack(f"{order}I", start + len(beyond))
            beyond += values
            values = place
        entries += struct.pack(f"{order}HHI", tag, 4, len(told[tag])) + values
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(told))
    return head + entries + bytes(4) + beyond + pixels


def icon(mode: str, **options: str) -> bytes:
    return pictures.encoded("ICO", picture(mode), sizes=[SIZE], **options)


def with_sides(data: bytes, marker: bytes, offset: int, form: str, *sides: int) -> bytes:
    """`data` whose header says other sides: `offset` behind `marker`, packed as `form`."""
    changed = bytearray(data)
    struct.pack_into(form, changed, data.index(marker) + offset, *sides)
    return bytes(changed)


def bombs() -> dict[str, bytes]:
    """Small files of each format whose header promises more pixels than anybody has."""
    by_name = {name: data for name, _, _, data in files()}
    png = pictures.png_bomb(20_000, 20_000)
    tiff = by_name["tiff L"]
    width = tiff.index(struct.pack("<HHI", 256, 4, 1)[:8]) + 8
    return {
        "avif": with_sides(by_name["avif RGB"], b"ispe", 8, ">II", 60_000, 60_000),
        "heic": with_sides(by_name["heic RGB"], b"ispe", 8, ">II", 60_000, 60_000),
        "bmp": with_sides(by_name["bmp RGB"], b"BM", 18, "<iiHHI", 60_000, 60_000, 1, 8, 1),
        "bmp from above": with_sides(
            by_name["bmp RGB"], b"BM", 18, "<iiHHI", 9**5, -(9**5), 1, 8, 1
        ),
        "ico": struct.pack("<HHH", 0, 1, 1)
        + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(png), 22)
        + png,
        "jp2": with_sides(by_name["jp2 RGB"], b"\xff\x4f\xff\x51", 8, ">II", 60_000, 60_000),
        "jp2 codestream": with_sides(
            by_name["jp2 codestream"], b"\xff\x4f\xff\x51", 8, ">II", 60_000, 60_000
        ),
        "jxl": b"\xff\x0a" + (6 | (2**30 - 1) << 3 | 7 << 33).to_bytes(16, "little") + bytes(99),
        "tiff": tiff[:width] + struct.pack("<I", 2**31) + tiff[width + 4 :],
        "tiff of many pages": tiff_of_pages(20_000),
        "tiff of a vast tile": tiff_directory({256: 9, 257: 9, 322: 60_000, 323: 60_000}),
    }


def tiff_directory(fields: dict[int, int], at: int = 8, following: int = 0) -> bytes:
    """One page: the header comes with the first."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, fields[tag]) for tag in sorted(fields))
    page = struct.pack("<H", len(fields)) + entries + struct.pack("<I", following)
    return (b"II*\0" + struct.pack("<I", 8) if at == 8 else b"") + page


def tiff_that_says(tag: int, kind: int, n: int, value: int) -> bytes:
    """An uncompressed grey picture of `SIZE` with one field more."""
    pixels = picture("L").tobytes()
    start = 8 + 2 + 10 * 12 + 4
    fields = {256: SIZE[0], 257: SIZE[1], 258: 8, 259: 1, 262: 1, 273: start, 277: 1}
    fields |= {278: SIZE[1], 279: len(pixels)}
    told = {each: (4, 1, value) for each, value in fields.items()} | {tag: (kind, n, value)}
    page = b"".join(struct.pack("<HHII", each, *told[each]) for each in sorted(told))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(told)) + page + bytes(4) + pixels


def tiff_of_pages(n_pages: int) -> bytes:
    """Pages of 100 x 100, each in as few bytes as it takes."""
    size = 2 + 2 * 12 + 4
    starts = [8 + n * size for n in range(n_pages)]
    return b"".join(
        tiff_directory({256: 100, 257: 100}, at, following)
        for at, following in zip(starts, [*starts[1:], 0], strict=True)
    )


def png_chunk(kind: bytes, body: bytes, *, is_sound: bool = True) -> bytes:
    check = zlib.crc32(kind + body) ^ (not is_sound)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


def png_with(*chunks: bytes, data: bytes | None = None) -> bytes:
    """A PNG with `chunks` before its pixels."""
    data = data or pictures.encoded("PNG")
    at = data.index(b"IDAT") - 4
    return data[:at] + b"".join(chunks) + data[at:]


def webp_with(change: Callable[[bytes, bytes], tuple[int, bytes]]) -> bytes:
    """A WebP with a profile, EXIF and XMP, where `change` gives a chunk's length and body."""
    data = pictures.encoded(
        "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0", xmp=b"<x/>", icc_profile=bytes(128)
    )
    chunks, at = [], 12
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        told, body = change(kind, data[at + 8 : at + 8 + length])
        chunks.append(kind + struct.pack("<I", told) + body + bytes(len(body) & 1))
        at += 8 + length + (length & 1)
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_in_one_chunk(kind: bytes, body: bytes) -> bytes:
    """A WebP of the simple kind, which has one chunk, and another behind it."""
    data = pictures.encoded("WEBP") + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(data) - 8) + data[8:]


def gif_with(*blocks: bytes) -> bytes:
    """A GIF with `blocks` before its picture."""
    data = pictures.encoded("GIF", pictures.picture("P"))
    at = 13 + (3 << ((data[10] & 7) + 1))
    return data[:at] + b"".join(blocks) + data[at:]
