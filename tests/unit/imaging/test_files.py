"""Formats of today's web: the same picture in each is seen as the same."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image, ImageOps

from crawlset.imaging import jpegxl, opening
from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features, Rejection, Take
from crawlset.outcomes import Outcome
from crawlset.resizing import BROWSER_FORMATS, EXTENSIONS, Intake, Resize, ResizeMode, StoredFormat
from tests.unit.imaging import files, pictures

NAMES, FORMATS, MODES, FILES = zip(*files.files(), strict=True)
UNPRIVILEGED = """
import os, sys
from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features
from crawlset.kit.confinement import confine
data = [open(path, "rb").read() for path in sys.argv[1:]]
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
confine(1 << 30)
for each in data:
    print(isinstance(describe(each), Features), flush=True)
"""


def features(data: bytes, asked: Resize | Take | None = None) -> Features:
    seen = describe(data, asked)
    assert isinstance(seen, Features), seen
    return seen


def distance(a: int, b: int) -> int:
    return ((a ^ b) & (2**64 - 1)).bit_count()


@pytest.mark.parametrize(
    ("data", "image_format", "mode"), list(zip(FILES, FORMATS, MODES, strict=True)), ids=NAMES
)
class TestEveryFile:
    def test_tells_format_size_and_mode(self, data: bytes, image_format: str, mode: str) -> None:
        seen = features(data)

        assert (seen.format, seen.mode, seen.n_frames) == (image_format, mode, 1)
        assert (seen.width, seen.height) == files.SIZE
        assert seen.warning is None

    def test_hashes_the_picture_as_its_png(self, data: bytes, image_format: str, mode: str) -> None:
        png = features(pictures.encoded("PNG", files.picture()))

        seen = features(data)

        for bits, other in zip(seen.phashes[:6], png.phashes, strict=True):
            assert distance(bits, other) <= 4

    @pytest.mark.parametrize("stored", StoredFormat)
    def test_can_be_stored_in_another_format(
        self, data: bytes, image_format: str, mode: str, stored: StoredFormat
    ) -> None:
        take = Take(Intake(("gif",), stored))

        seen = features(data, take)

        assert seen.transformed is not None
        assert pictures.opened(seen.transformed).size == files.SIZE
        again = features(seen.transformed.data)
        assert distance(seen.phashes[0], again.phashes[0]) <= 4


class TestChild:
    def test_needs_no_thread_and_no_file(self, tmp_path: Path) -> None:
        """
        Not root, who may start processes whatever the limit is (setrlimit(2), RLIMIT_NPROC).

        libheif aborts where it cannot start a thread:
        https://github.com/strukturag/libheif/issues/1755
        """
        paths = []
        for at, data in enumerate(FILES):
            paths.append(tmp_path / str(at))
            paths[-1].write_bytes(data)

        seen = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, *map(str, paths)],
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
        )

        assert (seen.returncode, seen.stderr) == (0, "")
        assert seen.stdout.split() == ["True"] * len(FILES)


class TestOrientation:
    """
    A HEIF is turned by its boxes and not by its EXIF, whose orientation says what was before
    (ISO/IEC 23008-12, 6.5.10; https://github.com/strukturag/libheif/issues/227).
    """

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("image_format", ["AVIF", "HEIF", "TIFF"])
    def test_is_applied_once(self, image_format: str, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture = pictures.picture("RGB", (400, 300))
        picture.info["exif"] = exif.tobytes()
        upright = ImageOps.exif_transpose(picture)
        wanted = Resize(ResizeMode.no, 0, format=StoredFormat.png, quality=1)

        seen = features(pictures.encoded(image_format, picture, exif=exif.tobytes()), wanted)

        assert seen.transformed is not None
        assert (seen.transformed.width, seen.transformed.height) == upright.size
        stored = features(seen.transformed.data)
        expected = features(pictures.encoded("PNG", upright))
        assert distance(stored.phashes[0], expected.phashes[0]) <= 4


class TestFrames:
    @pytest.mark.parametrize("image_format", ["AVIF", "HEIF", "TIFF"])
    def test_are_counted(self, image_format: str) -> None:
        others = [pictures.picture().rotate(20 * n) for n in range(1, 4)]

        data = pictures.encoded(image_format, save_all=True, append_images=others)

        assert features(data).n_frames == 4

    @pytest.mark.parametrize("flags", [None, b"\2\0\0\0"])
    def test_are_not_tiles_nor_thumbnails(self, flags: bytes | None) -> None:
        """A telephone's HEIC is a grid of tiles; not every writer hides them (`flags`)."""
        picture = pictures.picture(size=(256, 192))
        data = pictures.encoded("HEIF", picture, tile_size=64, thumbnails=[64])
        assert data.count(b"infe") > 12
        if flags is not None:
            data = re.sub(rb"infe....", b"infe" + flags, data, flags=re.DOTALL)

        seen = features(data)

        assert (seen.width, seen.height, seen.n_frames) == (256, 192, 1)

    def test_of_an_icon_are_sizes_of_one_picture(self) -> None:
        data = pictures.encoded("ICO", pictures.picture(size=(64, 64)), sizes=[(16, 16), (64, 64)])

        seen = features(data)

        assert (seen.width, seen.height, seen.n_frames) == (64, 64, 1)


class TestIntake:
    @pytest.mark.parametrize("image_format", EXTENSIONS)
    def test_is_what_browsers_show_if_a_job_does_not_say(self, image_format: str) -> None:
        """https://developer.mozilla.org/docs/Web/Media/Guides/Formats/Image_types"""
        shown = {"jpeg", "png", "webp", "gif", "avif", "bmp", "ico"}

        assert Intake().takes(image_format) == (image_format in shown)
        assert set(BROWSER_FORMATS) == shown

    def test_refuses_by_name_what_it_does_not_take(self) -> None:
        data = pictures.encoded("TIFF")

        seen = describe(data, Take(Intake()))

        assert seen == Rejection(Outcome.unsupported_format, "tiff, which the job does not take")

    def test_leaves_the_bytes_of_what_it_takes(self) -> None:
        take = Take(Intake(("tiff",), StoredFormat.webp))

        assert features(pictures.encoded("TIFF"), take).transformed is None

    def test_resizes_whatever_it_takes(self) -> None:
        take = Take(Intake(("png",), StoredFormat.webp), Resize(ResizeMode.keep_ratio, 100))

        for image_format in ("PNG", "TIFF"):
            stored = features(pictures.encoded(image_format), take).transformed

            assert stored is not None
            assert (stored.format, stored.height) == ("jpeg", 100)

    @pytest.mark.parametrize(
        ("name", "module", "library"),
        [("heic RGB", opening, "HEIF"), ("jxl RGB", jpegxl, "LIBRARY")],
    )
    def test_names_the_format_whose_decoder_is_not_installed(
        self, monkeypatch: pytest.MonkeyPatch, name: str, module: ModuleType, library: str
    ) -> None:
        monkeypatch.setattr(module, library, None)

        seen = describe(FILES[NAMES.index(name)])

        assert seen == Rejection(Outcome.unsupported_format, name.split(maxsplit=1)[0])


class TestTiff:
    @pytest.mark.parametrize("tag", [270, 700, 33432, 33723, 34665, 34675, 34853])
    @pytest.mark.parametrize(
        ("kind", "n", "value"),
        [(3, 2, 7), (4, 3, 8), (12, 1, 8), (1, 4, 0), (7, 1 << 30, 8), (2, 9, 1 << 31), (99, 1, 0)],
    )
    def test_is_read_whatever_its_metadata_are(
        self, tag: int, kind: int, n: int, value: int
    ) -> None:
        """A description, XMP, rights, IPTC, EXIF, the profile and GPS hold no pixels."""
        sound = features(files.tiff_that_says(270, 2, 4, 0))

        seen = features(files.tiff_that_says(tag, kind, n, value))

        assert seen.pixel_hash == sound.pixel_hash
        assert seen.data_mining is None

    def test_with_values_that_are_no_numbers_is_measured(self) -> None:
        values = np.full((80, 100), np.nan, np.float32)
        values[20:60, 30:70] = np.inf

        seen = features(pictures.encoded("TIFF", Image.fromarray(values)))

        assert seen.mode == "F"
