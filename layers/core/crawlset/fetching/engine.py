"""
HTTP through libcurl's multi interface, on our loop.

One GET, no redirect followed, no retry, no manners: what the guard let through goes out, and
either an `Answer` comes back or an error that says which limit or layer ended it.
"""

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import certifi
import pycurl

from crawlset.fetching.addresses import is_public, parse_address
from crawlset.fetching.backlog import Backlog
from crawlset.fetching.body import Body
from crawlset.fetching.guard import BlockedUrlError, Resolve, Target, refuse_unless_public
from crawlset.fetching.limits import Limits
from crawlset.fetching.loop import READ, WRITE, Loop, Promise, Slots, Timer
from crawlset.fetching.resolver import Resolver
from crawlset.outcomes import Outcome

HTTP_OK = 200
PULSE_SECONDS = 0.5
"""How often transfers are measured against the minimum speed."""
_BUFFER_BYTES = 512 * 1024
_REFUSED = -1
_E_TOO_LARGE = 100
"""CURLE_TOO_LARGE, which pycurl has no name for."""
_BLANK = frozenset({b"\r\n", b"\n"})
_USUAL_HEADERS = ["Accept: image/*,*/*;q=0.5", "Accept-Encoding: identity"]

_CURL_OUTCOMES = {
    pycurl.E_COULDNT_RESOLVE_HOST: Outcome.dns_error,
    pycurl.E_OPERATION_TIMEDOUT: Outcome.timeout,
    pycurl.E_SSL_CONNECT_ERROR: Outcome.tls_error,
    pycurl.E_PEER_FAILED_VERIFICATION: Outcome.tls_error,
    pycurl.E_SSL_CERTPROBLEM: Outcome.tls_error,
    pycurl.E_SSL_CIPHER: Outcome.tls_error,
    pycurl.E_SSL_ISSUER_ERROR: Outcome.tls_error,
    pycurl.E_SSL_INVALIDCERTSTATUS: Outcome.tls_error,
    pycurl.E_URL_MALFORMAT: Outcome.invalid_url,
    _E_TOO_LARGE: Outcome.too_large,
}
_CURL_DETAILS = {
    pycurl.E_COULDNT_CONNECT: "connection refused or unreachable",
    pycurl.E_GOT_NOTHING: "connection closed without an answer",
    pycurl.E_PARTIAL_FILE: "connection closed in the middle of the body",
    pycurl.E_RECV_ERROR: "connection lost while reading",
    pycurl.E_SEND_ERROR: "connection lost while sending",
    _E_TOO_LARGE: "a response header too long",
}


