"""What the sample site has at its URLs, asked past the service."""

import hashlib
import time
from urllib.parse import urlsplit

import httpx

from crawlset_local.ports import LOOPBACK

ANSWER_SECONDS = 5


def read_contents(urls: list[str], port: int) -> dict[str, str]:
    """SHA-256 of the picture at each URL that answers with one, redirects not followed."""
    contents = {}
    with _site(port) as site:
        for url in urls:
            try:
                answer = _ask(site, url)
            except httpx.HTTPError:
                continue
            is_picture = answer.headers.get("content-type", "").startswith("image/")
            if answer.is_success and is_picture:
                contents[url] = hashlib.sha256(answer.content).hexdigest()
    return contents


def read_picture(url: str, port: int) -> bytes:
    with _site(port) as site:
        return _ask(site, url).raise_for_status().content


def _site(port: int) -> httpx.Client:
    """All hosts of the site are at one address."""
    return httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=ANSWER_SECONDS)


def _ask(site: httpx.Client, url: str) -> httpx.Response:
    """Raises `httpx.HTTPError`, also for a body that trickles without an end, as some here do."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    until = time.monotonic() + ANSWER_SECONDS
    with site.stream("GET", path, headers={"Host": parts.netloc}) as answer:
        body = bytearray()
        for piece in answer.iter_bytes():
            body += piece
            if time.monotonic() > until:
                raise httpx.ReadTimeout(url, request=answer.request)
    headers = [pair for pair in answer.headers.items() if pair[0] != "content-encoding"]
    return httpx.Response(
        answer.status_code, headers=headers, content=bytes(body), request=answer.request
    )
