import re

import pytest

from crawlset.crawls.planner import LANE_URLS, plan

GROUP = re.compile(r"[\x21-\x7e]{1,128}")
"""
What SQS takes for a MessageGroupId: up to 128 letters, digits and punctuation of ASCII.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""


class TestLane:
    @pytest.mark.parametrize(
        "host",
        ["a.test", ".".join(["a" * 60] * 4), "\uff41.test"],
        ids=["a short one", "longer than a group may be", "one that the guard never dials"],
    )
    def test_is_a_group_of_sqs_and_of_its_host_alone(self, host: str) -> None:
        hosts = [host] * (LANE_URLS + 1) + ["b.test"] * (LANE_URLS + 1)

        lanes = {chunk.lane for chunk in plan(hosts)}

        assert len(lanes) == 2
        assert all(lane and GROUP.fullmatch(lane) for lane in lanes)
        assert "b.test#0" in lanes
