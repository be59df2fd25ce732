"""What a start of a laptop cloud takes over from the one before, and what it does anew."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from crawlset_local import deploy
from crawlset_local.cloud import LocalCloud
from tests.ports import free_ports

TOYS = Path(__file__).parent / "local_toy"
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DependsOn: QueuePolicy
    Properties:
      NotificationConfiguration:
        QueueConfigurations:
          - Event: s3:ObjectCreated:*
            Queue: !GetAtt Queue.Arn
            Filter: {S3Key: {Rules: [{Name: prefix, Value: jobs/}]}}
  Queue:
    Type: AWS::SQS::Queue
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: s3.amazonaws.com}
            Action: sqs:SendMessage
            Resource: !GetAtt Queue.Arn
Outputs:
  Bucket: {Value: !Ref Bucket}
  Queue: {Value: !Ref Queue}
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A stopped cloud of a template of its own, which was started once."""
    folder = tmp_path_factory.mktemp("toy")
    shutil.copytree(TOYS, folder, dirs_exist_ok=True)
    cloud = LocalCloud(
        folder / "home", free_ports(), template=folder / "template.yaml", with_sample_site=False
    )
    with cloud:
        pass
    yield cloud
    cloud.erase()


def role_secret(cloud: LocalCloud) -> dict[str, Any]:
    answer = cloud.client("secretsmanager").get_secret_value(
        SecretId=cloud.stack.secrets["RoleSecret"]
    )
    secret: dict[str, Any] = json.loads(answer["SecretString"])
    return secret


def n_upgrades(cloud: LocalCloud) -> int:
    with psycopg.connect(str(cloud.database_url)) as connection:
        row = connection.execute("SELECT count(*) FROM upgrades").fetchone()
    return int(row[0]) if row else 0


def execute(cloud: LocalCloud, statement: str) -> None:
    with cloud, psycopg.connect(str(cloud.database_url), autocommit=True) as connection:
        connection.execute(statement)


def move_database_back(cloud: LocalCloud) -> None:
    execute(cloud, "UPDATE alembic_version SET version_num = 'older'")


def lock_a_role_out(cloud: LocalCloud) -> None:
    execute(cloud, "ALTER ROLE toy_worker NOLOGIN")


def cut_what_was_kept(cloud: LocalCloud) -> None:
    path = cloud.home / "migrated.json"
    path.write_bytes(path.read_bytes()[:40])


def change_the_code(cloud: LocalCloud) -> None:
    path = cloud.home.parent / "migrate" / "app.py"
    path.write_text(path.read_text() + "\n# changed\n")


class TestStartOfAnUnchangedHome:
    def test_does_not_migrate_and_has_every_secret(self, cloud: LocalCloud) -> None:
        with cloud:
            before, secret = n_upgrades(cloud), role_secret(cloud)

        with cloud:
            assert n_upgrades(cloud) == before
            assert role_secret(cloud) == secret
            assert (cloud.api_key, cloud.profile_id) == ("toy-key", "toy-profile")
            psycopg.connect(secret["dsn"]).close()

    def test_nobody_else_may_read_what_is_kept(self, cloud: LocalCloud) -> None:
        assert (cloud.home / "migrated.json").stat().st_mode & 0o077 == 0


class TestStartOfAChangedHome:
    @pytest.mark.parametrize(
        "change",
        [move_database_back, lock_a_role_out, cut_what_was_kept, change_the_code],
        ids=lambda change: change.__name__,
    )
    def test_migrates(self, cloud: LocalCloud, change: Callable[[LocalCloud], None]) -> None:
        with cloud:
            before = n_upgrades(cloud)
        change(cloud)

        with cloud:
            assert n_upgrades(cloud) == before + 1
            psycopg.connect(role_secret(cloud)["dsn"]).close()


class TestNotifications:
    def test_queue_is_told_of_objects_and_of_nothing_before(self, tmp_path: Path) -> None:
        template = tmp_path / "template.yaml"
        template.write_text(TEMPLATE)
        cloud = LocalCloud(
            tmp_path / "home", free_ports(), template=template, with_sample_site=False
        )

        with cloud:
            s3, sqs = cloud.client("s3"), cloud.client("sqs")
            for key in ("uploads/1", "jobs/1"):
                s3.put_object(Bucket=cloud.outputs["Bucket"], Key=key, Body=b"")
            told = sqs.receive_message(
                QueueUrl=cloud.outputs["Queue"], MaxNumberOfMessages=10, WaitTimeSeconds=20
            )["Messages"]
        cloud.erase()

        events = [json.loads(message["Body"]) for message in told]
        assert [event["Records"][0]["s3"]["object"]["key"] for event in events] == ["jobs/1"]


class TestPrepare:
    @pytest.fixture
    def template(self, tmp_path: Path) -> Path:
        shutil.copytree(TOYS, tmp_path, dirs_exist_ok=True)
        return tmp_path / "template.yaml"

    def test_translates_once(self, template: Path) -> None:
        first = deploy.prepare(template, template.parent)
        kept = (template.parent / deploy.TRANSLATED).stat().st_ino

        second = deploy.prepare(template, template.parent)

        assert second.plain == first.plain
        assert (template.parent / deploy.TRANSLATED).stat().st_ino == kept

    def test_takes_a_changed_template_and_changed_code(self, template: Path) -> None:
        before = deploy.prepare(template, template.parent).plain["Resources"]
        text = template.read_text()
        template.write_text(text.replace("SilentFunction:", "QuietFunction:"))
        code = template.parent / "web" / "app.py"
        code.write_text(code.read_text() + "\n# changed\n")

        after = deploy.prepare(template, template.parent).plain["Resources"]

        assert "QuietFunction" in after.keys() - before.keys()
        assert (
            after["WebFunction"]["Properties"]["Code"]
            != (before["WebFunction"]["Properties"]["Code"])
        )

    @pytest.mark.parametrize("left", [0, 1000], ids=["empty", "cut"])
    def test_translates_anew_what_is_not_whole(self, template: Path, left: int) -> None:
        before = deploy.prepare(template, template.parent).plain
        kept = template.parent / deploy.TRANSLATED
        kept.write_bytes(kept.read_bytes()[:left])

        assert deploy.prepare(template, template.parent).plain == before
