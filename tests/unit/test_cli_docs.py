"""docs/cli.md tells every setting that is read, every exit code and every command."""

import inspect
import re
from pathlib import Path

from typer.main import get_command

from crawlset_client import config, errors
from crawlset_client.cli import EPILOG, app
from crawlset_client.config import FIELDS, variable
from crawlset_client.doctor import machine
from crawlset_client.errors import CrawlsetError, ExitCode
from crawlset_local.source_access import FIELDS as SECRETS
from crawlset_local.source_access import KEY_NAMES, PREFIX
from tests.command_tree import all_commands, below

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/cli.md").read_text()
READS = re.compile(r'environ(?:ment)?(?:\.get\(|\[)\s*f?"([^"]+)"|envvar="(\w+)"')
BY_RICH = {"NO_COLOR", "FORCE_COLOR", "TERM"}
"""What rich reads for us; tests/unit/client/test_quiet.py holds it to that."""
OF_LAMBDA = "runtime_bootstrap.py"


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """Cells of the table below a heading, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def variables_read() -> set[str]:
    found = set()
    for package in ("client/crawlset_client", "infra/local/crawlset_local"):
        for file in (ROOT / package).rglob("*.py"):
            if file.name != OF_LAMBDA:
                for given, option in READS.findall(file.read_text()):
                    found.add((given or option).replace("{PREFIX}", PREFIX))
    found |= {variable(name) for name in FIELDS}
    found |= {f"{PREFIX}{name.upper()}" for name in KEY_NAMES}
    return found | {*machine.PROXIES, *machine.CERTIFICATES} | BY_RICH


def test_settings_have_every_variable_that_is_read_and_no_other() -> None:
    told = {name for row in rows("Settings") for name in re.findall(r"`([A-Z_]+)`", row[1])}

    assert told == variables_read()


def test_settings_have_every_field_of_the_files() -> None:
    told = " ".join(row[2] for row in rows("Settings"))

    for name in {*FIELDS, *SECRETS}:
        assert name in told


def test_settings_have_options_that_exist() -> None:
    options = {
        declared
        for _, command in all_commands()
        for parameter in command.params
        for declared in parameter.opts
    }
    told = {name for row in rows("Settings") for name in re.findall(r"`(--[\w-]+)`", row[3])}

    assert told
    assert told <= options


def test_settings_have_the_defaults() -> None:
    told = {row[0]: row[4] for row in rows("Settings")}

    assert told["Address of the service"] == f"`{errors.DEFAULT_API_URL}`"
    assert told["Project of commands that name none"] == f"`{config.DEFAULT_PROJECT}`"
    assert told["Where the laptop keeps its data"] == f"`{config.HOME}`"


def test_exit_codes_are_all_told() -> None:
    told = [int(row[0]) for row in rows("Exit codes")]

    assert told == sorted(ExitCode)
    assert [int(code) for code in re.findall(r"\b(\d+) [a-zC]", EPILOG)] == told


def test_every_error_has_a_code_that_is_told() -> None:
    classes = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, CrawlsetError)
    ]

    assert len(classes) > 10
    assert {kind.exit_code for kind in classes} <= set(ExitCode)


def test_commands_are_all_told() -> None:
    told = set(re.findall(r"`([a-z-]+)`", PAGE.partition("## Settings")[0]))

    assert set(below(get_command(app))) <= told
