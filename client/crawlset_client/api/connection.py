"""The connection to one service that all resources share, and the paths they ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import msgspec

from crawlset_client import __version__, calls
from crawlset_client.calls import Sleep
from crawlset_client.errors import ConfigError, UnexpectedAnswerError, UsageError
from crawlset_client.late import late_import
from crawlset_client.models import Page, Record

if TYPE_CHECKING:
    import httpx
else:
    httpx = late_import("httpx")

M = TypeVar("M", bound=Record)

ANSWER_SECONDS = 60.0
CONNECT_SECONDS = 10.0
PAGE_SIZE = 100
KEY_CHARACTERS = re.compile(r"[\x21-\x7e]+")
"""What a header can hold; the service's own keys hold fewer."""
DIRECT: Mapping[str, httpx.BaseTransport | None] = {
    "all://127.0.0.1": None,
    "all://localhost": None,
}
"""This machine is never asked through a proxy."""


class Connection:
    """
    The service at `api_url`, asked with `api_key`, and the object store that it points to.

    `storage` sends no key. Raises `ConfigError` for an address or a key that cannot be one.
    """

    def __init__(
        self,
        api_url: str,
        api_key: str | None,
        *,
        transport: httpx.BaseTransport | None,
        sleep: Sleep,
    ) -> None:
        if api_key and not KEY_CHARACTERS.fullmatch(api_key):
            raise ConfigError(
                "The API key has a character that no key has; copy it anew into CRAWLSET_API_KEY."
            )
        self.api_url = api_url.rstrip("/")
        self.sleep = sleep
        headers = {"User-Agent": f"crawlset-client/{__version__}"}
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        self.storage = httpx.Client(
            headers=headers, transport=transport, timeout=timeout, mounts=DIRECT
        )
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        try:
            self._http = httpx.Client(
                base_url=f"{self.api_url}/api/",
                headers=headers,
                transport=transport,
                timeout=timeout,
                mounts=DIRECT,
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ConfigError(f"{api_url!r} is no address of an API: {error}.") from error

    def close(self) -> None:
        self._http.close()
        self.storage.close()

    def get(self, model: type[M], path: str, **params: Any) -> M:
        return self.read(model, self.send("GET", path, params=params))

    def list(
        self, model: type[M], path: str, *, paged: bool = True, **filters: str | None
    ) -> Iterator[M]:
        """Every item, page by page, as they are iterated."""
        params: dict[str, str | int] = {"limit": PAGE_SIZE} if paged else {}
        params |= given(**filters)
        while True:
            page = self.get(Page, path, **params)
            for item in page.items:
                yield self.convert(model, item)
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    def post(
        self,
        model: type[M],
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> M:
        """Send `body` with an Idempotency-Key, so that a repetition creates nothing twice."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
        return self.read(model, self.send("POST", path, json=body, headers=headers))

    def post_for_secret(self, model: type[M], path: str, body: Mapping[str, Any]) -> M:
        """
        Send `body`, which is answered with a secret that is never given again.

        There is no Idempotency-Key: the service would keep the secret to repeat it.
        """
        return self.read(model, self.send("POST", path, json=body))

    def patch(self, model: type[M], path: str, body: Mapping[str, Any]) -> M:
        return self.read(model, self.send("PATCH", path, json=body))

    def delete(self, path: str) -> None:
        self.send("DELETE", path)

    def delete_later(self, model: type[M], path: str, grace_hours: int | None) -> M:
        """Delete what can be restored for `grace_hours`."""
        params = given(grace_hours=grace_hours)
        return self.read(model, self.send("DELETE", path, params=params))

    def read(self, model: type[M], response: httpx.Response) -> M:
        """The record in an answer. Raises `UnexpectedAnswerError` where there is none."""
        try:
            document = msgspec.json.decode(response.content)
        except msgspec.DecodeError as error:
            raise UnexpectedAnswerError(self.api_url) from error
        return self.convert(model, document)

    def convert(self, model: type[M], document: Any) -> M:
        try:
            return model.of(document)
        except msgspec.ValidationError as error:
            raise UnexpectedAnswerError(self.api_url) from error

    def send(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """The answer to one call, as `calls.send`; `parts` are those of an httpx request."""
        try:
            request = self._http.build_request(method, path, **parts)
        except UnicodeEncodeError as error:
            raise UsageError("Text that is not valid UTF-8 cannot be sent.") from error
        return calls.send(self._http, request, sleep=self.sleep)


class Resource:
    """Routes of one kind, asked over a shared connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection


def ignore(_n_bytes: int) -> None:
    """Hear of bytes and do nothing."""


def given(**fields: Any) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def path_of(*parts: str | int) -> str:
    """A path below `/api/`; no part reaches out of its place."""
    return "/".join(quote(str(part), safe="") for part in parts)


def in_project(project_id: str, *parts: str | int) -> str:
    return path_of("projects", project_id, *parts)


def in_job(project_id: str, job_id: str, *parts: str | int) -> str:
    return in_project(project_id, "crawl-jobs", job_id, *parts)
