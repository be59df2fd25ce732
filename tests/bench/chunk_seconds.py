"""
How long a fetcher is at a chunk, which is what a crawl costs, against servers as they are.

`python -m tests.bench.chunk_seconds`: 500 URLs of pictures of 108 KB on 250 hosts, in one process
with one decoding child, as the function has it. Servers answer after a log-normal time, its median
0.3 s, and a share of them is silent: it takes the request and never answers.
"""

import argparse
import asyncio
import random
import tempfile
import threading
from collections import Counter
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from statistics import median
from time import process_time

from crawlset.fetching.chunk import run_chunk
from crawlset.imaging.pool import DecodePool
from crawlset.wire.chunks import ChunkUrl
from tests.bench.fetch import pictures

N_URLS = 500
N_HOSTS = 250
MEDIAN_SECONDS = 0.3
SIGMA = 1.0
"""Of the logarithm: one answer of a hundred takes 3 s and more."""
SHARES_SILENT = (0.0, 0.002, 0.01, 0.03)


async def serve(port: "Future[int]", bodies: list[bytes]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1].decode()
                name, _, query = path.partition("?")
                if "jpg" not in name:
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                number, wait = query.split("&")
                await asyncio.sleep(float(wait))
                body = b"".join(pictures.distinct(bodies[int(number) % len(bodies)], int(number)))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port.set_result(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def start_server(bodies: list[bytes]) -> int:
    known: Future[int] = Future()
    threading.Thread(target=lambda: asyncio.run(serve(known, bodies)), daemon=True).start()
    return known.result(5)


def chunk(port: int, share_silent: float, seed: int) -> list[ChunkUrl]:
    chance = random.Random(seed)
    silent = set(chance.sample(range(N_URLS), round(share_silent * N_URLS)))
    waits = (
        3600.0 if n in silent else chance.lognormvariate(0, SIGMA) * MEDIAN_SECONDS
        for n in range(N_URLS)
    )
    return [
        ChunkUrl(n, f"http://h{n % N_HOSTS}.localhost:{port}/p.jpg?{n + seed * N_URLS}&{wait:.3f}")
        for n, wait in enumerate(waits)
    ]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=3)
    rounds = arguments.parse_args().rounds
    directory = Path(".bench/pictures")
    bodies = [path.read_bytes() for path in pictures.pictures(directory, lambda: None)]
    port = start_server(bodies)
    print("| URLs that are silent | seconds a chunk | outcomes |\n| ---: | ---: | --- |")
    with closing(DecodePool(1)) as pool, tempfile.TemporaryDirectory() as out:
        for share in SHARES_SILENT:
            seconds, counts = [], Counter[str]()
            for round_ in range(rounds):
                urls = chunk(port, share, seed=round_)
                began = process_time()
                result = run_chunk(
                    urls,
                    chunk_id=f"chunk-{round_}",
                    pack_path=Path(out) / "pack.tar",
                    pool=pool,
                    user_agent="crawlset-bench/1 (bench@localhost)",
                    private_hosts=frozenset(u.url.split("/")[2] for u in urls),
                    seconds_left=lambda: 280.0,
                    is_cancelled=lambda: False,
                )
                seconds.append(result.seconds)
                counts += result.counts
                print(f"<!-- {process_time() - began:.2f} s of CPU with the server -->")
            spread = f"{median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"
            print(f"| {share:.1%} | {spread} | {dict(counts)} |", flush=True)


if __name__ == "__main__":
    main()
