"""An alarm says what to do, and somebody hears it."""

import json
import re

import pytest

from tests.infra.stack import functions, of_type, target, written

ALARMS = of_type("AWS::CloudWatch::Alarm")
WATCHED = {
    ("AWS/SQS", "NumberOfMessagesReceived"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    ("AWS/States", "ExecutionsFailed"),
    ("AWS/States", "ExecutionsTimedOut"),
    ("AWS/ApiGateway", "5xx"),
    ("AWS/Lambda", "Errors"),
    ("Crawlset", "OutboxAge"),
    ("Crawlset", "RecordsFailed"),
    ("Crawlset", "TickCompleted"),
}


@pytest.mark.parametrize("name", sorted(ALARMS))
class TestEveryAlarm:
    def test_says_what_is_wrong_and_what_to_do(self, name: str) -> None:
        wrong, _, to_do = ALARMS[name]["AlarmDescription"].partition(". ")

        assert wrong
        assert to_do.endswith(".")

    def test_is_heard_if_there_is_a_topic(self, name: str) -> None:
        for kind in ("AlarmActions", "OKActions"):
            condition, topics, _ = ALARMS[name][kind]["Fn::If"]
            assert condition == "HasAlarmTopic"
            assert [target(topic) for topic in topics] == ["AlarmTopicArn"]

    def test_says_what_silence_means(self, name: str) -> None:
        expected = "breaching" if name == "TickMissingAlarm" else "notBreaching"

        assert ALARMS[name]["TreatMissingData"] == expected


class TestAlarms:
    def test_watch_what_can_go_wrong(self) -> None:
        assert {(alarm["Namespace"], alarm["MetricName"]) for alarm in ALARMS.values()} == WATCHED

    def test_watch_the_age_of_chunks_and_results(self) -> None:
        watched = {
            target(alarm["Dimensions"][0]["Value"])
            for alarm in ALARMS.values()
            if alarm["MetricName"] == "ApproximateAgeOfOldestMessage"
        }

        assert watched == {"ChunksQueue", "ResultsQueue"}

    def test_watch_our_metrics_under_the_name_the_functions_give(self) -> None:
        dimensions = [
            alarm["Dimensions"] for alarm in ALARMS.values() if alarm["Namespace"] == "Crawlset"
        ]

        assert dimensions == [[{"Name": "service", "Value": {"Ref": "AWS::StackName"}}]] * 3


class TestLogLevel:
    def test_of_lambda_lets_metrics_through(self) -> None:
        """What has no level of its own counts as INFO, and metrics are printed so."""
        levels = written()["Mappings"]["LambdaLogLevels"]

        assert set(levels) == set(written()["Parameters"]["LogLevel"]["AllowedValues"])
        assert {each["Level"] for each in levels.values()} == {"DEBUG", "INFO"}
        for function in functions().values():
            found = function["LoggingConfig"]["ApplicationLogLevel"]["Fn::FindInMap"]
            assert found == ["LambdaLogLevels", {"Ref": "LogLevel"}, "Level"]


class TestDashboard:
    def test_is_json_of_widgets_that_lie_side_by_side(self) -> None:
        (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
        text, known = dashboard["DashboardBody"]["Fn::Sub"]

        widgets = json.loads(re.sub(r"\$\{[^}]+\}", "x", text))["widgets"]

        assert {w["type"] for w in widgets} == {"metric"}
        places = [(w["x"], w["y"]) for w in widgets]
        assert len(set(places)) == len(places)
        assert all(w["x"] + w["width"] <= 24 for w in widgets)
        assert all("${" + name + "}" in text for name in known)
