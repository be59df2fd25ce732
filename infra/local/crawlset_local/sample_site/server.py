"""Run the sample site: on a thread of this process, or as a process of its own."""

import argparse
import asyncio
import errno
import signal
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from threading import Thread

from crawlset_local.errors import LocalCloudError, PortBusyError
from crawlset_local.sample_site.catalogue import catalogue
from crawlset_local.sample_site.site import ALL_HOSTS, Site
from crawlset_local.sample_site.wire import (
    MalformedRequestError,
    Request,
    Response,
    read_request,
    write_response,
)

DEFAULT_PORT = 8490
PORT_OPTION = "--sample-port"
_ADDRESS = "127.0.0.1"
_BACKLOG = 1024


class SampleSite:
    """
    A sample site that answers on 127.0.0.1 from `start` to `stop`.

    After `start`, `port` is the real one, also when 0 was asked for.
    """

    def __init__(self, port: int = DEFAULT_PORT) -> None:
        self.port = port
        self._thread = Thread(target=self._run_loop, name="sample-site", daemon=True)
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._stop = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://{_ADDRESS}:{self.port}"

    @property
    def hosts(self) -> list[str]:
        """The `host:port` of every virtual host, as the crawler's allow list wants them."""
        return [f"{host}.localhost:{self.port}" for host in ALL_HOSTS]

    def start(self) -> None:
        """Return once it answers. Raises LocalCloudError; starts once only."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """Drop every connection and free the port."""
        loop = self._started.result()
        loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run_loop(self) -> None:
        try:
            asyncio.run(self._run())
        except (OSError, OverflowError) as error:
            self._started.set_exception(_port_error(self.port, error))

    async def _run(self) -> None:
        site = Site(self.port)
        connections: set[asyncio.Task[None]] = set()

        def accept(reader: StreamReader, writer: StreamWriter) -> None:
            task = asyncio.create_task(_serve_connection(site, reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await asyncio.start_server(accept, _ADDRESS, self.port, backlog=_BACKLOG)
        self.port = site.port = server.sockets[0].getsockname()[1]
        self._started.set_result(asyncio.get_running_loop())
        await self._stop.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        site.close()


@contextmanager
def serve(port: int = DEFAULT_PORT) -> Iterator[SampleSite]:
    """A started site, stopped at the end. Raises LocalCloudError."""
    site = SampleSite(port)
    site.start()
    try:
        yield site
    finally:
        site.stop()


def main() -> None:
    """Serve until SIGTERM or SIGINT; exit with 1 and one line when the port cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m crawlset_local.sample_site")
    parser.add_argument("--port", PORT_OPTION, type=int, default=DEFAULT_PORT)
    port = parser.parse_args().port
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    try:
        with serve(port) as site:
            n_listed = sum(work.is_listed for work in catalogue())
            sys.stdout.write(f"sample site ready: {site.url}, {n_listed} works\n")
            sys.stdout.flush()
            signal.sigwait(stops)
    except LocalCloudError as error:
        parser.exit(1, f"{error}\n")


async def _serve_connection(site: Site, reader: StreamReader, writer: StreamWriter) -> None:
    try:
        with suppress(ConnectionError):
            await _serve_requests(site, reader, writer)
    except asyncio.CancelledError:
        writer.transport.abort()
        raise
    finally:
        writer.close()


async def _serve_requests(site: Site, reader: StreamReader, writer: StreamWriter) -> None:
    is_open = True
    while is_open:
        try:
            request = await read_request(reader)
        except MalformedRequestError as error:
            last = Request("GET", "/", "", is_last=True)
            await write_response(writer, last, Response(error.status))
            return
        if request is None:
            return
        with site.under_way(request):
            is_open = await write_response(writer, request, await site.answer(request))


def _port_error(port: int, error: Exception) -> LocalCloudError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return PortBusyError(port, PORT_OPTION)
    return LocalCloudError(f"Port {port} cannot be opened ({error}); choose with {PORT_OPTION}.")
