"""An alarm says what to do, and somebody hears it."""

import json
import re

import pytest

from tests.infra.stack import (
    ROOT,
    functions,
    of_type,
    resources,
    target,
    translated,
    work_queues,
    written,
)

ALARMS = of_type("AWS::CloudWatch::Alarm")
ROLLOUTS = {name for name in ALARMS if name.endswith("RolloutAlarm")}
WATCHED = {
    ("AWS/SQS", "NumberOfMessagesReceived"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    ("AWS/States", "ExecutionsFailed"),
    ("AWS/States", "ExecutionsTimedOut"),
    ("AWS/ApiGateway", "5xx"),
    ("AWS/Lambda", "AsyncEventsDropped"),
    ("AWS/Lambda", "Duration"),
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "RecursiveInvocationsDropped"),
    ("AWS/Lambda", "Throttles"),
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
        watched = [alarm for name, alarm in ALARMS.items() if name not in ROLLOUTS]

        assert {(alarm["Namespace"], alarm["MetricName"]) for alarm in watched} == WATCHED

    def test_watch_the_age_of_what_waits_in_every_queue(self) -> None:
        watched = {
            target(alarm["Dimensions"][0]["Value"])
            for alarm in ALARMS.values()
            if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage"
        }

        assert watched == set(work_queues())

    def test_do_not_ring_while_lanes_and_chunks_wait_as_they_ordinarily_do(self) -> None:
        """A million images take half an hour of 50 fetchers, and hosts are asked politely."""
        hours = {
            target(alarm["Dimensions"][0]["Value"]): alarm["Threshold"] / 3600
            for alarm in ALARMS.values()
            if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage"
        }

        assert hours["ChunksQueue"] >= 4
        assert hours["HostLanesQueue"] >= 24

    def test_watch_the_whole_region_for_what_its_functions_share(self) -> None:
        shared = {
            alarm["MetricName"]
            for name, alarm in ALARMS.items()
            if "Dimensions" not in alarm and name not in ROLLOUTS
        }

        assert shared == {"RecursiveInvocationsDropped", "Throttles"}

    def test_watch_our_metrics_under_the_name_the_functions_give(self) -> None:
        dimensions = [
            alarm["Dimensions"] for alarm in ALARMS.values() if alarm.get("Namespace") == "Crawlset"
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


class TestBudget:
    def test_is_there_if_it_is_named_and_somebody_hears_of_it(self) -> None:
        (condition,) = [r["Condition"] for r in resources().values() if "Budgets" in r["Type"]]
        both = written()["Conditions"][condition]["Fn::And"]

        assert {"Condition": "HasAlarmTopic"} in both
        assert written()["Parameters"]["MonthlyBudget"]["Default"] == 0


class TestSavedQueries:
    def test_lie_in_a_folder_of_the_stack_and_read_its_logs(self) -> None:
        queries = of_type("AWS::Logs::QueryDefinition").values()

        names = [query["Name"]["Fn::Sub"] for query in queries]
        groups = {target(group) for query in queries for group in query["LogGroupNames"]}

        assert len(set(names)) == len(names) > 0
        assert all(name.startswith("${AWS::StackName}/") for name in names)
        assert groups == {"ServiceLogGroup", "AccessLogGroup"}

    def test_ask_for_what_routes_log(self) -> None:
        (query,) = [
            q["QueryString"]
            for q in of_type("AWS::Logs::QueryDefinition").values()
            if target(q["LogGroupNames"][0]) == "AccessLogGroup"
        ]
        logged = of_type("AWS::ApiGatewayV2::Stage")["HttpApiApiGatewayDefaultStage"]
        known = set(json.loads(logged["AccessLogSettings"]["Format"]))

        assert {"latency_ms", "route", "status"} <= known
        assert all(name in query for name in ("latency_ms", "route", "status"))


class TestTracing:
    def test_is_off_and_costs_nothing_until_it_is_asked_for(self) -> None:
        machine = of_type("AWS::StepFunctions::StateMachine")["PipelineStateMachine"]

        assert not [n for n, f in functions().items() if "TracingConfig" in f]
        assert machine["TracingConfiguration"] == {"Enabled": {"Fn::If": ["IsTraced", True, False]}}
        assert machine["LoggingConfiguration"]["Fn::If"][0] == "HasPipelineLog"

    def test_of_every_function_is_switched_by_the_parameter(self) -> None:
        traced = translated(written(), Tracing="Active")

        modes: dict[str, object] = {
            name: traced[name]["Properties"].get("TracingConfig", {}).get("Mode")
            for name in functions()
        }

        assert modes == {name: {"Ref": "Tracing"} for name in functions()}


class TestDashboard:
    def test_shows_metrics_of_ours_that_there_are(self) -> None:
        (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
        shown = set(re.findall(r'\["Crawlset", "(\w+)"', dashboard["DashboardBody"]["Fn::Sub"][0]))
        code = "".join(
            path.read_text(encoding="utf-8")
            for path in (ROOT / "layers/core/crawlset").rglob("*.py")
        )

        assert shown
        assert {name for name in shown if f'"{name}"' not in code} == set()

    def test_shows_every_function_but_those_that_people_invoke(self) -> None:
        (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
        text = dashboard["DashboardBody"]["Fn::Sub"][0]

        absent = {name for name in functions() if "${" + name + "}" not in text}

        assert absent == {"MigrateFunction", "TowersFunction", "UpgradeFunction"}

    def test_is_json_of_widgets_that_lie_side_by_side(self) -> None:
        (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
        text, known = dashboard["DashboardBody"]["Fn::Sub"]

        widgets = json.loads(re.sub(r"\$\{[^}]+\}", "x", text))["widgets"]

        assert {w["type"] for w in widgets} == {"metric"}
        places = [(w["x"], w["y"]) for w in widgets]
        assert len(set(places)) == len(places)
        assert all(w["x"] + w["width"] <= 24 for w in widgets)
        assert all("${" + name + "}" in text for name in known)
