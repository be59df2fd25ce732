"""
Every way to go wrong, one URL each, apart from the works that a search finds.

`/faults.txt` lists the URLs. What a fault does to its whole host is done to a host of its own.
"""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from typing import Any, Final

from crawlset_local.sample_site.bad_files import (
    EPS,
    SVG,
    damaged_jpeg,
    jpeg_of,
    jpeg_that_says,
    polyglot,
    truncated_jpeg,
)
from crawlset_local.sample_site.bombs import gif_of_frames, jpeg_of_scans, png_of_pixels
from crawlset_local.sample_site.wire import Request, Response, Unruly

TROUBLE_HOST: Final = "trouble"
THROTTLING_HOST: Final = "throttling"
CLOSED_HOST: Final = "closed"
OVERLOADED_HOST: Final = "overloaded"
UNREADABLE_HOST: Final = "unreadable"
TROUBLE_HOSTS: Final = (
    TROUBLE_HOST,
    THROTTLING_HOST,
    CLOSED_HOST,
    OVERLOADED_HOST,
    UNREADABLE_HOST,
)
SLOW_HOST: Final = "slow"
"""Has a good picture at every path, and takes its time for each."""
SLOW_SECONDS: Final = 0.1
STALL_SECONDS: Final = 600
LONG_RETRY_SECONDS: Final = 3600
BOMB_SIDE: Final = 10_000
BOMB_FRAMES: Final = 20_000
BOMB_SCANS: Final = 1_000
SCANNED_SIDE: Final = 7_000
UNZIPPED_BYTES: Final = 64 * 1024 * 1024
ENDLESS_BYTES: Final = 200 * 1024 * 1024
ROBOTS_TXT: Final = {
    TROUBLE_HOST: (
        "User-agent: *\n"
        "Disallow: /faults/robots-disallow.jpg\n"
        "Content-Usage: /faults/robots-content-usage.jpg train-ai=n\n"
    ),
}
TDMREP_JSON: Final[dict[str, list[dict[str, Any]]]] = {
    TROUBLE_HOST: [
        {
            "location": "/faults/tdmrep-json*",
            "tdm-reservation": 1,
            "tdm-policy": "https://example.com/tdm-policy",
        }
    ],
}

Answer = Callable[[Request], Response | Unruly]


@dataclass(frozen=True)
class Fault:
    answer: Answer
    host: str = TROUBLE_HOST
    scheme: str = "http"

    def url(self, name: str, port: int) -> str:
        return f"{self.scheme}://{self.host}.localhost:{port}/faults/{name}.jpg"


def find_fault(host: str, path: str) -> Fault | None:
    name = path.removeprefix("/faults/").removesuffix(".jpg")
    fault = FAULTS.get(name)
    if fault is None or (host, path) != (fault.host, f"/faults/{name}.jpg"):
        return None
    return fault


def _jpeg(make: Callable[[], bytes], headers: Mapping[str, str] | None = None) -> Answer:
    return lambda _: Response(content_type="image/jpeg", body=make(), headers=headers or {})


def _good(name: str, value: str) -> Answer:
    """A good picture with a header."""
    return _jpeg(partial(jpeg_of, "chelsea"), {name: value})