class Headers:
    """Response headers by lower-case name; a name may come more than once."""

    __slots__ = ("_values",)

    def __init__(self, lines: Iterable[bytes] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.decode("latin-1").partition(":")
            self.add(name.strip().lower(), value.strip())

    def add(self, name: str, value: str) -> None:
        self._values.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def first(self, name: str) -> str | None:
        values = self._values.get(name)
        return values[0] if values else None


class RequestError(Exception):
    """A request that was sent, or nearly, and brought no answer to use."""

    address: str | None = None
    """Who was asked, when a connection was had."""
    seconds: float = 0.0
    """Wall clock of the transfer."""


class TransferError(RequestError):
    """No complete answer came."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        self.outcome = outcome
        self.detail = detail
        super().__init__(f"{outcome}: {detail}")


class RefusedError(RequestError):
    """The answer's headers forbid what we came for; its body was not read."""

    def __init__(self, outcome: Outcome, signal: str, value: str) -> None:
        self.outcome = outcome
        self.signal = signal
        self.value = value
        super().__init__(f"{outcome}: {signal}: {value}")


@dataclass(slots=True)
class Answer:
    """Status, headers and, for a 200, the whole body; whoever gets it closes the body."""

    status: int
    headers: Headers
    body: Body
    address: str | None
    seconds: float
    """Wall clock of the transfer."""
    is_cut: bool = False
    """The body ended at the cap (only where the request asked for no more)."""


Judge = Callable[[int, Headers], None]
"""Sees status and headers before the body; raises `RefusedError` to stop the transfer there."""


@dataclass(slots=True)
class _Transfer:
    target: Target
    judge: Judge | None
    max_bytes: int
    may_cut: bool
    extra_headers: tuple[str, ...]
    is_retry: bool
    done: Promise[Answer]
    started: float = 0.0
    header_lines: list[bytes] = field(default_factory=list)
    """Of this answer and of the provisional ones (1xx) before it."""
    n_header_bytes: int = 0
    headers: Headers = field(default_factory=Headers)
    body: Body = field(default_factory=Body)
    status: int = 0
    n_drained: int = 0
    has_headers: bool = False
    is_cut: bool = False
    error: Exception | None = None
    measured_at: float = 0.0
    measured_bytes: int = 0


class _DialledSocket(socket.socket):
    """libcurl keeps a duplicate of it; ours closes as soon as it is dropped."""

    def __del__(self) -> None:
        self.close()


class _Handle:
    """An easy handle with its callbacks, used for one transfer after another."""

    def __init__(self, limits: Limits, user_agent: str, ca_file: str) -> None:
        self._limits = limits
        self._extra_headers: tuple[str, ...] = ()
        self.transfer: _Transfer
        self.curl = curl = pycurl.Curl()
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.NOPROXY, "*")
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        curl.setopt(pycurl.PIPEWAIT, 1)
        curl.setopt(pycurl.USERAGENT, user_agent)
        curl.setopt(pycurl.HTTPHEADER, _USUAL_HEADERS)
        curl.setopt(pycurl.CAINFO, ca_file)
        curl.setopt(pycurl.BUFFERSIZE, _BUFFER_BYTES)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, round(limits.connect_seconds * 1000))
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
        curl.setopt(pycurl.HEADERFUNCTION, self._read_header)
        curl.setopt(pycurl.WRITEFUNCTION, self._read_body)

    def prepare(self, transfer: _Transfer, addresses: tuple[str, ...], seconds: float) -> None:
        self.transfer = transfer
        target = transfer.target
        curl = self.curl
        curl.setopt(pycurl.URL, target.url)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, round(seconds * 1000)))
        curl.setopt(pycurl.FRESH_CONNECT, transfer.is_retry)
        if transfer.extra_headers != self._extra_headers:
            curl.setopt(pycurl.HTTPHEADER, [*_USUAL_HEADERS, *transfer.extra_headers])
            self._extra_headers = transfer.extra_headers
        if addresses:
            dialled = ",".join(f"[{a}]" if ":" in a else a for a in addresses)
            curl.setopt(pycurl.RESOLVE, [f"{target.host}:{target.port}:{dialled}"])

    def _open_socket(self, _purpose: int, address: tuple[int, int, int, tuple[str, int]]) -> object:
        """A socket for the address really dialled, after every look-up and for every attempt."""
        family, kind, protocol, (host, *_) = address
        transfer = self.transfer
        ip = parse_address(host)
        if not transfer.target.is_private and (ip is None or not is_public(ip)):
            transfer.error = BlockedUrlError("the address about to be dialled is not public")
            return pycurl.SOCKET_BAD
        return _DialledSocket(family, kind, protocol)

    def _read_header(self, line: bytes) -> int | None:
        transfer = self.transfer
        transfer.header_lines.append(line)
        transfer.n_header_bytes += len(line)
        if (
            transfer.n_header_bytes > self._limits.header_bytes
            or len(transfer.header_lines) > self._limits.n_header_lines
        ):
            return self._stop(TransferError(Outcome.too_large, "too many response headers"))
        if line in _BLANK and not transfer.has_headers:
            return self._end_headers()
        return None

    def _end_headers(self) -> int | None:
        """Read the head that is now whole, and judge it unless it is a provisional one."""
        transfer = self.transfer
        lines = transfer.header_lines
        begin = len(lines) - 2
        while not lines[begin].startswith(b"HTTP/"):
            begin -= 1
        transfer.status = int(lines[begin].split(b" ", 2)[1][:3])
        if transfer.status < HTTP_OK:
            return None
        transfer.has_headers = True
        transfer.headers = Headers(lines[begin + 1 : -1])
        return self._judge()

    def _judge(self) -> int | None:
        transfer = self.transfer
        if transfer.judge is not None:
            try:
                transfer.judge(transfer.status, transfer.headers)
            except RefusedError as refusal:
                return self._stop(refusal)
        if transfer.status != HTTP_OK:
            return None
        encoding = transfer.headers.first("content-encoding")
        if encoding and encoding.lower() != "identity":
            detail = f"content-encoding {encoding[:40]} though identity was asked for"
            return self._stop(TransferError(Outcome.unsupported_format, detail))
        length = transfer.headers.first("content-length") or ""
        if length.isdecimal() and int(length) > transfer.max_bytes and not transfer.may_cut:
            return self._stop(_too_large(transfer.max_bytes))
        return None

    def _read_body(self, piece: bytes) -> int | None:
        transfer = self.transfer
        if transfer.status != HTTP_OK:
            transfer.n_drained += len(piece)
            if transfer.n_drained > self._limits.drained_bytes:
                transfer.is_cut = True
                return _REFUSED
            return None
        if transfer.body.size + len(piece) > transfer.max_bytes:
            if not transfer.may_cut:
                return self._stop(_too_large(transfer.max_bytes))
            transfer.body.append(piece[: transfer.max_bytes - transfer.body.size])
            transfer.is_cut = True
            return _REFUSED
        transfer.body.append(piece)
        return None

    def _stop(self, error: Exception) -> int:
        self.transfer.error = error
        return _REFUSED


