"""What the sample site has at its URLs, asked past the service."""

import hashlib
import time
from urllib.parse import urlsplit

import httpx

from crawlset_local.ports import LOOPBACK

PATIENCE_SECONDS = 3.0
"""For one URL: some of the site's never come to their end."""


def read_contents(urls: list[str], port: int) -> dict[str, str]:
    """SHA-256 of the picture at each URL that answers with one, redirects not followed."""
    contents = {}
    with _site(port) as site:
        for url in urls:
            if (picture := _read(site, url)) is not None:
                contents[url] = hashlib.sha256(picture).hexdigest()
    return contents


def read_picture(url: str, port: int) -> bytes:
    with _site(port) as site:
        picture = _read(site, url)
    assert picture is not None, url
    return picture


def _site(port: int) -> httpx.Client:
    """All hosts of the site are at one address."""
    return httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=PATIENCE_SECONDS)


def _read(site: httpx.Client, url: str) -> bytes | None:
    """None for what is no picture, or not there whole in time."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    deadline = time.monotonic() + PATIENCE_SECONDS
    body = b""
    try:
        with site.stream("GET", path, headers={"Host": parts.netloc}) as answer:
            is_picture = answer.headers.get("content-type", "").startswith("image/")
            if not answer.is_success or not is_picture:
                return None
            for piece in answer.iter_bytes():
                body += piece
                if time.monotonic() > deadline:
                    return None
    except httpx.HTTPError:
        return None
    return body
