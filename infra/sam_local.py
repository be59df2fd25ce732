"""
Write what `sam local` needs of a running laptop cloud: `python infra/sam_local.py`.

Into `.aws-sam/local` go `template.json`, which is the built template with the variables that the
emulator needs declared (`--env-vars` overrides only what a template declares:
https://github.com/aws/aws-sam-cli/issues/6145), `env.json` with their values and all others, and
tests/events filled in with the newest job that was validated. With `--listen` it stays and lets
containers in: on Linux they reach nothing that listens on this machine's loopback alone.
"""

import argparse
import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

import httpx
from sqlalchemy import make_url

from crawlset_local import deploy, emulator, template
from crawlset_local.home import default_home, holder_of, read_profile, write_whole
from crawlset_local.ports import LOOPBACK

ROOT = Path(__file__).resolve().parents[1]
EVENTS = ROOT / "tests/events"
CONTAINER_HOST = "host.docker.internal"
"""This machine's name in a container: https://docs.docker.com/desktop/features/networking/."""
HERE = (LOOPBACK, "localhost")
PARTS = ("emulator", "sample_site")


class NotReadyError(Exception):
    """There is no cloud, no build or no job to make events of; the message says what to do."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Write what `sam local` needs of `make up`.")
    parser.add_argument("--home", type=Path, default=default_home())
    parser.add_argument("--template", type=Path, default=ROOT / ".aws-sam/build/template.yaml")
    parser.add_argument("--out", type=Path, default=ROOT / ".aws-sam/local")
    parser.add_argument("--host", default=CONTAINER_HOST, help="this machine, to the functions")
    parser.add_argument("--listen", help="address of this machine at which to let them in")
    asked = parser.parse_args()
    try:
        ports = dict(ports_in_use(asked.home))
        stack = Stack(ports["emulator"])
        write(asked.home, stack, asked.template, asked.out, asked.host)
    except NotReadyError as error:
        raise SystemExit(str(error)) from None
    print(f"Written: {asked.out}", flush=True)  # noqa: T201 - it is a command
    if asked.listen:
        listening = {*ports.values(), *stack.database_ports()}
        asyncio.run(let_in(asked.listen, listening))


def write(home: Path, stack: "Stack", built: Path, out: Path, host: str) -> None:
    """Write the template, the variables and the events. Raises `NotReadyError`."""
    if not built.is_file():
        raise NotReadyError(f"{built} is not there: make build")
    address = emulator.url(stack.port).replace(LOOPBACK, host)
    everywhere = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": emulator.ADMINISTRATOR[0],
        "AWS_SECRET_ACCESS_KEY": emulator.ADMINISTRATOR[1],
        "AWS_SESSION_TOKEN": "",
        "AWS_REGION": emulator.REGION,
        "AWS_DEFAULT_REGION": emulator.REGION,
    }
    names = stack.reachable_secrets(host) | {f"://{LOOPBACK}:": f"://{host}:"}
    variables = {
        function: {name: _replaced(value, names) for name, value in stated.items()} | everywhere
        for function, stated in stack.variables()
    }
    events = newest_job(home, stack)
    (out / "events").mkdir(parents=True, exist_ok=True)
    write_whole(out / "env.json", json.dumps(variables, indent=2).encode())
    declared = json.dumps(declaring(template.load(built), built.parent, everywhere), indent=2)
    write_whole(out / "template.json", declared.encode())
    for event in EVENTS.glob("*.json"):
        filled = Template(event.read_text(encoding="utf-8")).safe_substitute(events)
        write_whole(out / "events" / event.name, filled.encode())


def ports_in_use(home: Path) -> Iterator[tuple[str, int]]:
    """The ports of a cloud's parts, as it has recorded how it started them."""
    if holder_of(home) is None:
        raise NotReadyError(f"No cloud runs in {home}: make up")
    for name in PARTS:
        record = home / "run" / f"{name}.json"
        if record.is_file():
            argv = json.loads(record.read_text())["argv"]
            yield name, int(argv[argv.index("--port") + 1])


