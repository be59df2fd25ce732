from typing import Any

import pytest

from crawlset.kit.batch import Delivery, handle_each
from crawlset.observability import metrics


def event(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"id of {body}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "2"},
            }
            for body in bodies
        ]
    }


@pytest.fixture(autouse=True)
def forget_metrics() -> Any:
    yield
    metrics.clear_metrics()


class TestHandleEach:
    def test_hands_over_every_message(self) -> None:
        seen: list[Delivery] = []

        answer = handle_each(event("a", "b"), seen.append)

        assert answer == {"batchItemFailures": []}
        assert seen == [Delivery("id of a", "a", 2), Delivery("id of b", "b", 2)]

    def test_reports_what_failed_and_goes_on(self) -> None:
        seen: list[str] = []

        def handle(delivery: Delivery) -> None:
            seen.append(delivery.body)
            if delivery.body != "b":
                raise ValueError(delivery.body)

        answer = handle_each(event("a", "b", "c"), handle)

        assert seen == ["a", "b", "c"]
        assert answer == {
            "batchItemFailures": [{"itemIdentifier": "id of a"}, {"itemIdentifier": "id of c"}]
        }