def _status(status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Answer:
    body = f"{status.phrase}\n".encode()
    return lambda _: Response(status, body=body, headers=headers or {})


def _redirect(location: str) -> Answer:
    return _status(HTTPStatus.FOUND, {"Location": location})


def _redirect_on(request: Request) -> Response:
    """To where nobody was sent before, without end."""
    n = int(request.query or 0) + 1
    return Response(HTTPStatus.FOUND, headers={"Location": f"{request.raw_path}?{n}"})


def _redirect_back(request: Request) -> Response:
    again = "" if request.query else "?again"
    return Response(HTTPStatus.FOUND, headers={"Location": f"{request.raw_path}{again}"})


def _unruly(start: bytes, piece: bytes = b"", pause: float = 0.0) -> Answer:
    """`start`, and then `piece` again and again, after a pause each time."""

    async def pieces() -> AsyncIterator[bytes]:
        yield start
        n_sent = 0
        seconds = 0.0
        while n_sent < ENDLESS_BYTES and seconds < STALL_SECONDS:
            await asyncio.sleep(pause)
            seconds += pause
            n_sent += len(piece)
            yield piece

    return lambda _: Unruly(pieces())


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@cache
def _zipped() -> bytes:
    return gzip.compress(bytes(UNZIPPED_BYTES))


_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
_BEGUN: Final = b"Content-Length: 100000\r\n\r\n\xff\xd8\xff"
_PIECE: Final = bytes(64 * 1024)

FAULTS: Final[dict[str, Fault]] = {
    "good": Fault(_jpeg(partial(jpeg_of, "chelsea"))),
    # What opts out.
    "robots-disallow": Fault(_jpeg(partial(jpeg_of, "chelsea"))),
    "robots-content-usage": Fault(_jpeg(partial(jpeg_of, "chelsea"))),
    "robots-unreadable": Fault(_jpeg(partial(jpeg_of, "chelsea")), UNREADABLE_HOST),
    "noai": Fault(_good("X-Robots-Tag", "noai")),
    "noimageai": Fault(_good("X-Robots-Tag", "noimageai")),
    "noml": Fault(_good("X-Robots-Tag", "noml")),
    "noindex": Fault(_good("X-Robots-Tag", "noindex")),
    "noimageindex": Fault(_good("X-Robots-Tag", "noimageindex")),
    "noai-for-us": Fault(_good("X-Robots-Tag", "crawlset: noai")),
    "noai-for-others": Fault(_good("X-Robots-Tag", "otherbot: noai")),
    "tdm-reservation": Fault(_good("tdm-reservation", "1")),
    "tdmrep-json": Fault(_jpeg(partial(jpeg_of, "chelsea"))),
    "content-usage": Fault(_good("Content-Usage", "train-ai=n")),
    "xmp-prohibited": Fault(_jpeg(partial(jpeg_that_says, "DMI-PROHIBITED"))),
    "xmp-allowed": Fault(_jpeg(partial(jpeg_that_says, "DMI-ALLOWED"))),
    # Statuses.
    "forbidden": Fault(_status(HTTPStatus.FORBIDDEN)),
    "missing": Fault(_status(HTTPStatus.NOT_FOUND)),
    "gone": Fault(_status(HTTPStatus.GONE)),
    "broken": Fault(_status(HTTPStatus.INTERNAL_SERVER_ERROR)),
    "overloaded": Fault(_status(HTTPStatus.SERVICE_UNAVAILABLE), OVERLOADED_HOST),
    "throttled": Fault(
        _status(HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": "1"}), THROTTLING_HOST
    ),
    "throttled-long": Fault(
        _status(HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(LONG_RETRY_SECONDS)}),
        CLOSED_HOST,
    ),
    # Redirects.
    "redirect-loop": Fault(_redirect_back),
    "redirect-chain": Fault(_redirect_on),
    "redirect-private": Fault(_redirect("http://10.0.0.1/a.jpg")),
    "redirect-metadata": Fault(_redirect("http://169.254.169.254/latest/meta-data/")),
    "redirect-loopback": Fault(_redirect("http://127.0.0.1:9001/2018-06-01/runtime/")),
    "redirect-file": Fault(_redirect("file:///etc/passwd")),
    # Connections.
    "reset": Fault(lambda _: Unruly(_pieces(), is_reset=True)),
    "no-tls": Fault(_jpeg(partial(jpeg_of, "chelsea")), scheme="https"),
    "stalled": Fault(_unruly(b"", pause=1)),
    "stalled-body": Fault(_unruly(_OK + _BEGUN, pause=1)),
    "drip": Fault(_unruly(_OK + _BEGUN, bytes(3), pause=1)),
    "cut-body": Fault(lambda _: Unruly(_pieces(_OK + _BEGUN))),
    "endless-headers": Fault(_unruly(_OK, b"X-More: and more\r\n" * 1000)),
    "endless-header": Fault(_unruly(_OK + b"X-Long: ", b"x" * len(_PIECE))),
    "endless-body": Fault(_unruly(_OK + b"\r\n\xff\xd8\xff", _PIECE)),
    "too-large": Fault(_unruly(_OK + b"Content-Length: 26214401\r\n\r\n", _PIECE)),
    # Files.
    "gzip-bomb": Fault(_jpeg(_zipped, {"Content-Encoding": "gzip"})),
    "png-bomb": Fault(_jpeg(partial(png_of_pixels, BOMB_SIDE))),
    "gif-bomb": Fault(_jpeg(partial(gif_of_frames, BOMB_FRAMES))),
    "scan-bomb": Fault(_jpeg(partial(jpeg_of_scans, SCANNED_SIDE, BOMB_SCANS))),
    "truncated": Fault(_jpeg(truncated_jpeg)),
    "damaged": Fault(_jpeg(damaged_jpeg)),
    "polyglot": Fault(_jpeg(polyglot)),
    "svg": Fault(_jpeg(lambda: SVG)),
    "eps": Fault(_jpeg(lambda: EPS)),
    "html": Fault(_jpeg(lambda: b"<!doctype html><title>Sign in</title><p>Please sign in.")),
    "empty": Fault(_jpeg(bytes)),
}
"""By the name in their path."""
