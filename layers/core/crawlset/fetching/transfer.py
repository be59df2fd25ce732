"""
One transfer at a time on one libcurl handle: its options, and its callbacks with their limits.

A callback stops the transfer by leaving an error in it; the engine passes that on.
"""

import re
import socket
from contextlib import closing
from dataclasses import dataclass, field

import pycurl

from crawlset.fetching.answer import (
    HTTP_OK,
    Answer,
    Headers,
    Judge,
    RefusedError,
    TransferError,
)
from crawlset.fetching.codings import MAX_CODINGS, codings_in, unpacked
from crawlset.fetching.limits import Limits
from crawlset.kit.event_loop import Promise
from crawlset.kit.spool import Body
from crawlset.outcomes import Outcome
from crawlset.urls.addresses import is_public, parse_address
from crawlset.urls.guard import BlockedUrlError, ParsedUrl

_BUFFER_BYTES = 128 * 1024
"""libcurl reads up to ten of them from one socket before it lets another have its turn."""
_REFUSED = -1
_E_TOO_LARGE = 100
"""CURLE_TOO_LARGE, which pycurl has no name for."""
_STATUS_LINE = re.compile(rb"HTTP/\S+[ \t]+(\d{3})")
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


@dataclass(slots=True)
class Transfer:
    target: ParsedUrl
    judge: Judge | None
    max_bytes: int
    may_cut: bool
    extra_headers: tuple[str, ...]
    is_retry: bool
    done: Promise[Answer]
    started: float = 0.0
    header_lines: list[bytes] = field(default_factory=list)
    """Header lines of this answer and of the provisional ones (1xx) before it."""
    n_provisional_lines: int = 0
    """How many of them came before this answer."""
    n_header_bytes: int = 0
    headers: Headers = field(default_factory=Headers)
    body: Body = field(default_factory=Body)
    codings: list[str] = field(default_factory=list)
    """What the body is packed by as it comes; undone once it is whole."""
    n_pieces: int = 0
    """Pieces in which the body came, as chunks, frames or packets."""
    n_received: int = 0
    """Bytes of the body as they came, wanted or not."""
    status: int = 0
    has_headers: bool = False
    is_cut: bool = False
    error: Exception | None = None
    measured_at: float = 0.0
    """In seconds listened: when it was sent, and from its headers on when it last was measured."""
    measured_bytes: int | None = None


class _DialledSocket(socket.socket):
    """libcurl keeps a duplicate of it; ours closes as soon as it is dropped."""

    def __del__(self) -> None:
        # One that could not be opened cannot be closed either.
        if self.fileno() >= 0:
            self.close()


def dial(target: ParsedUrl, address: tuple[int, int, int, tuple[str, int]]) -> object:
    """
    A socket for libcurl, which is about to dial `address` for `target`.

    None of its kind can be had where there is no IPv6, as in Lambda: libcurl then goes on to the
    next address, in silence. Raises `BlockedUrlError` unless the address is public, or the target's
    need not be.
    """
    family, kind, protocol, (host, *_) = address
    ip = parse_address(host)
    if not target.is_private and (ip is None or not is_public(ip)):
        raise BlockedUrlError("the address about to be dialled is not public")
    try:
        return _DialledSocket(family, kind, protocol)
    except OSError:
        return pycurl.SOCKET_BAD


def hardened(user_agent: str, ca_file: str) -> pycurl.Curl:
    """An easy handle that leaves HTTP neither by a redirect nor by a proxy."""
    curl = pycurl.Curl()
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    curl.setopt(pycurl.FOLLOWLOCATION, 0)
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.NOPROXY, "*")
    curl.setopt(pycurl.CAINFO, ca_file)
    curl.setopt(pycurl.USERAGENT, user_agent)
    return curl


def aim(curl: pycurl.Curl, target: ParsedUrl, addresses: tuple[str, ...]) -> None:
    """
    Send the next request to `target`, and to no other address than these if there are any.

    The path goes out letter by letter, since servers may sign or compare letters. In a URL libcurl
    respells it, from 8.20 on with upper-case escapes (https://github.com/curl/curl/issues/21524).
    """
    curl.setopt(pycurl.URL, target.origin)
    curl.setopt(pycurl.REQUEST_TARGET, target.path + target.query)
    if addresses:
        dialled = ",".join(f"[{a}]" if ":" in a else a for a in addresses)
        curl.setopt(pycurl.RESOLVE, [f"{target.host}:{target.port}:{dialled}"])


