"""
HTTP through libcurl's multi interface, on our loop.

One GET, no redirect followed, no retry, no manners: what the guard let through goes out, and
either an `Answer` comes back or an error that says which limit or layer ended it.
"""

import certifi
import pycurl

from crawlset.fetching.answer import Answer, Judge, RequestError, TransferError
from crawlset.fetching.backlog import Backlog
from crawlset.fetching.limits import Limits
from crawlset.fetching.resolver import Resolver
from crawlset.fetching.transfer import Handle, Transfer, slowness, transfer_error
from crawlset.kit.event_loop import READ, WRITE, Loop, Promise, Slots, Timer
from crawlset.outcomes import Outcome
from crawlset.urls.guard import ParsedUrl, Resolve, refuse_unless_public

PULSE_SECONDS = 0.5
"""How often transfers are measured against the minimum speed."""


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
        self._idle: list[Handle] = []
        self._active: dict[pycurl.Curl, Handle] = {}
        self._timer: Timer | None = None
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, limits.n_transfers * limits.n_per_host)
        self._multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, limits.n_most_per_host)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._pulse_seconds = min(PULSE_SECONDS, limits.slow_seconds / 4)
        self._listened = 0.0
        self._pulsed_at = loop.now()
        self._pulse = loop.call_later(self._pulse_seconds, self._measure)

    async def get(
        self,
        target: ParsedUrl,
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
                Transfer(
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

    async def _vetted_addresses(self, target: ParsedUrl) -> tuple[str, ...]:
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
        self, transfer: Transfer, addresses: tuple[str, ...], seconds: float
    ) -> Answer:
        transfer.started = self._loop.now()
        transfer.measured_at = self._seconds_listened()
        handle = (
            self._idle.pop()
            if self._idle
            else Handle(self._limits, self._user_agent, self._ca_file)
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
            transfer.done.settle(
                Answer(transfer.status, transfer.headers, transfer.body, address, seconds)
            )

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
                self._finish(curl, self._active[curl].end())
            for curl, code, message in failed:
                transfer = self._active[curl].transfer
                if transfer.is_cut and transfer.error is None:
                    self._finish(curl, self._active[curl].end())
                else:
                    self._finish(curl, transfer.error or transfer_error(code, message))

    def _measure(self) -> None:
        """Stop what is too slow: libcurl's own check would also count the wait for an answer."""
        self._listened = self._seconds_listened()
        self._pulsed_at = self._loop.now()
        for curl, handle in list(self._active.items()):
            error = slowness(handle.transfer, self._listened, self._limits)
            if error is not None:
                self._finish(curl, error)
        self._pulse = self._loop.call_later(self._pulse_seconds, self._measure)

    def _seconds_listened(self) -> float:
        """What counts against a server: not the time in which we were too busy to listen."""
        since = self._loop.now() - self._pulsed_at
        return self._listened + min(since, 2 * self._pulse_seconds)
