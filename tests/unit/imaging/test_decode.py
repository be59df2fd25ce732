import json

import pytest
from PIL import Image

from crawlset.imaging.decode import Features, Rejection, as_message, describe, from_message
from crawlset.imaging.phash import phash, signed
from crawlset.outcomes import Outcome
from tests.unit.imaging import pictures


def features(data: bytes) -> Features:
    seen = describe(data)
    assert isinstance(seen, Features), seen
    return seen


class TestDescribe:
    @pytest.mark.parametrize(
        ("data", "image_format", "mode", "n_frames"),
        [
            (pictures.jpeg(), "jpeg", "RGB", 1),
            (pictures.jpeg("L"), "jpeg", "L", 1),
            (pictures.jpeg("CMYK"), "jpeg", "CMYK", 1),
            (pictures.jpeg(progressive=True), "jpeg", "RGB", 1),
            (pictures.encoded("PNG"), "png", "RGB", 1),
            (pictures.encoded("PNG", pictures.picture("1")), "png", "1", 1),
            (pictures.encoded("PNG", pictures.picture("RGBA")), "png", "RGBA", 1),
            (pictures.encoded("PNG", pictures.picture("P")), "png", "P", 1),
            (pictures.png16(), "png", "I;16", 1),
            (pictures.encoded("WEBP"), "webp", "RGB", 1),
            (pictures.animated_gif(4), "gif", "P", 4),
        ],
    )
    def test_tells_format_size_mode_and_frames(
        self, data: bytes, image_format: str, mode: str, n_frames: int
    ) -> None:
        seen = features(data)

        assert (seen.format, seen.mode, seen.n_frames) == (image_format, mode, n_frames)
        assert (seen.width, seen.height) == pictures.SIZE
        assert -(2**63) <= seen.phash < 2**63

    @pytest.mark.parametrize("size", [(60, 80), (200, 150), (1000, 750), (1501, 1003)])
    def test_hashes_a_jpeg_decoded_small_as_one_decoded_whole(self, size: tuple[int, int]) -> None:
        image = pictures.picture("L", size)
        data = pictures.encoded("JPEG", image, quality=95)

        seen = features(data)

        assert ((seen.phash ^ signed(phash(image))) & (2**64 - 1)).bit_count() <= 4

    def test_hashes_a_16_bit_picture_by_its_high_bytes(self) -> None:
        slope = Image.new("L", pictures.SIZE)
        slope.putdata([x * 255 // 200 for _ in range(150) for x in range(200)])

        assert features(pictures.png16()).dhash == features(pictures.encoded("PNG", slope)).dhash

    def test_reads_the_exif_orientation(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6

        assert features(pictures.jpeg(exif=exif)).orientation == 6

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
    def test_keeps_a_picture_with_a_broken_exif_block(self) -> None:
        assert features(pictures.jpeg(exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")).orientation is None

    @pytest.mark.parametrize(
        ("data", "outcome"),
        [
            (b"", Outcome.not_image),
            (b"<!doctype html><title>Sign in</title>", Outcome.not_image),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Outcome.unsupported_format),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run", Outcome.unsupported_format),
            (pictures.encoded("BMP"), Outcome.unsupported_format),
            (pictures.jpeg()[:-200], Outcome.truncated),
            (pictures.jpeg()[:-2], Outcome.truncated),
            (pictures.encoded("PNG")[:-20], Outcome.truncated),
            (pictures.encoded("WEBP")[:-20], Outcome.truncated),
            (pictures.encoded("GIF")[:-20], Outcome.truncated),
            (pictures.png_bomb(), Outcome.decompression_bomb),
            (pictures.gif_of_frames(20_000), Outcome.decompression_bomb),
            (b"\xff\xd8\xff" + bytes(500), Outcome.decode_error),
        ],
    )
    def test_says_what_is_wrong_with_a_file(self, data: bytes, outcome: Outcome) -> None:
        seen = describe(data)

        assert isinstance(seen, Rejection)
        assert seen.outcome == outcome

    def test_tells_damage_from_an_early_end(self) -> None:
        data = bytearray(pictures.encoded("PNG"))
        middle = data.index(b"IDAT") + 10
        data[middle : middle + 20] = bytes(20)

        seen = describe(bytes(data))

        assert isinstance(seen, Rejection)
        assert seen.outcome == Outcome.decode_error


class TestMessages:
    @pytest.mark.parametrize("data", [pictures.jpeg(), b"nothing"])
    def test_survive_the_pipe(self, data: bytes) -> None:
        seen = describe(data)

        assert from_message(json.loads(json.dumps(as_message(seen)))) == seen
