"""A tenant's client: it asks again as a careful one would, and every answer is remembered."""

import random
import time
from typing import Any
from uuid import UUID

import httpx

from tests.chaos.memory import Answer, Memory

PATIENCE_SECONDS = 25.0
PAUSE_SECONDS = 0.5
ASK_AGAIN = {409: "AskedMeanwhileError"}
UNAVAILABLE = {503, 504}


class Client:
    """Asks as the owner of `key`; made for one thread."""

    def __init__(self, api_url: str, key: str, memory: Memory, chance: random.Random) -> None:
        self._http = httpx.Client(
            base_url=api_url, headers={"Authorization": f"Bearer {key}"}, timeout=40
        )
        self._memory = memory
        self._chance = chance

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        return self.ask("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.ask("POST", path, json=body or {})

    def ask(self, method: str, path: str, **content: Any) -> Any:
        """
        The body of a 2xx; None for any other answer, and where none came in time.

        An `Idempotency-Key` makes it safe to ask again where nobody knows what became of it.
        """
        key = str(UUID(int=self._chance.getrandbits(128), version=4))
        headers = {"Idempotency-Key": key} if method == "POST" else {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._once(method, path, headers, content)
            if answer is not None and answer.is_success:
                return answer.json() if answer.content else {}
            if time.monotonic() > deadline or not _is_worth_asking_again(answer):
                return None
            time.sleep(PAUSE_SECONDS)

    def _once(
        self, method: str, path: str, headers: dict[str, str], content: dict[str, Any]
    ) -> httpx.Response | None:
        request = f"{method} {path}"
        try:
            answer = self._http.request(method, path, headers=headers, **content)
        except httpx.TransportError as error:
            self._memory.answers.append(Answer(time.time(), request, 0, repr(error), None))
            return None
        is_problem = answer.headers.get("content-type", "").startswith("application/problem")
        code = answer.json().get("code", "") if is_problem else answer.text[:200]
        code = "" if answer.is_success else code
        self._memory.answers.append(
            Answer(
                time.time(), request, answer.status_code, code, answer.headers.get("retry-after")
            )
        )
        return answer

    def items(self, path: str, **query: Any) -> list[Any]:
        """Every item of a list, page by page."""
        found: list[Any] = []
        page = self.get(path, limit=100, **query)
        while page is not None:
            found += page["items"]
            if not page["items"] or page["next_cursor"] is None:
                break
            page = self.get(path, limit=100, cursor=page["next_cursor"], **query)
        return found


def _is_worth_asking_again(answer: httpx.Response | None) -> bool:
    if answer is None or answer.status_code in UNAVAILABLE or answer.status_code >= 500:
        return True
    return ASK_AGAIN.get(answer.status_code, "") in answer.text and answer.status_code == 409
