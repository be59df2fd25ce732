from datetime import UTC, datetime

import httpx
import pytest

from crawlset.errors import SourceError, SourceRefusedError, SourceThrottledError
from crawlset.sources import answers
from crawlset.sources.protocol import SourceUnavailableError

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def ask(answer: httpx.Response | Exception) -> object:
    def respond(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = httpx.Client(transport=httpx.MockTransport(respond))
    request = client.build_request("GET", "https://api.museum.example/search?q=cat")
    return answers.ask_json("museum", client, request)


class TestAskJson:
    def test_gives_what_the_source_answers(self) -> None:
        assert ask(httpx.Response(200, json={"total": 0})) == {"total": 0}

    @pytest.mark.parametrize("status", [429, 503])
    def test_waits_when_throttled(self, status: int) -> None:
        with pytest.raises(SourceThrottledError) as caught:
            ask(httpx.Response(status, headers={"Retry-After": "7"}))

        assert caught.value.retry_after_seconds == 7

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(500),
            httpx.Response(503),
            httpx.ConnectError("no route"),
            httpx.ReadTimeout("slow"),
            httpx.RemoteProtocolError("closed"),
        ],
    )
    def test_asks_again_later_when_there_is_no_answer(
        self, answer: httpx.Response | Exception
    ) -> None:
        with pytest.raises(SourceUnavailableError, match="museum does not answer"):
            ask(answer)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
    def test_gives_up_when_refused(self, status: int) -> None:
        with pytest.raises(SourceRefusedError, match=f"HTTP {status}"):
            ask(httpx.Response(status, text="no"))

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (httpx.Response(200, html="<html>Log in</html>"), "text/html.* not JSON"),
            (httpx.Response(200, json=None, text='{"total": '), "not JSON"),
            (httpx.Response(200, content=b""), "not JSON"),
            (httpx.Response(200, content=b"\xff\xfe"), "not JSON"),
            (httpx.Response(200, content=b"[" * 200_000), "not JSON"),
            (httpx.Response(302, headers={"Location": "/login"}), "HTTP 302"),
            (httpx.Response(204), "HTTP 204"),
        ],
    )
    def test_gives_up_on_what_is_no_json(self, answer: httpx.Response, message: str) -> None:
        with pytest.raises(SourceError, match=message):
            ask(answer)

    def test_stops_reading_an_endless_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(answers, "MAX_ANSWER_BYTES", 1 << 20)

        with pytest.raises(SourceError, match="more than 1 MiB"):
            ask(httpx.Response(200, content=b" " * ((1 << 20) + 1)))
