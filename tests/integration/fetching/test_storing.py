"""Pictures that are fetched, decoded and packed."""

import base64
import hashlib
import io
import json
import os
import signal
import socket
import struct
import tarfile
import tempfile
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from crawlset.fetching.limits import Limits
from crawlset.imaging.signatures import SIGNATURE_BYTES
from crawlset.outcomes import Outcome
from crawlset.resizing import Intake, Resize, ResizeMode, StoredFormat
from crawlset.wire.outcomes import Defer
from tests.integration.fetching.chunk_fetch import QUICK, USER_AGENT, Fetch, WatchedPool, only
from tests.integration.web_server import Web, response
from tests.unit.imaging import pictures


class TestStoring:
    def test_packs_the_bytes_as_received_and_tells_all_about_them(
        self, web: Web, fetch: Fetch, pack_path: Path
    ) -> None:
        data = pictures.jpeg()
        url = web.add("/a.jpg", data, Content_Type="image/jpeg")

        result = fetch(url)

        stored = only(result)
        assert (stored.outcome, stored.http_status) == (Outcome.stored, 200)
        assert (stored.final_url, stored.content_type) == (url, "image/jpeg")
        assert stored.sha256 == hashlib.sha256(data).hexdigest()
        assert (stored.width, stored.height) == pictures.SIZE
        assert (stored.format, stored.mode, stored.n_frames) == ("jpeg", "RGB", 1)
        assert stored.phashes is not None
        assert (len(stored.phashes), stored.phash) == (6, stored.phashes[0])
        assert stored.signature is not None
        assert len(base64.b64decode(stored.signature)) == SIGNATURE_BYTES
        assert stored.scores
        assert stored.file_size == stored.pack_length == len(data)
        assert stored.evidence["address"] == "127.0.0.1"
        assert stored.pack_offset is not None
        file = pack_path.read_bytes()
        assert file[stored.pack_offset : stored.pack_offset + len(data)] == data
        assert result.n_bytes_fetched == len(data)
        with tarfile.open(pack_path) as tar:
            assert tar.getnames() == ["chunk-00000.jpg"]

    def test_puts_off_a_picture_the_disk_has_no_room_for(
        self, web: Web, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "fstatvfs", lambda _: SimpleNamespace(f_bavail=0, f_frsize=4096))

        result = fetch(web.add("/a.jpg", pictures.jpeg()), web.add("/gone.jpg", status=404))

        unstored, gone = result.outcomes
        assert (unstored.outcome, unstored.detail) == (
            Outcome.worker_failed,
            "no room left for the pack",
        )
        assert unstored.defer == Defer(60, "storage")
        assert (gone.outcome, gone.defer, result.n_packed) == (Outcome.http_404, None, 0)

    def test_puts_off_a_large_body_the_disk_has_no_room_for(
        self, web: Web, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """/dev/full takes every write with ENOSPC, as a full disk does (full(4))."""
        monkeypatch.setattr(tempfile, "TemporaryFile", partial(io.FileIO, "/dev/full", "r+"))
        url = web.add("/a.jpg", pictures.jpeg() + bytes(3 << 20))

        unstored = only(fetch(url, limits=replace(QUICK, body_bytes=8 << 20)))

        assert (unstored.outcome, unstored.detail) == (
            Outcome.worker_failed,
            "no room left on the disk",
        )
        assert unstored.defer == Defer(60, "storage")
        assert web.requests["/a.jpg"] == 1

    def test_packs_the_same_bytes_once(self, web: Web, fetch: Fetch) -> None:
        data = pictures.jpeg()

        result = fetch(web.add("/a.jpg", data), web.add("/b.jpg", data))

        first, second = result.outcomes
        assert first.pack_offset == second.pack_offset
        assert (first.outcome, second.outcome) == (Outcome.stored, Outcome.stored)
        assert result.n_packed == 1

    def test_has_a_line_for_the_outcome_object(self, web: Web, fetch: Fetch) -> None:
        line = only(fetch(web.add("/a.jpg", pictures.jpeg()))).to_json()

        assert json.loads(json.dumps(line, allow_nan=False)) == line
        assert (line["n"], line["outcome"], line["n_retries"]) == (0, "stored", 0)
        assert [line["defer"], line["change"], line["transform"]] == [None, None, None]

    def test_says_who_asks(self, web: Web, fetch: Fetch) -> None:
        fetch(web.add("/a.jpg", pictures.jpeg()))

        assert web.user_agents == {USER_AGENT.lower()}

    def test_takes_images_larger_than_the_memory_for_one(
        self, web: Web, fetch: Fetch, pack_path: Path
    ) -> None:
        large = pictures.encoded("PNG", pictures.picture("RGB", (1500, 1000)), compress_level=0)

        stored = only(fetch(web.add("/a.png", large), limits=Limits()))

        assert stored.sha256 == hashlib.sha256(large).hexdigest()
        assert stored.pack_offset is not None
        file = pack_path.read_bytes()
        assert file[stored.pack_offset : stored.pack_offset + len(large)] == large

    def test_asks_a_host_for_no_more_at_once_than_it_may(self, web: Web, fetch: Fetch) -> None:
        are_enough, are_too_many = threading.Event(), threading.Event()
        lock = threading.Lock()
        busy = most = 0

        def page(connection: socket.socket) -> None:
            nonlocal busy, most
            with lock:
                busy += 1
                most = max(most, busy)
                if busy == QUICK.n_per_host:
                    are_enough.set()
                if busy > QUICK.n_per_host:
                    are_too_many.set()
            are_enough.wait(60)
            are_too_many.wait(0.02)
            with lock:
                busy -= 1
            connection.sendall(response(pictures.jpeg("L"), Connection="close"))

        for n in range(20):
            web.pages[f"/{n}.jpg"] = page

        result = fetch(*(web.url(f"/{n}.jpg") for n in range(20)))

        assert result.counts == {"stored": 20}
        assert most == QUICK.n_per_host


class TestResizing:
    def test_packs_the_picture_as_wanted_and_tells_of_the_original(
        self, web: Web, fetch: Fetch, pack_path: Path
    ) -> None:
        data = pictures.encoded("PNG")
        wanted = Resize(ResizeMode.keep_ratio, 64, quality=90)

        stored = only(fetch(web.add("/a.png", data), resize=wanted))

        assert stored.pack_offset is not None
        assert stored.pack_length == stored.file_size
        packed = pack_path.read_bytes()[stored.pack_offset :][: stored.pack_length]
        assert stored.sha256 == hashlib.sha256(packed).hexdigest()
        with Image.open(io.BytesIO(packed)) as image:
            assert image.size == (stored.width, stored.height)
            assert image.format == "JPEG"
        assert stored.format == "jpeg"
        assert stored.transform == {
            "mode": "keep_ratio",
            "size": 64,
            "only_if_bigger": False,
            "format": "jpeg",
            "quality": 90,
            "original": {
                "sha256": hashlib.sha256(data).hexdigest(),
                "file_size": len(data),
                "width": pictures.SIZE[0],
                "height": pictures.SIZE[1],
                "format": "png",
                "mode": "RGB",
                "n_frames": 1,
            },
        }
        with tarfile.open(pack_path) as tar:
            assert tar.getnames() == ["chunk-00000.jpg"]

    @pytest.mark.parametrize("received", ["PNG", "GIF", "WEBP"])
    @pytest.mark.parametrize("stored_format", list(StoredFormat))
    @pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
    def test_tells_of_the_stored_file_and_not_of_the_animation_received(
        self,
        web: Web,
        fetch: Fetch,
        pack_path: Path,
        received: str,
        stored_format: StoredFormat,
        mode: str,
    ) -> None:
        """A browser plays animated PNGs; people store them without asking for the frames."""
        frames = [pictures.picture(mode).rotate(20 * n) for n in range(3)]
        data = pictures.encoded(received, frames[0], save_all=True, append_images=frames[1:])
        wanted = Resize(ResizeMode.keep_ratio, 64, format=stored_format, quality=9)

        stored = only(fetch(web.add("/a", data), resize=wanted))

        assert stored.pack_offset is not None
        packed = pack_path.read_bytes()[stored.pack_offset :][: stored.pack_length]
        with Image.open(io.BytesIO(packed)) as image, Image.open(io.BytesIO(data)) as animation:
            assert (stored.mode, stored.n_frames) == (image.mode, getattr(image, "n_frames", 1))
            assert stored.format == (image.format or "").lower()
            assert stored.transform is not None
            original = stored.transform["original"]
            assert (original["mode"], original["n_frames"]) == (animation.mode, 3)
            assert (original["format"], original["file_size"]) == (received.lower(), len(data))

    def test_tells_no_orientation_of_a_file_that_is_stored_upright(
        self, web: Web, fetch: Fetch
    ) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        url = web.add("/a.jpg", pictures.jpeg(exif=exif))

        as_received = only(fetch(url))
        resized = only(fetch(url, resize=Resize(ResizeMode.keep_ratio, 64)))

        assert (as_received.evidence["orientation"], as_received.width) == (6, pictures.SIZE[0])
        assert "orientation" not in resized.evidence
        assert resized.transform is not None
        assert resized.transform["original"]["orientation"] == 6
        assert (resized.width, resized.height) == (64, 85)

    def test_leaves_bytes_as_received_unless_asked(self, web: Web, fetch: Fetch) -> None:
        assert only(fetch(web.add("/a.jpg", pictures.jpeg()))).transform is None


class TestIntake:
    @pytest.mark.parametrize("image_format", ["AVIF", "BMP", "ICO"])
    def test_stores_as_received_what_browsers_show(
        self, web: Web, fetch: Fetch, pack_path: Path, image_format: str
    ) -> None:
        data = pictures.encoded(image_format)

        stored = only(fetch(web.add("/a", data)))

        assert (stored.outcome, stored.format, stored.transform) == (
            Outcome.stored,
            image_format.lower(),
            None,
        )
        assert stored.sha256 == hashlib.sha256(data).hexdigest()
        with tarfile.open(pack_path) as tar:
            assert tar.getnames() == [f"chunk-00000.{image_format.lower()}"]

    def test_refuses_other_formats_by_name(self, web: Web, fetch: Fetch) -> None:
        refused = only(fetch(web.add("/a.tif", pictures.encoded("TIFF"))))

        assert (refused.outcome, refused.detail) == (
            Outcome.unsupported_format,
            "tiff, which the job does not take",
        )

    def test_transcodes_what_is_not_among_the_formats(
        self, web: Web, fetch: Fetch, pack_path: Path
    ) -> None:
        data = pictures.encoded("TIFF")
        intake = Intake(("jpeg",), StoredFormat.webp)
        urls = web.add("/a.tif", data), web.add("/b.jpg", pictures.jpeg())

        transcoded, kept = fetch(*urls, intake=intake).outcomes

        assert (transcoded.format, kept.format) == ("webp", "jpeg")
        assert (transcoded.width, transcoded.height) == pictures.SIZE
        assert kept.transform is None
        assert transcoded.transform is not None
        original = transcoded.transform.pop("original")
        assert transcoded.transform == {
            "mode": "no",
            "size": 0,
            "only_if_bigger": False,
            "format": "webp",
            "quality": 95,
        }
        assert (original["format"], original["file_size"]) == ("tiff", len(data))
        assert original["sha256"] == hashlib.sha256(data).hexdigest()
        with tarfile.open(pack_path) as tar:
            assert set(tar.getnames()) == {"chunk-00000.webp", "chunk-00001.jpg"}

    def test_never_takes_a_drawing(self, web: Web, fetch: Fetch) -> None:
        svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
        intake = Intake(("jpeg",), StoredFormat.png)

        assert only(fetch(web.add("/a", svg), intake=intake)).outcome == Outcome.unsupported_format

    def test_keeps_what_was_odd_about_a_file(self, web: Web, fetch: Fetch) -> None:
        data = pictures.encoded("PNG")
        at = data.index(b"IDAT") - 4
        odd = data[:at] + struct.pack(">I4s9sI", 9, b"pHYs", bytes(9), 1) + data[at:]

        stored = only(fetch(web.add("/a.png", odd)))

        assert (stored.outcome, stored.evidence["warning"]) == (
            Outcome.stored,
            "wrong CRC in pHYs",
        )


class TestDecoding:
    @pytest.mark.parametrize(
        ("data", "outcome"),
        [
            (pictures.jpeg()[:-300], Outcome.truncated),
            (b"<!doctype html><title>Sign in</title>", Outcome.not_image),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Outcome.unsupported_format),
            (pictures.png_bomb(), Outcome.decompression_bomb),
            (pictures.gif_of_frames(20_000), Outcome.decompression_bomb),
            (b"", Outcome.not_image),
            (pictures.animated_gif(), Outcome.stored),
            (pictures.jpeg("CMYK"), Outcome.stored),
            (pictures.png16(), Outcome.stored),
        ],
    )
    def test_settles_every_kind_of_file(
        self, web: Web, fetch: Fetch, data: bytes, outcome: Outcome
    ) -> None:
        settled = only(fetch(web.add("/a.jpg", data, Content_Type="image/jpeg")))

        assert settled.outcome == outcome
        assert settled.file_size == len(data)

    def test_loses_one_url_to_a_decoder_that_dies(self, web: Web, fetch: Fetch) -> None:
        pool = WatchedPool(1)
        fetch(web.add("/warm.jpg", pictures.jpeg()), pool=pool)
        (pid,) = pool.pids
        pool.is_given.clear()

        def page(connection: socket.socket) -> None:
            os.kill(pid, signal.SIGSTOP)
            connection.sendall(response(pictures.jpeg(), Connection="close"))
            pool.is_given.wait(60)
            os.kill(pid, signal.SIGKILL)

        web.pages["/a.jpg"] = page
        others = [web.add(f"/{n}.jpg", pictures.jpeg()) for n in range(9)]

        result = fetch(web.url("/a.jpg"), *others, pool=pool)

        pool.close()
        assert result.counts == {"stored": 9, "decode_crash": 1}
