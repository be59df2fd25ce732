"""What the sample site answers to each request, and its count of them."""

import asyncio
import html
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from itertools import count, islice
from typing import Any, Final, TypeVar

from crawlset_local.sample_site.catalogue import (
    FAULTS_HOST,
    HOSTS,
    PICTURE_HOSTS,
    Behaviour,
    Work,
    catalogue,
    moved_path,
)
from crawlset_local.sample_site.faults import (
    FAULTS,
    ROBOTS_TXT,
    SLOW_HOST,
    SLOW_SECONDS,
    TDMREP_JSON,
    TROUBLE_HOSTS,
    UNREADABLE_HOST,
    find_fault,
)
from crawlset_local.sample_site.pictures import Picture, encode
from crawlset_local.sample_site.search import (
    BadQueryError,
    describe,
    parse_manifest_count,
    parse_search,
    search,
    work_url,
)
from crawlset_local.sample_site.wire import Request, Response, Unruly

T = TypeVar("T")
RETRY_AFTER_SECONDS: Final = 1
DRIP_SECONDS: Final = 600
DRIP_BYTES_PER_SECOND: Final = 3
DRIP_START_BYTES: Final = 1000
ENDLESS_BYTES: Final = 200 * 1024 * 1024
_ENDLESS_PIECE: Final = bytes(64 * 1024)

ALL_HOSTS: Final = (*HOSTS, *TROUBLE_HOSTS, SLOW_HOST)

_INSTRUMENTS = ("/_requests", "/_requests/reset", "/catalogue", "/faults.txt", "/manifest")
_ROBOTS = {
    "photos": "User-agent: *\nAllow: /\n",
    "museum": "User-agent: *\nDisallow:\n",
    "studio": "User-agent: *\nAllow: /\n\nUser-agent: Crawlset\nDisallow: /members/\n",
    FAULTS_HOST: "User-agent: *\nDisallow: /private/\n",
    **ROBOTS_TXT,
}
_TDMREP = {
    "press": [{"location": "/reserved/*", "tdm-reservation": 1}],
    **TDMREP_JSON,
}
_OPT_OUTS = {
    Behaviour.noai: {"X-Robots-Tag": "noai, noimageai"},
    Behaviour.tdm_reserved: {"tdm-reservation": "1"},
}
_REDIRECTS = {
    Behaviour.redirect: HTTPStatus.MOVED_PERMANENTLY,
    Behaviour.redirect_chain: HTTPStatus.FOUND,
    Behaviour.redirect_loop: HTTPStatus.FOUND,
    Behaviour.redirect_metadata: HTTPStatus.FOUND,
    Behaviour.redirect_private: HTTPStatus.FOUND,
}
_HOP = "/hop"


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(status, "application/json", json.dumps(content).encode())


def _text(status: HTTPStatus, headers: dict[str, str] | None = None) -> Response:
    return Response(status, body=f"{status.phrase}\n".encode(), headers=headers or {})


def _redirect(status: HTTPStatus, location: str) -> Response:
    return _text(status, {"Location": location})


_NO_PICTURE = {
    Behaviour.forbidden: _text(HTTPStatus.FORBIDDEN),
    Behaviour.missing: _text(HTTPStatus.NOT_FOUND),
    Behaviour.gone: _text(HTTPStatus.GONE),
    Behaviour.throttled: _text(
        HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(RETRY_AFTER_SECONDS)}
    ),
    Behaviour.broken: _text(HTTPStatus.INTERNAL_SERVER_ERROR),
    Behaviour.html: Response(
        content_type="text/html; charset=utf-8",
        body=b"<!doctype html><title>Sign in</title><p>Please sign in to see this.",
    ),
}


_POLICIES = {
    **{(host, "/robots.txt"): Response(body=text.encode()) for host, text in _ROBOTS.items()},
    **{(host, "/.well-known/tdmrep.json"): _json(policy) for host, policy in _TDMREP.items()},
    (UNREADABLE_HOST, "/robots.txt"): _text(HTTPStatus.INTERNAL_SERVER_ERROR),
}
"""By host and path."""


