"""A client of the sample site, on a real socket."""

import json
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from crawlset_local.sample_site import SampleSite


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks one site over one kept connection, for any of its virtual hosts."""

    def __init__(self, site: SampleSite) -> None:
        self.site = site
        self.connection = HTTPConnection("127.0.0.1", site.port, timeout=5)

    def ask(self, url: str, method: str = "GET") -> Reply:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        self.connection.request(method, target, headers={"Host": parts.netloc})
        response = self.connection.getresponse()
        return Reply(response.status, response.headers, response.read())

    def api(self, path: str, method: str = "GET", **query: object) -> Reply:
        return self.ask(f"{self.site.url}{path}?{urlencode(query)}".rstrip("?"), method)

    def work(self, behaviour: str) -> dict[str, Any]:
        works = self.api("/catalogue").json["works"]
        return next(work for work in works if work["behaviour"] == behaviour)

    def works_in(self, folder: str) -> list[dict[str, Any]]:
        works = self.api("/catalogue").json["works"]
        return [work for work in works if f"/{folder}/" in work["url"]]
