"""`crawlset hosts`."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from crawlset_client.api import Crawlset
from crawlset_client.api.hosts import HostProof
from crawlset_client.cli.completion import complete_hosts
from crawlset_client.cli.running import AsJson, Run, Yes, confirm_deletion, running
from crawlset_client.errors import UsageError
from crawlset_client.output import table
from crawlset_client.text import moment

POLL_SECONDS = 2.0

app = typer.Typer(
    name="hosts", help="Hosts of your own, which may be asked faster.", no_args_is_help=True
)

Host = Annotated[
    str,
    typer.Argument(
        metavar="HOST", help="Without scheme, port and path.", autocompletion=complete_hosts
    ),
]


@app.command("list")
def list_hosts(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the hosts that you say are yours, newest first."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = list(crawlset.hosts.list())
        document = {"items": [proof.document for proof in found]}
        run.output.result(document, lambda console: draw_hosts(console, found))


@app.command()
def prove(
    context: typer.Context,
    host: Annotated[str, typer.Argument(metavar="HOST", help="Without scheme, port and path.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say that a host is yours; prints the file that proves it."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        proof = crawlset.hosts.create(host)
        run.output.note(f"Have {proof.host} answer at {proof.path} with the line below, then run")
        run.output.note(f"  crawlset hosts check {proof.host}")
        run.output.result(
            proof.document, lambda console: console.print(proof.token, soft_wrap=True)
        )


@app.command()
def check(
    context: typer.Context,
    host: Host,
    *,
    watch: Annotated[bool, typer.Option(help="Wait until the host has been asked.")] = True,
    as_json: AsJson = False,
) -> None:
    """Have a host asked for its token, which takes a minute or two."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        proof = crawlset.hosts.check(_find(crawlset, host).id)
        if watch:
            proof = _follow(run, crawlset, proof)
        run.output.result(proof.document, lambda console: draw_hosts(console, [proof]))
        if watch and proof.status != "proven":
            raise typer.Exit(1)


@app.command()
def delete(
    context: typer.Context, host: Host, *, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Forget a proof: the host is asked like any other from then on."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        proof = _find(crawlset, host)
        confirm_deletion(f"the proof of {proof.host}", yes=yes)
        crawlset.hosts.delete(proof.id)
        run.output.result(
            {"deleted": proof.id}, lambda console: console.print(f"deleted {proof.host}")
        )


def draw_hosts(console: Console, proofs: Sequence[HostProof]) -> None:
    rows = [(proof.host, _state(proof), proof.path, proof.detail) for proof in proofs]
    table(console, ("host", "state", "path", "last check"), rows)


def _state(proof: HostProof) -> str:
    if proof.status == "proven" and proof.proven_until is not None:
        return f"proven until {moment(proof.proven_until)}"
    return proof.status


def _find(crawlset: Crawlset, host: str) -> HostProof:
    meant = {host, _plain(host)}
    for proof in crawlset.hosts.list():
        if meant & {proof.host, proof.id}:
            return proof
    raise UsageError(f"You have not said that {host} is yours; `crawlset hosts prove {host}` does.")


def _plain(host: str) -> str:
    """The spelling that the service gives nearly every host."""
    try:
        return host.lower().rstrip(".").encode("idna").decode()
    except UnicodeError:
        return host


def _follow(run: Run, crawlset: Crawlset, proof: HostProof) -> HostProof:
    """Poll until the check that was asked for has found something."""
    before = proof.checked_at
    with run.output.messages.status(f"{proof.host} is asked for its token within a minute or two…"):
        while proof.checked_at == before:
            run.outside.sleep(POLL_SECONDS)
            proof = crawlset.hosts.get(proof.id)
    return proof
