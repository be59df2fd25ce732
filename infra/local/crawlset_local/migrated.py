"""
What a migration of the laptop's own database has left: its revision, and the roles' addresses.

The emulator forgets its secrets when it ends. They are kept here, so that the next start of an
unchanged database need not wait for the function that migrates.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from crawlset_local import connections, emulator
from crawlset_local.deploy import Stack
from crawlset_local.home import write_whole

FILE = "migrated.json"
"""In a home; as secret as the password of its database."""

FUNCTION = "MigrateFunction"


@dataclass(frozen=True)
class Migrated:
    revision: str
    made_by: str
    """Digest of the code that migrates, and of the owner's address of the database."""
    secrets: dict[str, str]
    """By the secrets' logical ids."""


def keep(home: Path, stack: Stack, port: int, dsn: str, revision: str) -> None:
    """Note what a migration of the database at the owner's `dsn` has just left."""
    client = emulator.client("secretsmanager", port)
    values = {}
    for name, arn in stack.secrets.items():
        with suppress(client.exceptions.ResourceNotFoundException, KeyError):
            values[name] = client.get_secret_value(SecretId=arn)["SecretString"]
    migrated = Migrated(revision, _made_by(stack, port, dsn), values)
    write_whole(home / FILE, json.dumps(asdict(migrated)).encode())


def bring_back(home: Path, stack: Stack, port: int, dsn: str) -> str | None:
    """
    Put the kept secrets into the emulator; the revision, or None if a migration must run.

    It must if anything is not as the last one left it: its code, the database, a login.
    """
    kept = _read(home / FILE)
    if (
        kept is None
        or not kept.revision
        or not kept.secrets.keys() <= stack.secrets.keys()
        or kept.made_by != _made_by(stack, port, dsn)
        or not _is_as_left(kept, dsn)
    ):
        return None
    client = emulator.client("secretsmanager", port)
    for name, value in kept.secrets.items():
        client.put_secret_value(SecretId=stack.secrets[name], SecretString=value)
    return kept.revision


def _made_by(stack: Stack, port: int, dsn: str) -> str:
    function = emulator.client("lambda", port).get_function_configuration(
        FunctionName=stack.resources[FUNCTION]
    )
    # What makes the logins and their addresses is in the package, which no bundle holds.
    specs = map(find_spec, ("crawlset.kit.logins", "crawlset.kit.database_address"))
    sources = [Path(spec.origin).read_text() for spec in specs if spec and spec.origin]
    parts = json.dumps([function["CodeSha256"], sources, dsn])
    return hashlib.sha256(parts.encode()).hexdigest()


def _is_as_left(kept: Migrated, dsn: str) -> bool:
    """Whether the database has the revision still, and lets each role in."""
    try:
        logins = [_address(value) for value in kept.secrets.values()]
    except (ValueError, KeyError, TypeError):
        return False
    return connections.revision(dsn) == kept.revision and all(map(connections.answers, logins))


def _address(secret: str) -> str:
    fields: Mapping[str, Any] = json.loads(secret)
    return str(fields["dsn"])


def _read(path: Path) -> Migrated | None:
    try:
        return Migrated(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