class Stack:
    """The deployed stack of the emulator on `port`."""

    def __init__(self, port: int) -> None:
        self.port = port
        found = emulator.client("cloudformation", port).describe_stack_resources(
            StackName=deploy.STACK
        )["StackResources"]
        self.resources = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}
        self.types = {one["LogicalResourceId"]: one["ResourceType"] for one in found}

    def variables(self) -> Iterator[tuple[str, dict[str, str]]]:
        """The variables of each function, by its logical id."""
        functions = emulator.client("lambda", self.port)
        for name in self.of_type("AWS::Lambda::Function"):
            told = functions.get_function_configuration(FunctionName=self.resources[name])
            yield name, told.get("Environment", {}).get("Variables", {})

    def reachable_secrets(self, host: str) -> dict[str, str]:
        """ARNs of copies of the database's secrets, at `host`, by those of the originals."""
        secrets = emulator.client("secretsmanager", self.port)
        originals = [self.resources[one] for one in self.of_type("AWS::SecretsManager::Secret")]
        copies = {}
        for name in (*originals, deploy.OWNER_SECRET):
            secret = secrets.get_secret_value(SecretId=name)
            fields = json.loads(secret["SecretString"])
            copy = deploy.put_secret(
                self.port,
                f"sam-local/{secret['Name']}",
                fields | {"dsn": _reachable(fields["dsn"], host)},
            )
            copies[secret["ARN"]] = copy
        return copies

    def database_ports(self) -> set[int]:
        """Where PostgreSQL listens, if it does on this machine."""
        secret = emulator.client("secretsmanager", self.port).get_secret_value(
            SecretId=deploy.OWNER_SECRET
        )
        url = make_url(json.loads(secret["SecretString"])["dsn"])
        return {url.port or 5432} if url.host in HERE else set()

    def of_type(self, kind: str) -> list[str]:
        return [name for name, each in self.types.items() if each == kind]


def newest_job(home: Path, stack: Stack) -> dict[str, str]:
    """What tests/events leave open: the newest crawl's job and objects. Raises `NotReadyError`."""
    profile = read_profile(home)
    s3, bucket = emulator.client("s3", stack.port), stack.resources["Bucket"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="jobs/")
    stored = [entry for page in pages for entry in page.get("Contents", ())]
    stored.sort(key=lambda entry: entry["LastModified"], reverse=True)
    outcome = next((e["Key"] for e in stored if e["Key"].endswith("/outcome")), "jobs/none/outcome")
    folder = outcome.split("/")[1]
    part = next((e["Key"] for e in stored if f"{folder}/candidates/" in e["Key"]), "")
    headers = {"Authorization": f"Bearer {profile.get('api_key', '')}"}
    with httpx.Client(base_url=f"{profile['api_url']}/api", headers=headers, timeout=60) as api:
        for project in (
            api.get("/projects", params={"limit": 100}).raise_for_status().json()["items"]
        ):
            job = api.get(f"/projects/{project['id']}/crawl-jobs/{folder}")
            if job.is_success and part and job.json()["validation_jobs"]:
                return {
                    "user_id": profile["profile_id"],
                    "api_key": profile["api_key"],
                    "bucket": bucket,
                    "project_id": project["id"],
                    "job_id": folder,
                    "validation_job_id": job.json()["validation_jobs"][0]["id"],
                    "part_key": part,
                    "outcome_key": outcome,
                }
    raise NotReadyError(
        "The newest crawl was not validated: crawlset crawl cat --source sample --max-images 5, "
        "then crawlset validate with the job that it names."
    )


def declaring(built: dict[str, Any], folder: Path, everywhere: Mapping[str, str]) -> dict[str, Any]:
    """`built`, whose code lies in `folder`, with the variables of every function declared."""
    built["Globals"]["Function"]["Environment"]["Variables"] |= dict.fromkeys(everywhere, "")
    for resource in built["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            stated = resource.get("Properties", {}).get(name)
            if isinstance(stated, str):
                resource["Properties"][name] = str((folder / stated).resolve())
    return built


async def let_in(address: str, ports: Iterable[int]) -> None:
    """Forward connections at `address` to the same port of loopback, until it is cancelled."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(port: int) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                far_reader, far_writer = await asyncio.open_connection(LOOPBACK, port)
            except OSError:
                writer.close()
                return
            await asyncio.gather(forward(reader, far_writer), forward(far_reader, writer))

        server = await asyncio.start_server(connected, address, port)
        await server.serve_forever()

    print(f"Leave it running: {address} leads to {LOOPBACK}. Ctrl-C ends it.", flush=True)  # noqa: T201
    await asyncio.gather(*(serve(port) for port in ports))


def _reachable(dsn: str, host: str) -> str:
    """`dsn` as functions reach it; what was on this machine needs no certificate there either."""
    url = make_url(dsn)
    if url.host not in HERE:
        return dsn
    moved = url.set(host=host).update_query_dict({"sslmode": "disable"})
    return moved.render_as_string(hide_password=False)


def _replaced(value: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        value = value.replace(old, new)
    return value


if __name__ == "__main__":
    main()