class Site:
    """
    One running sample site: the catalogue at a port, its request counters, its throttled clients.

    Belongs to one event loop. Every request for anything but the instruments (`/_requests`,
    `/catalogue`, `/faults.txt`, `/manifest`) is counted before it is answered, so that a client
    which has its answer finds it counted.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self._peaks: Counter[str] = Counter()
        """The most requests of each host that were under way at once."""
        self._throttled: set[str] = set()
        self._works = {(f"{work.host}.localhost", work.path): work for work in catalogue()}
        self._landings = {
            (f"{work.host}.localhost", f"/works/{work.id}"): work for work in catalogue()
        }
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="sample-site-encoder")
        self._files: dict[Picture, bytes] = {}

    @contextmanager
    def under_way(self, request: Request) -> Iterator[None]:
        """Count `request` as one that its host is busy with."""
        host = request.hostname
        self._under_way[host] += 1
        self._peaks[host] = max(self._peaks[host], self._under_way[host])
        try:
            yield
        finally:
            self._under_way[host] -= 1

    async def answer(self, request: Request) -> Response | Unruly:
        is_virtual = request.hostname.removesuffix(".localhost") in ALL_HOSTS
        is_instrument = not is_virtual and request.path in _INSTRUMENTS
        if not is_instrument:
            self.requests[f"http://{request.host}{request.target}"] += 1
        wanted = "POST" if is_instrument and request.path == "/_requests/reset" else "GET"
        if request.method != wanted and not (wanted == "GET" and request.method == "HEAD"):
            return _text(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": wanted})
        return await self._answer_virtual(request) if is_virtual else self._answer_api(request)

    def close(self) -> None:
        self._encoder.shutdown(cancel_futures=True)

    def _answer_api(self, request: Request) -> Response:
        try:
            match request.path:
                case "/search":
                    return _json(search(parse_search(request.query), self.port))
                case "/catalogue":
                    return _json({"works": [self._describe_fully(work) for work in catalogue()]})
                case "/faults.txt" | "/manifest":
                    return Response(body=_in_pieces(self._list(request)))
                case "/_requests" | "/_requests/reset":
                    if request.method == "POST":
                        self.requests.clear()
                        self._peaks.clear()
                        self._throttled.clear()
                    return _json(self._count())
                case _:
                    return _json({"error": "there is nothing here"}, HTTPStatus.NOT_FOUND)
        except BadQueryError as error:
            return _json({"error": str(error)}, HTTPStatus.BAD_REQUEST)

    async def _answer_virtual(self, request: Request) -> Response | Unruly:
        address = (request.hostname, request.path)
        if work := self._works.get(address):
            return await self._answer_work(work, request)
        if work := self._landings.get(address):
            return _landing_page(work)
        host = request.hostname.removesuffix(".localhost")
        if fault := find_fault(host, request.path):
            return await self._on_thread(partial(fault.answer, request))
        if host == SLOW_HOST and request.path.endswith(".jpg"):
            await asyncio.sleep(SLOW_SECONDS)
            return await self._on_thread(partial(FAULTS["good"].answer, request))
        if request.raw_path.startswith(f"{_HOP}/") and host == FAULTS_HOST:
            end = self._moved_url(request.raw_path.removeprefix(_HOP))
            return _redirect(HTTPStatus.TEMPORARY_REDIRECT, end)
        return _POLICIES.get((host, request.path)) or _text(HTTPStatus.NOT_FOUND)

    async def _answer_work(self, work: Work, request: Request) -> Response:
        if work.behaviour in _NO_PICTURE:
            return _NO_PICTURE[work.behaviour]
        if work.behaviour in _REDIRECTS:
            return _redirect(_REDIRECTS[work.behaviour], self._location(work, request))
        match work.behaviour:
            case Behaviour.throttled_once if self._is_first(request):
                return _NO_PICTURE[Behaviour.throttled]
            case Behaviour.slow_drip:
                start = await self._file(work)
                length = len(start) + DRIP_SECONDS * DRIP_BYTES_PER_SECOND
                return Response(content_type="image/jpeg", body=_drip(start), length=length)
            case Behaviour.endless:
                return Response(content_type="image/jpeg", body=_endless(await self._file(work)))
            case _:
                return await self._send(work)

    def _is_first(self, request: Request) -> bool:
        """Whether this very URL was not throttled before."""
        url = f"{request.host}{request.target}"
        is_first = url not in self._throttled
        self._throttled.add(url)
        return is_first

    def _location(self, work: Work, request: Request) -> str:
        match work.behaviour:
            case Behaviour.redirect_metadata:
                return "http://169.254.169.254/latest/meta-data/"
            case Behaviour.redirect_private:
                return "http://10.0.0.1/x.jpg"
            case Behaviour.redirect_loop:
                return work.path if request.query else f"{work.path}?again"
            case Behaviour.redirect_chain:
                return _HOP + moved_path(work)
            case _:
                return self._moved_url(moved_path(work))

    def _moved_url(self, path: str) -> str:
        return f"http://{PICTURE_HOSTS[0]}.localhost:{self.port}{path}"

    async def _send(self, work: Work) -> Response:
        is_mislabelled = work.behaviour is Behaviour.mislabelled
        return Response(
            content_type="image/png" if is_mislabelled else f"image/{work.picture.encoding.value}",
            body=await self._file(work),
            headers=_OPT_OUTS.get(work.behaviour, {}),
        )

    async def _file(self, work: Work) -> bytes:
        file = self._files.get(work.picture)
        if file is None:
            file = await self._on_thread(partial(encode, work.picture))
            self._files[work.picture] = file
        return file

    async def _on_thread(self, make: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._encoder, make)

    def _list(self, request: Request) -> Iterator[str]:
        if request.path == "/faults.txt":
            return (fault.url(name, self.port) for name, fault in FAULTS.items())
        return islice(self._manifest(), parse_manifest_count(request.query))

    def _manifest(self) -> Iterator[str]:
        """Every listed work once, then the plain ones again and again under fresh query strings."""
        for work in catalogue():
            if work.is_listed:
                yield work_url(work, self.port)
        plain = [work_url(work, self.port) for work in catalogue() if work.is_plain]
        for n in count(1):
            for url in plain:
                yield f"{url}?n={n}"

    def _count(self) -> dict[str, Any]:
        by_path: Counter[str] = Counter()
        for target, n in self.requests.items():
            by_path[target.partition("?")[0]] += n
        return {
            "by_path": by_path,
            "by_target": self.requests,
            "peak_by_host": self._peaks,
            "total": self.requests.total(),
        }

    def _describe_fully(self, work: Work) -> dict[str, Any]:
        return {
            **describe(work, self.port),
            "licence_code": work.licence.code if work.licence else None,
            "behaviour": work.behaviour.value,
            "outcome": work.outcome.value,
            "outcomes": [outcome.value for outcome in (work.outcome, *work.also)],
            "same_bytes_as": work.same_bytes_as,
            "near_duplicate_of": work.near_duplicate_of,
            "is_listed": work.is_listed,
            "is_plain": work.is_plain,
        }


def _landing_page(work: Work) -> Response:
    licence = work.licence.name if work.licence else "Licence unknown"
    page = (
        f"<!doctype html><title>{html.escape(work.title)}</title>"
        f"<h1>{html.escape(work.title)}</h1>"
        f"<p>{html.escape(work.author or 'Unknown')}</p><p>{html.escape(licence)}</p>"
    )
    return Response(content_type="text/html; charset=utf-8", body=page.encode())


async def _in_pieces(lines: Iterator[str]) -> AsyncIterator[bytes]:
    while piece := list(islice(lines, 1000)):
        yield "".join(f"{line}\n" for line in piece).encode()


async def _drip(start: bytes) -> AsyncIterator[bytes]:
    yield start[:DRIP_START_BYTES]
    for _ in range(DRIP_SECONDS):
        await asyncio.sleep(1)
        yield bytes(DRIP_BYTES_PER_SECOND)


async def _endless(start: bytes) -> AsyncIterator[bytes]:
    yield start
    for _ in range(ENDLESS_BYTES // len(_ENDLESS_PIECE)):
        yield _ENDLESS_PIECE
