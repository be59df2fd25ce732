import ctypes
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from crawlset.imaging.decode import describe
from crawlset.imaging.features import REPLY, Features, Rejection, Transformed, result_message
from crawlset.imaging.pool import DecodePool, DecoderUnavailableError, n_that_fit
from crawlset.imaging.stripping import stripped
from crawlset.kit.event_loop import Loop
from crawlset.outcomes import Outcome
from crawlset.resizing import Resize, ResizeMode, StoredFormat
from crawlset_local.sample_site.bombs import jpeg_of_scans
from tests.unit.imaging import pictures
from tests.unit.imaging.decoding import WALL_SECONDS, Seen, decode_all
from tests.unit.imaging.photographs import PACKET, photograph
from tests.unit.imaging.xmp_packets import DEEP

Answered = Callable[[bytes, bytes], Seen]


@pytest.fixture
def answering(
    start: Callable[..., DecodePool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[bytes], DecodePool]:
    """A pool whose child is up, reads some of a picture, answers so and ends."""

    def answering(answer: bytes) -> DecodePool:
        (tmp_path / "answer").write_bytes(answer)
        child = tmp_path / "child"
        child.write_text(
            "#!/bin/sh\nprintf '\\0\\0\\0\\0\\0\\0\\0\\0'\n"
            f"head -c 100 >{tmp_path}/picture\ncat {tmp_path}/answer\n"
        )
        child.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(child))
        return start()

    return answering


@pytest.fixture
def answered(loop: Loop, answering: Callable[[bytes], DecodePool]) -> Answered:
    """What the pool says of a picture whose child answers so."""

    def answered(answer: bytes, picture: bytes) -> Seen:
        (seen,) = decode_all(loop, answering(answer), [picture])
        return seen

    return answered