class Engine:
    """
    Sends requests for one chunk: connections, names and TLS sessions are shared by its URLs.

    `user_agent` says who asks. `resolve`, for tests, takes the place of the system's resolver.
    """

    def __init__(
        self,
        loop: Loop,
        limits: Limits,
        *,
        user_agent: str,
        backlog: Backlog,
        ca_file: str | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._loop = loop
        self._backlog = backlog
        self._limits = limits
        self._user_agent = user_agent
        self._ca_file = ca_file or certifi.where()
        self._resolve = resolve
        self._resolver = Resolver(loop)
        self._total = Slots(loop, limits.n_transfers)
        self._idle: list[_Handle] = []
        self._active: dict[pycurl.Curl, _Handle] = {}
        self._timer: Timer | None = None
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, limits.n_transfers * limits.n_per_host)
        self._multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, limits.n_per_host)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._pulse = loop.call_later(PULSE_SECONDS, self._measure)

    async def get(
        self,
        target: Target,
        *,
        seconds: float,
        judge: Judge | None = None,
        max_bytes: int | None = None,
        may_cut: bool = False,
        headers: tuple[str, ...] = (),
        is_retry: bool = False,
    ) -> Answer:
        """
        Ask for `target` once a slot of the chunk is free and the decoders keep up.

        `seconds` is the wall clock the transfer may take; waiting for a slot does not count.
        `headers` go along with the usual ones, each as `Name: value`. A retry has a connection of
        its own: on a kept one libcurl would send it once more by itself.
        Raises `BlockedUrlError`, `TransferError` and `RefusedError`.
        """
        addresses = await self._vetted_addresses(target)
        async with self._total:
            await self._backlog.wait_for_room()
            return await self._transfer(
                _Transfer(
                    target,
                    judge,
                    self._limits.body_bytes if max_bytes is None else max_bytes,
                    may_cut,
                    headers,
                    is_retry,
                    Promise(self._loop),
                ),
                addresses,
                seconds,
            )

    def close(self) -> None:
        self._pulse.cancel()
        self._set_timer(-1)
        for curl in list(self._active):
            self._multi.remove_handle(curl)
        self._active.clear()
        for handle in self._idle:
            handle.curl.close()
        self._multi.close()
        self._resolver.close()

    async def _vetted_addresses(self, target: Target) -> tuple[str, ...]:
        if target.is_private or target.address is not None:
            return ()
        try:
            if self._resolve is not None:
                addresses = tuple(self._resolve(target.host))
            else:
                addresses = await self._resolver.resolve(target.host)
        except OSError:
            raise TransferError(Outcome.dns_error, "the name does not resolve") from None
        refuse_unless_public(addresses)
        return addresses

    async def _transfer(
        self, transfer: _Transfer, addresses: tuple[str, ...], seconds: float
    ) -> Answer:
        transfer.started = self._loop.now()
        handle = (
            self._idle.pop()
            if self._idle
            else _Handle(self._limits, self._user_agent, self._ca_file)
        )
        handle.prepare(transfer, addresses, seconds)
        curl = handle.curl
        self._active[curl] = handle
        self._multi.add_handle(curl)
        try:
            return await transfer.done
        except BaseException:
            transfer.body.close()
            raise
        finally:
            if self._active.pop(curl, None) is not None:
                self._multi.remove_handle(curl)
            self._idle.append(handle)

    def _finish(self, curl: pycurl.Curl, error: Exception | None) -> None:
        transfer = self._active.pop(curl).transfer
        address = curl.getinfo(pycurl.PRIMARY_IP) or None
        seconds = self._loop.now() - transfer.started
        self._multi.remove_handle(curl)
        if isinstance(error, RequestError):
            error.address = address
            error.seconds = seconds
        if error is not None:
            transfer.done.fail(error)
        else:
            answer = Answer(
                transfer.status,
                transfer.headers,
                transfer.body,
                address,
                seconds,
                transfer.is_cut,
            )
            transfer.done.settle(answer)

    def _watch_socket(self, event: int, fd: int, _multi: object, _data: object) -> None:
        if event == pycurl.POLL_REMOVE:
            self._loop.unwatch(fd)
            return
        events = (READ if event & pycurl.POLL_IN else 0) | (WRITE if event & pycurl.POLL_OUT else 0)
        self._loop.watch(fd, events, self._socket_ready)

    def _socket_ready(self, fd: int, events: int) -> None:
        mask = (pycurl.CSELECT_IN if events & READ else 0) | (
            pycurl.CSELECT_OUT if events & WRITE else 0
        )
        self._act(fd, mask)

    def _set_timer(self, milliseconds: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if milliseconds >= 0:
            self._timer = self._loop.call_later(milliseconds / 1000, self._timer_due)

    def _timer_due(self) -> None:
        self._timer = None
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, fd: int, mask: int) -> None:
        _, n_running = self._multi.socket_action(fd, mask)
        if n_running < len(self._active):
            self._reap()

    def _reap(self) -> None:
        n_queued = 1
        while n_queued:
            n_queued, finished, failed = self._multi.info_read()
            for curl in finished:
                self._finish(curl, self._active[curl].transfer.error)
            for curl, code, message in failed:
                transfer = self._active[curl].transfer
                if transfer.is_cut and transfer.error is None:
                    self._finish(curl, None)
                else:
                    self._finish(curl, transfer.error or _curl_error(code, message))

    def _measure(self) -> None:
        """Stop what is too slow: libcurl's own check would also count the wait for an answer."""
        now = self._loop.now()
        for curl, handle in list(self._active.items()):
            error = _slowness(handle.transfer, now, self._limits)
            if error is not None:
                self._finish(curl, error)
        pause = min(PULSE_SECONDS, self._limits.slow_seconds / 4)
        self._pulse = self._loop.call_later(pause, self._measure)


def _slowness(transfer: _Transfer, now: float, limits: Limits) -> TransferError | None:
    """Whether the transfer is too slow since it was last measured, which it then is anew."""
    if not transfer.has_headers:
        if now - transfer.started > limits.first_byte_seconds:
            return TransferError(Outcome.timeout, "no answer")
        return None
    n_bytes = transfer.body.size + transfer.n_drained
    seconds = now - transfer.measured_at
    if transfer.measured_at and seconds < limits.slow_seconds:
        return None
    n_new = n_bytes - transfer.measured_bytes
    is_slow = transfer.measured_at and n_new < limits.slow_bytes_per_second * seconds
    transfer.measured_at = now
    transfer.measured_bytes = n_bytes
    if not is_slow:
        return None
    rate = limits.slow_bytes_per_second
    return TransferError(Outcome.too_slow, f"under {rate} bytes/s for {limits.slow_seconds:g} s")


def _too_large(max_bytes: int) -> TransferError:
    return TransferError(Outcome.too_large, f"body over {max_bytes} bytes")


def _curl_error(code: int, message: str) -> TransferError:
    outcome = _CURL_OUTCOMES.get(code, Outcome.connect_error)
    return TransferError(outcome, _CURL_DETAILS.get(code) or message[:200])
