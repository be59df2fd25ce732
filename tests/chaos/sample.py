"""What the sample site has at its URLs, asked past the service."""

import hashlib
from urllib.parse import urlsplit

import httpx

from crawlset_local.ports import LOOPBACK


def read_contents(urls: list[str], port: int) -> dict[str, str]:
    """SHA-256 of the picture at each URL that answers with one, redirects not followed."""
    contents = {}
    with _site(port) as site:
        for url in urls:
            try:
                answer = _ask(site, url)
            except httpx.HTTPError:
                continue
            if answer.is_success and answer.headers.get("content-type", "").startswith("image/"):
                contents[url] = hashlib.sha256(answer.content).hexdigest()
    return contents


def read_picture(url: str, port: int) -> bytes:
    with _site(port) as site:
        return _ask(site, url).raise_for_status().content


def _site(port: int) -> httpx.Client:
    """All hosts of the site are at one address."""
    return httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=5)


def _ask(site: httpx.Client, url: str) -> httpx.Response:
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return site.get(path, headers={"Host": parts.netloc})