class TestDecodePool:
    def test_describes_files_larger_than_a_pipe(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        large = pictures.encoded("PNG", pictures.picture("RGB", (2000, 1500)), compress_level=0)

        seen = decode_all(loop, start(), [large, pictures.jpeg(), b"nothing"])

        assert isinstance(seen[0], Features)
        assert (seen[0].width, len(large) > 1 << 20) == (2000, True)
        assert isinstance(seen[1], Features)
        assert seen[2] == Rejection(Outcome.not_image, "no image signature")

    def test_outlives_a_loop(self, start: Callable[..., DecodePool]) -> None:
        with closing(Loop()) as first, closing(Loop()) as second:
            pool = DecodePool(1)
            for loop in (first, second):
                pool.attach(loop)
                (seen,) = decode_all(loop, pool, [pictures.jpeg()])
                pool.detach()

                assert isinstance(seen, Features)
            pool.close()

    def test_loses_one_picture_to_a_child_that_is_killed_and_replaces_it(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        pool = start()
        decode_all(loop, pool, [pictures.jpeg()])
        (pid,) = pool.pids
        os.kill(pid, signal.SIGSTOP)
        loop.call_later(0.05, lambda: os.kill(pid, signal.SIGKILL))

        seen = decode_all(loop, pool, [pictures.jpeg(), pictures.jpeg()])

        assert seen[0] == Rejection(Outcome.decode_crash, "killed by SIGKILL")
        assert isinstance(seen[1], Features)
        assert pool.pids != [pid]

    def test_replaces_a_child_that_died_while_idle(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        pool = start()
        decode_all(loop, pool, [pictures.jpeg()])
        os.kill(pool.pids[0], signal.SIGKILL)
        os.waitid(os.P_PID, pool.pids[0], os.WEXITED | os.WNOWAIT)

        first, second = decode_all(loop, pool, [pictures.jpeg(), pictures.jpeg()])

        assert isinstance(second, Features)
        assert isinstance(first, Features) or first.outcome == Outcome.decode_crash

    def test_ends_a_child_that_takes_too_long(
        self, loop: Loop, start: Callable[..., DecodePool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pool = start()
        decode_all(loop, pool, [pictures.jpeg()])
        os.kill(pool.pids[0], signal.SIGSTOP)
        now = time.monotonic
        loop.call_later(
            0, lambda: monkeypatch.setattr(time, "monotonic", lambda: now() + WALL_SECONDS)
        )

        seen = decode_all(loop, pool, [pictures.jpeg(), pictures.jpeg()])

        assert seen[0] == Rejection(Outcome.decode_crash, "out of time")
        assert isinstance(seen[1], Features)

    def test_refuses_what_needs_more_memory_than_a_child_gets(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        pool = start(max_memory=300 << 20)
        large = pictures.encoded("PNG", Image.new("RGBA", (7000, 7000)))

        seen = decode_all(loop, pool, [large, pictures.jpeg()])

        assert seen[0] == Rejection(
            Outcome.decompression_bomb, "needs more memory than a decoder gets"
        )
        assert isinstance(seen[1], Features)

    def test_feeds_bodies_in_many_pieces(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        data = pictures.encoded("PNG", pictures.picture("RGB", (1200, 1000)), compress_level=0)

        seen = decode_all(loop, start(), [data], piece=700)

        assert isinstance(seen[0], Features)
        assert len(data) > 3 << 20

    def test_ends_a_child_that_uses_too_much_cpu(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        pool = start(cpu_seconds=0)
        seen = decode_all(loop, pool, [jpeg_of_scans(7000, 400), pictures.jpeg()])

        assert seen[0] == Rejection(Outcome.decode_crash, "killed by SIGXCPU")
        assert isinstance(seen[1], Features)

    def test_gives_a_child_no_credentials(
        self,
        loop: Loop,
        start: Callable[..., DecodePool],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        pool = start()
        decode_all(loop, pool, [pictures.jpeg()])

        environment = Path(f"/proc/{pool.pids[0]}/environ").read_bytes()

        assert b"AWS_" not in environment
        assert b"PYTHONPATH" in environment

    def test_lets_a_child_open_nothing(self, loop: Loop, start: Callable[..., DecodePool]) -> None:
        pool = start()
        decode_all(loop, pool, [pictures.jpeg()])
        (pid,) = pool.pids

        limits = {
            name: resource.prlimit(pid, getattr(resource, f"RLIMIT_{name}"))
            for name in ("NOFILE", "NPROC", "CORE")
        }

        assert set(limits.values()) == {(0, 0)}

    def test_hides_our_memory_from_our_own_user(self, start: Callable[..., DecodePool]) -> None:
        start()

        assert Path("/proc/self/environ").stat().st_uid == 0
        assert ctypes.CDLL(None).prctl(3) == 0

    def test_says_when_no_child_can_start(
        self, loop: Loop, start: Callable[..., DecodePool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", shutil.which("false"))

        with pytest.raises(DecoderUnavailableError):
            decode_all(loop, start(), [pictures.jpeg()])


class TestHostileAnswers:
    """A child that was taken over by a file can answer anything."""

    @pytest.mark.parametrize(
        ("answer", "detail"),
        [
            (REPLY.pack(1 << 17, 0), "an answer too long"),
            (REPLY.pack(2, 1 << 31), "an answer too long"),
            (REPLY.pack(2, 0) + b"{}", "an answer that makes no sense"),
            (REPLY.pack(2, 0) + b"[]", "an answer that makes no sense"),
            (REPLY.pack(4, 0) + b"null", "an answer that makes no sense"),
            (REPLY.pack(3, 2) + b"\xff\xfe{xx", "an answer that makes no sense"),
            (REPLY.pack(60000, 0) + b"[" * 60000, "an answer that makes no sense"),
            (REPLY.pack(20, 0) + b"half of it", "exit status 0"),
        ],
    )
    def test_cost_the_picture(self, answered: Answered, answer: bytes, detail: str) -> None:
        assert answered(answer, pictures.jpeg()) == Rejection(Outcome.decode_crash, detail)

    def test_are_not_taken_before_the_question_is_out(self, answered: Answered) -> None:
        large = pictures.encoded("PNG", pictures.picture("RGB", (1500, 1000)), compress_level=0)

        seen = answered(REPLY.pack(2, 0) + b"{}", large)

        assert seen == Rejection(Outcome.decode_crash, "an answer before the question")


class TestTransformed:
    @pytest.mark.parametrize("stored", StoredFormat)
    def test_is_made_where_no_file_can_be_opened(
        self, loop: Loop, start: Callable[..., DecodePool], stored: StoredFormat
    ) -> None:
        pool = start()
        files = [
            pictures.jpeg(size=(640, 480)),
            pictures.encoded("PNG", pictures.picture("P")),
            pictures.png16(),
            pictures.animated_gif(),
            pictures.jpeg("CMYK"),
        ]

        for mode in ResizeMode:
            wanted = Resize(mode, 100, format=stored, quality=9)
            for seen in decode_all(loop, pool, files, resize=wanted):
                assert isinstance(seen, Features)
                assert seen.transformed is not None
                with Image.open(io.BytesIO(seen.transformed.data)) as image:
                    image.load()
                    assert image.format == stored.value.upper()
                    assert image.size == (seen.transformed.width, seen.transformed.height)

    def test_is_asked_for_picture_by_picture(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        pool = start()
        wanted = Resize(ResizeMode.keep_ratio, 32)

        first = decode_all(loop, pool, [pictures.jpeg()], resize=wanted)
        second = decode_all(loop, pool, [pictures.jpeg()])

        assert isinstance(first[0], Features)
        assert isinstance(second[0], Features)
        assert first[0].transformed is not None
        assert second[0].transformed is None

    def test_comes_whole_however_large(self, answered: Answered) -> None:
        seen = describe(pictures.jpeg())
        assert isinstance(seen, Features)
        picture = Transformed(random.Random(1).randbytes(3 << 20), "jpeg", 640, 480)
        wanted = replace(seen, transformed=picture)
        answer = json.dumps(result_message(wanted)).encode()
        reply = REPLY.pack(len(answer), len(picture.data)) + answer + picture.data

        assert answered(reply, pictures.jpeg()) == wanted


class TestStripAll:
    @pytest.mark.parametrize("piece", [PACKET, DEEP, b'<?xml version="1.0" encoding="cp437"?><a/>'])
    def test_gives_what_stripping_gives_where_no_file_can_be_opened(self, piece: bytes) -> None:
        files = [
            (photograph("JPEG", xmp=piece), "jpeg"),
            (photograph("WEBP", xmp=piece), "webp"),
            (photograph("PNG"), "png"),
            (photograph("GIF"), "gif"),
            (b"nothing", "png"),
        ]

        with closing(DecodePool(2)) as pool:
            assert pool.strip_all(files) == [stripped(*file) for file in files]

    def test_loses_one_picture_to_a_child_that_is_killed(self) -> None:
        whole = photograph("JPEG")

        def killing() -> Iterator[tuple[bytes, str]]:
            yield whole, "jpeg"
            os.kill(pool.pids[0], signal.SIGKILL)
            yield whole, "jpeg"

        with closing(DecodePool(1)) as pool:
            pool.strip_all([(whole, "jpeg")])
            os.kill(pool.pids[0], signal.SIGSTOP)

            first, second = pool.strip_all(killing())

        assert first == Rejection(Outcome.decode_crash, "killed by SIGKILL")
        assert second == stripped(whole, "jpeg")

    @pytest.mark.parametrize(
        "answer", [b"{}", b'{"size": 4}', b'{"size": 0}', b'{"size": "3"}', b'{"outcome": "odd"}']
    )
    def test_takes_no_answer_that_makes_no_sense(
        self, answering: Callable[[bytes], DecodePool], answer: bytes
    ) -> None:
        pool = answering(REPLY.pack(len(answer), 3) + answer + b"abc")

        assert pool.strip_all([(pictures.jpeg(), "jpeg")]) == [
            Rejection(Outcome.decode_crash, "an answer that makes no sense")
        ]


class TestImports:
    def test_of_the_pool_bring_no_decoder_into_our_process(self) -> None:
        program = (
            "import sys, crawlset.imaging.pool\n"
            "print(*{'PIL', 'numpy', 'simplejpeg', 'xml'} & set(sys.modules))"
        )

        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )

        assert done.stdout == "\n"


class TestChildrenThatFit:
    @pytest.mark.parametrize(("memory", "most"), [(512, 1), (1769, 1), (3538, 2)])
    def test_are_as_many_as_a_function_has_memory_for(
        self, monkeypatch: pytest.MonkeyPatch, memory: int, most: int
    ) -> None:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", str(memory))
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

        assert 1 <= n_that_fit() <= most

    def test_are_as_many_as_the_machine_has_cores_for_on_a_laptop(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

        assert n_that_fit() == len(os.sched_getaffinity(0))
