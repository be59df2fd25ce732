import re

import pytest

from crawlset.crawls.planner import HOSTS_PER_LANE, LANE_URLS, plan, share_lanes

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

        lanes = {chunk.lane for chunk in plan(hosts, {host: host, "b.test": "b.test"}, {})}

        assert len(lanes) == 2
        assert all(lane and GROUP.fullmatch(lane) for lane in lanes)
        assert "b.test#0" in lanes

    def test_takes_turns_between_its_hosts(self) -> None:
        hosts = ["a.test"] * 3 + ["b.test"] * 2

        (chunk,) = plan(hosts, {"a.test": "b.test", "b.test": "b.test"}, {})

        assert (chunk.lane, chunk.members) == ("b.test#0", [0, 3, 1, 4, 2])


class TestShareLanes:
    def test_deals_hosts_out_evenly(self) -> None:
        hosts = [f"{n}.test" for n in range(HOSTS_PER_LANE + 2)]

        leads = share_lanes(hosts, {})

        assert leads["0.test"] == leads["2.test"] == "0.test"
        assert leads["1.test"] == leads["3.test"] == "1.test"
        assert set(leads.values()) == {"0.test", "1.test"}

    def test_fills_up_what_has_places_left(self) -> None:
        leads = share_lanes(["a.test", "b.test", "c.test"], {"full.test": 0, "old.test": 2})

        assert leads == {"a.test": "old.test", "b.test": "old.test", "c.test": "c.test"}

    def test_leaves_places_that_nobody_needs(self) -> None:
        assert share_lanes(["a.test"], {"old.test": 9}) == {"a.test": "old.test"}
