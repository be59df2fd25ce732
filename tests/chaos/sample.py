"""What the sample site has at its URLs, asked past the service."""

import hashlib
from urllib.parse import urlsplit

import httpx

from crawlset_local.ports import LOOPBACK


def read_contents(urls: list[str], port: int) -> dict[str, str]:
    """SHA-256 of the picture at each URL that answers with one, redirects not followed."""
    contents = {}
    for url in urls:
        try:
            answer = ask_site(url, port)
        except httpx.HTTPError:
            continue
        if answer.is_success and answer.headers.get("content-type", "").startswith("image/"):
            contents[url] = hashlib.sha256(answer.content).hexdigest()
    return contents


def ask_site(url: str, port: int) -> httpx.Response:
    """The site's answer, whose hosts are all at one address."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return httpx.get(f"http://{LOOPBACK}:{port}{path}", headers={"Host": parts.netloc}, timeout=5)
