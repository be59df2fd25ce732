"""Choice of the candidates that an export holds, and of their classes."""

from typing import Protocol

from crawlset import licences
from crawlset.exports.options import ExportOptions
from crawlset.outcomes import ImageStatus, Verdict


class ExportCandidate(Protocol):
    """Columns that the choice depends on; `verdict` is that of the export's validation."""

    @property
    def status(self) -> ImageStatus: ...
    @property
    def licence(self) -> str | None: ...
    @property
    def keyword(self) -> str | None: ...
    @property
    def verdict(self) -> Verdict | None: ...


class Choice:
    def __init__(self, options: ExportOptions, *, is_validated: bool) -> None:
        self._classes = options.classes
        self._verdicts: set[Verdict | None] = {Verdict.keep} if is_validated else {None}
        if is_validated and options.include_quarantined:
            self._verdicts.add(Verdict.quarantine)
        self._licences = licences.wanted(options.licences or ())

    def has(self, candidate: ExportCandidate) -> bool:
        return (
            candidate.status == ImageStatus.stored
            and candidate.verdict in self._verdicts
            and self._classes.get(candidate.keyword or "", "") is not None
            and licences.is_wanted(candidate.licence, self._licences)
        )

    def class_of(self, keyword: str | None) -> str | None:
        """The class of a chosen image with this keyword; None for one that has none."""
        return self._classes.get(keyword or "", keyword)
