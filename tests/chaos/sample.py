"""What the sample site has at its URLs, asked past the service."""

import hashlib
from urllib.parse import urlsplit

import httpx

from crawlset_local.ports import LOOPBACK


def read_contents(urls: list[str], port: int) -> dict[str, str]:
    """SHA-256 of the picture at each URL that answers with one, redirects not followed."""
    contents = {}
    with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=5) as site:
        for url in urls:
            parts = urlsplit(url)
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            try:
                answer = site.get(path, headers={"Host": parts.netloc})
            except httpx.HTTPError:
                continue
            is_picture = answer.headers.get("content-type", "").startswith("image/")
            if answer.is_success and is_picture:
                contents[url] = hashlib.sha256(answer.content).hexdigest()
    return contents
