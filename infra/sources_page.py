"""Write the table of sources into docs/sources.md: `python infra/sources_page.py`."""

from pathlib import Path

from crawlset.sources.catalogue import SOURCES
from crawlset.sources.source_facts import Source

PAGE = Path(__file__).parents[1] / "docs/sources.md"
BEGIN, END = "<!-- begin sources -->", "<!-- end sources -->"
COLUMNS = ("source", "what it has", "licences", "depth", "pace", "key", "permits", "obstacles")


def table() -> str:
    rows = [COLUMNS, ("---",) * len(COLUMNS)]
    rows += [_row(source) for _, source in sorted(SOURCES.items()) if source.name != "sample"]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def with_table(page: str) -> str:
    """`page` with the table of today between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _row(source: Source) -> tuple[str, ...]:
    terms = f"[terms]({source.terms_url})" if source.terms_url else ""
    uses = ", ".join(sorted(source.intended_uses)) or "no dataset"
    return (
        f"`{source.name}`",
        source.notes,
        ", ".join(source.licences) or "none stated",
        source.depth,
        source.pace,
        source.keys or "none",
        f"{uses} ({terms})" if terms else uses,
        source.obstacles,
    )


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
