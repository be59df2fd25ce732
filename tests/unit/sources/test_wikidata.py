"""Labels of Wikidata, on answers in the shape that its API documents."""

from typing import Any

import httpx
import pytest

from crawlset.errors import SourceError, SourceThrottledError
from crawlset.settings import SourceSettings
from crawlset.sources import wikidata

CAT = {
    "id": "Q146",
    "label": "house cat",
    "match": {"type": "alias", "language": "en", "text": "cat"},
}
CATALONIA = {"id": "Q5705", "match": {"type": "label", "language": "en", "text": "Catalonia"}}
LABELS = {
    "entities": {
        "Q146": {
            "type": "item",
            "id": "Q146",
            "labels": {
                "de": {"language": "de", "value": "Hauskatze"},
                "fr": {"language": "fr", "value": "chat"},
            },
        }
    },
    "success": 1,
}


def labels(hits: list[Any], found: Any = LABELS) -> tuple[dict[str, str], list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.url.params["action"] == "wbsearchentities":
            return httpx.Response(200, json={"search": hits, "success": 1})
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found)

    with httpx.Client(transport=httpx.MockTransport(respond)) as client:
        words = wikidata.labels("Cat", ("de", "fr"), client=client, settings=SourceSettings())
    return words, asked


def test_are_those_of_the_first_thing_that_is_called_so() -> None:
    words, asked = labels([CATALONIA, CAT])

    assert words == {"de": "Hauskatze", "fr": "chat"}
    assert asked[1].url.params["ids"] == "Q146"
    assert asked[1].url.params["languages"] == "de|fr"


def test_are_none_when_nothing_is_called_so() -> None:
    words, asked = labels([CATALONIA])

    assert words == {}
    assert len(asked) == 1


def test_are_none_when_there_are_none() -> None:
    assert labels([CAT], {"entities": {"Q146": {"labels": {}}}})[0] == {}


def test_wait_when_asked_to() -> None:
    with pytest.raises(SourceThrottledError):
        labels([CAT], httpx.Response(429, headers={"Retry-After": "5"}))


def test_take_no_other_shape() -> None:
    with pytest.raises(SourceError, match="wikidata"):
        labels([CAT], {"entities": 7})
