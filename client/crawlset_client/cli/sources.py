"""`crawlset sources` and `crawlset check-url`."""

from typing import Annotated

import typer

from crawlset_client.cli.running import AsJson, running
from crawlset_client.errors import MissingPartError, UsageError
from crawlset_client.models import Source
from crawlset_client.output import table

app = typer.Typer()


@app.command()
def sources(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the sources and what each permits."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = list(crawlset.sources.list())
        document = {"items": [source.document for source in found]}
        columns = ("name", "usable", "permits", "limits", "notes")
        rows = [
            (
                source.name,
                "yes" if source.configured else "no",
                ", ".join(source.intended_uses) or "nothing",
                source.limits,
                " ".join(
                    filter(None, (_left(source), source.reason, source.notes, source.obstacles))
                ),
            )
            for source in found
        ]
        run.output.result(document, lambda console: table(console, columns, rows))


def _left(source: Source) -> str | None:
    """What is left of the source's allowance, in words."""
    allowance = source.allowance
    if allowance is None:
        return None
    hours = allowance.period_seconds / 3_600
    return f"Of {allowance.limit} questions in {hours:g} h, {allowance.n_left} are left."


@app.command("check-url")
def check_url(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL")],
    resolve: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST=IP,IP", help="Judge as if HOST had these addresses."),
    ] = None,
    private_host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST:PORT", help="Check as if the deployment let this host through."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say whether the crawler would open a URL; asks no network."""
    with running(context, as_json=as_json) as run:
        private_hosts = frozenset(private_host or [])
        try:
            from crawlset.urls.guard import explain  # noqa: PLC0415 - not always installed
            from crawlset.urls.mending import mend  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise MissingPartError(error.name or "crawlset") from error
        mended = mend(url)
        addresses = addresses_for(mended, resolve or [], private_hosts)
        verdict = explain(mended, addresses, private_hosts)
        word = "allowed" if verdict.allowed else "refused"
        document = {"url": url, "allowed": verdict.allowed, "reason": verdict.reason}
        run.output.result(document, lambda console: console.print(f"{word}: {verdict.reason}"))
        if not verdict.allowed:
            raise typer.Exit(1)


def addresses_for(url: str, resolve: list[str], private_hosts: frozenset[str]) -> list[str] | None:
    """
    The addresses that `HOST=IP,IP` options give to the host of `url`; None if they give it none.

    Raises `UsageError` for an option of another form.
    """
    given: dict[str, list[str]] = {}
    for option in resolve:
        host, separator, addresses = option.partition("=")
        if not separator or not host:
            raise UsageError(f"--resolve {option}: write it as HOST=IP,IP.")
        found = [address.strip() for address in addresses.split(",") if address.strip()]
        given.setdefault(host.strip().lower().rstrip("."), []).extend(found)
    if not given:
        return None
    asked = _host_of(url, private_hosts)
    if asked is None:
        return None
    if asked not in given:
        raise UsageError(f"The host of the URL is {asked!r}, and no --resolve is for it.")
    return given[asked]


def _host_of(url: str, private_hosts: frozenset[str]) -> str | None:
    try:
        from crawlset.urls.guard import BlockedUrlError, parse_url  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingPartError(error.name or "crawlset") from error
    try:
        return parse_url(url, private_hosts).host
    except BlockedUrlError:
        return None
