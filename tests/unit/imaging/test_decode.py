import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features, Rejection
from crawlset.imaging.hashes import phashes
from crawlset.outcomes import Outcome
from crawlset.resizing import Resize, ResizeMode, StoredFormat
from tests.unit.imaging import pictures
from tests.unit.imaging.xmp_packets import AS_TEXT, packet


def features(data: bytes) -> Features:
    seen = describe(data)
    assert isinstance(seen, Features), seen
    return seen


def distance(a: int, b: int) -> int:
    return ((a ^ b) & (2**64 - 1)).bit_count()


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
        assert all(-(2**63) <= bits < 2**63 for bits in seen.phashes)
        assert seen.warning is None

    @pytest.mark.parametrize("size", [(60, 80), (200, 150), (1000, 750), (1501, 1003)])
    def test_hashes_a_jpeg_decoded_small_as_one_decoded_whole(self, size: tuple[int, int]) -> None:
        image = pictures.picture("L", size)
        data = pictures.encoded("JPEG", image, quality=95)

        seen = features(data)

        pixels, box = np.asarray(image).astype(np.float64), (0, 0, *size)
        *of_cuts, _ = seen.phashes
        for bits, whole in zip(of_cuts, phashes(pixels, box), strict=True):
            assert distance(bits, whole) <= 4

    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
    @pytest.mark.parametrize("size", [(200, 150), (640, 480), (901, 677)])
    def test_hashes_copies_alike(self, image_format: str, size: tuple[int, int]) -> None:
        original = features(pictures.jpeg("RGB", (1280, 960)))

        copy = features(pictures.encoded(image_format, pictures.picture("RGB", size), quality=60))

        assert distance(original.phashes[0], copy.phashes[0]) <= 4

    def test_hashes_a_framed_picture_as_the_picture(self) -> None:
        framed = Image.new("RGB", (260, 200), "white")
        framed.paste(pictures.picture(), (30, 20))

        seen = features(pictures.encoded("PNG", framed))

        for bits, other in zip(
            seen.phashes, features(pictures.encoded("PNG")).phashes, strict=True
        ):
            assert distance(bits, other) <= 6
        assert seen.scores["border"] == pytest.approx(1 - 200 * 150 / (260 * 200), abs=0.02)

    @pytest.mark.parametrize("size", [(1, 1), (3, 9000), (60_000, 20), (4000, 70)])
    def test_describes_pictures_of_any_shape(self, size: tuple[int, int]) -> None:
        for data in (
            pictures.jpeg("RGB", size),
            pictures.encoded("PNG", pictures.picture("L", size)),
        ):
            seen = features(data)

            assert (seen.width, seen.height) == size

    @pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("CMYK", 4)])
    def test_counts_channels(self, mode: str, channels: float) -> None:
        assert features(pictures.jpeg(mode)).scores["channels"] == channels

    def test_scores_a_png_as_the_jpeg_of_the_same_picture(self) -> None:
        image = pictures.picture("L", (900, 700))
        png, jpeg = (features(pictures.encoded(name, image)).scores for name in ("PNG", "JPEG"))

        assert png.keys() == jpeg.keys()
        for name, score in png.items():
            assert score == pytest.approx(jpeg[name], abs=0.02), name

    def test_measures_a_16_bit_picture_by_its_high_bytes(self) -> None:
        slope = Image.new("L", pictures.SIZE)
        slope.putdata([x * 255 // 200 for _ in range(150) for x in range(200)])

        deep, plain = features(pictures.png16()), features(pictures.encoded("PNG", slope))
        assert deep.scores["brightness_mean"] == pytest.approx(
            plain.scores["brightness_mean"], abs=0.01
        )
        assert deep.scores["contrast"] == pytest.approx(plain.scores["contrast"], abs=0.01)

    def test_reads_the_exif_orientation(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6

        assert features(pictures.jpeg(exif=exif)).orientation == 6

    @pytest.mark.parametrize("mode", ["RGB", "CMYK"])
    @pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
    def test_keeps_a_picture_with_a_broken_exif_block(self, mode: str) -> None:
        data = pictures.jpeg(mode, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")

        assert features(data).orientation is None

    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
    def test_reads_the_orientation_of_each_format(self, image_format: str) -> None:
        exif = Image.Exif()
        exif[0x0112] = 3
        data = pictures.encoded(image_format, exif=exif.tobytes())

        assert features(data).orientation == 3

    @pytest.mark.parametrize("mode", ["RGB", "CMYK"])
    def test_reads_what_the_xmp_of_a_jpeg_says_of_data_mining(self, mode: str) -> None:
        data = pictures.jpeg(mode, xmp=packet(AS_TEXT))

        assert features(data).data_mining == "DMI-PROHIBITED-AIMLTRAINING"

    @pytest.mark.parametrize(
        ("data", "outcome"),
        [
            (b"", Outcome.not_image),
            (b"<!doctype html><title>Sign in</title>", Outcome.not_image),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Outcome.unsupported_format),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run", Outcome.unsupported_format),
            (b"8BPS\0\1", Outcome.unsupported_format),
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


class TestTransformed:
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_stands_upright(self, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        image = pictures.picture("RGB", (400, 300))
        wanted = Resize(ResizeMode.keep_ratio, 150, format=StoredFormat.png, quality=1)

        seen = describe(pictures.encoded("JPEG", image, quality=95, exif=exif), wanted)

        assert isinstance(seen, Features)
        assert seen.transformed is not None
        assert (seen.width, seen.height) == (400, 300)
        upright = ImageOps.exif_transpose(tagged(image, exif)).resize(
            (seen.transformed.width, seen.transformed.height)
        )
        stored = Image.open(io.BytesIO(seen.transformed.data))
        difference = np.asarray(stored).astype(int) - np.asarray(upright)
        assert np.abs(difference).mean() < 4

    @pytest.mark.parametrize("mode", ResizeMode)
    def test_comes_with_the_hashes_of_the_original(self, mode: ResizeMode) -> None:
        data = pictures.jpeg("RGB", (1501, 1003))

        seen, usual = describe(data, Resize(mode, 256)), describe(data)

        assert isinstance(seen, Features)
        assert isinstance(usual, Features)
        for bits, other in zip(seen.phashes, usual.phashes, strict=True):
            assert distance(bits, other) <= 4
        for name, score in seen.scores.items():
            assert score == pytest.approx(usual.scores[name], abs=0.02)

    def test_has_as_many_pixels_as_are_wanted_though_decoded_small(self) -> None:
        image = pictures.grain((1024, 768)).convert("RGB")

        seen = describe(
            pictures.encoded("JPEG", image), Resize(ResizeMode.keep_ratio, 700, quality=95)
        )

        assert isinstance(seen, Features)
        assert seen.transformed is not None
        assert min(seen.transformed.width, seen.transformed.height) == 700


def tagged(image: Image.Image, exif: Image.Exif) -> Image.Image:
    tagged = image.copy()
    tagged.info["exif"] = exif.tobytes()
    return tagged