class Handle:
    """An easy handle with its callbacks, used for one transfer after another."""

    def __init__(self, limits: Limits, user_agent: str, ca_file: str) -> None:
        self._limits = limits
        self._extra_headers: tuple[str, ...] = ()
        self.transfer: Transfer
        self.curl = curl = hardened(user_agent, ca_file)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        curl.setopt(pycurl.PIPEWAIT, 1)
        curl.setopt(pycurl.HTTPHEADER, _USUAL_HEADERS)
        curl.setopt(pycurl.BUFFERSIZE, _BUFFER_BYTES)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, round(limits.connect_seconds * 1000))
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
        curl.setopt(pycurl.HEADERFUNCTION, self._read_header)
        curl.setopt(pycurl.WRITEFUNCTION, self._read_body)

    def prepare(self, transfer: Transfer, addresses: tuple[str, ...], seconds: float) -> None:
        self.transfer = transfer
        curl = self.curl
        aim(curl, transfer.target, addresses)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, round(seconds * 1000)))
        curl.setopt(pycurl.FRESH_CONNECT, transfer.is_retry)
        if transfer.extra_headers != self._extra_headers:
            curl.setopt(pycurl.HTTPHEADER, [*_USUAL_HEADERS, *transfer.extra_headers])
            self._extra_headers = transfer.extra_headers

    def _open_socket(self, _purpose: int, address: tuple[int, int, int, tuple[str, int]]) -> object:
        """Called for the address really dialled, after every look-up and for every attempt."""
        try:
            return dial(self.transfer.target, address)
        except BlockedUrlError as refusal:
            self.transfer.error = refusal
            return pycurl.SOCKET_BAD

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
        status_line, *fields = transfer.header_lines[transfer.n_provisional_lines : -1]
        status = _STATUS_LINE.match(status_line)
        if status is None:
            return self._stop(TransferError(Outcome.connect_error, "no status in the answer"))
        transfer.status = int(status[1])
        if transfer.status < HTTP_OK:
            transfer.n_provisional_lines = len(transfer.header_lines)
            return None
        transfer.has_headers = True
        transfer.headers = Headers(fields)
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
        transfer.codings = codings_in(transfer.headers)
        if len(transfer.codings) > MAX_CODINGS:
            detail = f"over {MAX_CODINGS} content codings"
            return self._stop(TransferError(Outcome.unsupported_format, detail))
        length = transfer.headers.first("content-length") or ""
        if _is_over(length, transfer.max_bytes) and not transfer.may_cut:
            return self._stop(_too_large(transfer.max_bytes))
        return None

    def _read_body(self, piece: bytes) -> int | None:
        transfer, limits = self.transfer, self._limits
        transfer.n_received += len(piece)
        if transfer.status != HTTP_OK:
            if transfer.n_received > limits.drained_bytes:
                transfer.is_cut = True
                return _REFUSED
            return None
        transfer.n_pieces += 1
        is_dense = transfer.n_received >= transfer.n_pieces * limits.small_piece_bytes
        if transfer.n_pieces > limits.n_small_pieces and not is_dense:
            detail = f"a body in pieces of under {limits.small_piece_bytes} bytes"
            return self._stop(TransferError(Outcome.too_slow, detail))
        try:
            self._keep(piece)
        except OSError as error:
            return self._stop(error)
        if not transfer.is_cut:
            return None
        return _REFUSED if transfer.may_cut else self._stop(_too_large(transfer.max_bytes))

    def _keep(self, piece: bytes) -> None:
        """Append a piece to the body, as much of it as there is room for."""
        transfer = self.transfer
        room = transfer.max_bytes - transfer.body.size
        transfer.body.append(piece[:room])
        transfer.is_cut = len(piece) > room

    def end(self) -> Exception | None:
        """Unpack a body that is whole, or cut as it may be; what is wrong with it, if anything."""
        transfer = self.transfer
        if transfer.codings and transfer.error is None:
            try:
                self._unpack()
            except (OSError, TransferError) as error:
                return error
        return transfer.error

    def _unpack(self) -> None:
        transfer = self.transfer
        was_cut = transfer.is_cut
        with closing(transfer.body) as packed:
            transfer.body, transfer.is_cut = Body(), False
            try:
                for piece in unpacked(packed.pieces(), transfer.codings, transfer.max_bytes):
                    self._keep(piece)
                    if transfer.is_cut and transfer.may_cut:
                        return
            except TransferError as error:
                if not (was_cut and error.outcome is Outcome.truncated):
                    raise

    def _stop(self, error: Exception) -> int:
        self.transfer.error = error
        return _REFUSED


def slowness(transfer: Transfer, now: float, limits: Limits) -> TransferError | None:
    """
    Whether the transfer is too slow since it was last measured, which it then is anew.

    `now` is in seconds that we listened to servers.
    """
    seconds = now - transfer.measured_at
    if not transfer.has_headers:
        if seconds > limits.first_byte_seconds:
            return TransferError(Outcome.timeout, "no answer")
        return None
    n_before = transfer.measured_bytes
    if n_before is not None and seconds < limits.slow_seconds:
        return None
    transfer.measured_at = now
    transfer.measured_bytes = transfer.n_received
    if n_before is None or transfer.n_received - n_before >= limits.slow_bytes_per_second * seconds:
        return None
    rate = limits.slow_bytes_per_second
    return TransferError(Outcome.too_slow, f"under {rate} bytes/s for {limits.slow_seconds:g} s")


def _is_over(length: str, max_bytes: int) -> bool:
    """Whether the number `length` is over `max_bytes`, however many digits it has."""
    digits = length.lstrip("0")
    return digits.isdecimal() and (len(digits) > len(str(max_bytes)) or int(digits) > max_bytes)


def _too_large(max_bytes: int) -> TransferError:
    return TransferError(Outcome.too_large, f"body over {max_bytes} bytes")


def transfer_error(code: int, message: str) -> TransferError:
    outcome = _CURL_OUTCOMES.get(code, Outcome.connect_error)
    return TransferError(outcome, _CURL_DETAILS.get(code) or message[:200])
