"""
What licence a work is under, in one spelling, and whether a job wants it.

An id is a lower-case SPDX-like name: `cc-by-4.0`, `cc-by-sa-3.0-us`, `cc0-1.0`, `pdm-1.0`,
`cc-pddc`, `us-gov`, `public-domain`, `no-known-copyright`, `all-rights-reserved`. Its *family* is
the id without version and country: `cc-by`. A *choice* of a job is an id, a family or a preset.

`pdm-1.0` is Creative Commons' Public Domain Mark, and only for works that bear it; of others that
are said to be in the public domain, `public-domain` is all that is known.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from crawlset.errors import UnprocessableError

_PUBLIC_DOMAIN = frozenset({"cc0", "pdm", "cc-pddc", "us-gov", "public-domain"})
_ATTRIBUTION = _PUBLIC_DOMAIN | {"cc-by"}
_SHAREALIKE = _ATTRIBUTION | {"cc-by-sa"}
_ANY_CC = _SHAREALIKE | {"cc-by-nd", "cc-by-nc", "cc-by-nc-sa", "cc-by-nc-nd"}
ANYTHING = "any"
PRESETS: dict[str, frozenset[str] | None] = {
    "pd": _PUBLIC_DOMAIN,
    "attribution": _ATTRIBUTION,
    "sharealike": _SHAREALIKE,
    "any-cc": _ANY_CC,
    ANYTHING: None,
}
"""Families by preset; `any` takes every work, those of unknown licence too."""
MAX_RAW_CHARS = 500
NO_KNOWN = "no-known-copyright"
FAMILIES = _ANY_CC | {NO_KNOWN, "all-rights-reserved"}

VERSIONED = r"-\d+(?:\.\d+)*(?:-[a-z]{2,8})?$"
"""The end of an id that its family does not have, as a pattern of Python and PostgreSQL."""
_VERSIONED = re.compile(VERSIONED)
_CC_URL = re.compile(
    r"creativecommons\.org/(?:licenses/(?P<elements>by[a-z-]*)|publicdomain/(?P<tool>zero|mark))"
    r"(?:/(?P<version>\d\.\d)(?:/(?P<country>[a-z]{2}|igo|scotland)(?=/|$))?)?"
)
_CC_CODE = re.compile(
    r"(?:creative commons|\bcc|^)[\s:-]*(?P<elements>by(?:[\s-]+(?:nc|sa|nd))*)\b"
    r"(?:[\s-]*v?\.?(?P<version>\d\.\d)(?:[\s-]+(?P<country>[a-z]{2}|igo|scotland)$)?)?"
)
_CC_WORDS = re.compile(
    r"(?:creative commons(?: licen[cs]e)?|^)[\s:-]*attribution"
    r"(?P<elements>(?:[\s-]*(?:non[\s-]?commercial|share[\s-]?alike|no[\s-]?deriv(?:ative)?s?"
    r"(?: works)?))*)(?:[\s-]+(?P<version>\d\.\d))?"
)
_UNDERSCORED = re.compile(r"(?<=_)(\d)_(\d)$")
"""The version at the end of `CC_BY_4_0`, as GBIF's tables have it."""
_ALONE = re.compile(r"(?:generic|international|unported|licen[cs]e|[\s.])*$")
_EXACT = {
    "pd": "public-domain",
    "pdm": "pdm-1.0",
    "public domain": "public-domain",
    "no copyright": "public-domain",
    "cc pddc": "cc-pddc",
    "us gov": "us-gov",
    "pd usgov": "us-gov",
    "no known copyright": NO_KNOWN,
    "arr": "all-rights-reserved",
    "copyright": "all-rights-reserved",
    "copyrighted": "all-rights-reserved",
    "in copyright": "all-rights-reserved",
}
_PATTERNS = (
    (re.compile(r"creativecommons\.org/licenses/publicdomain"), "cc-pddc"),
    (re.compile(r"rightsstatements\.org/(?:vocab|page)/inc\b"), "all-rights-reserved"),
    (re.compile(r"rightsstatements\.org/(?:vocab|page)/nkc\b"), NO_KNOWN),
    (re.compile(r"flickr\.com/commons/usage"), NO_KNOWN),
    (re.compile(r"usa\.gov/(?:government-works|copyright)"), "us-gov"),
    (re.compile(r"\bcc[\s-]?(?:0|zero)\b"), "cc0-1.0"),
    (re.compile(r"public domain mark|\bpdm[\s-]?1\.0"), "pdm-1.0"),
    (re.compile(r"united states government work|\bu\.?s\.? government work"), "us-gov"),
    (re.compile(r"all rights reserved"), "all-rights-reserved"),
    (re.compile(r"^pd[ -](?:old|art|self|author|ineligible|us)\b"), "public-domain"),
    (
        re.compile(r"^(?:there are )?no known (?:copyright )?restrictions\b(?!.*\brestricted\b)"),
        NO_KNOWN,
    ),
)
_ORDER = ("by", "nc", "sa", "nd")
_NAMES = {
    "cc0": "CC0",
    "pdm": "Public Domain Mark",
    "cc-pddc": "a public domain dedication",
    "us-gov": "United States Government Work",
    "public-domain": "public domain",
    "no-known-copyright": "no known copyright restrictions",
}


class UnknownLicenceError(UnprocessableError, ValueError):
    """Also a `ValueError`, so that `parse_choice` validates the fields of a request."""

    def __init__(self, choice: str) -> None:
        self.choice = choice
        super().__init__(
            f"There is no licence {choice[:100]!r}. Presets are {', '.join(PRESETS)}; "
            f"families are {', '.join(sorted(FAMILIES))}, alone or with a version (cc-by-4.0).",
            "/licences",
        )


def normalise(raw: str | None, version: str | None = None) -> str | None:
    """
    The id of a licence that a source states by code, name or address; None when in doubt.

    `version` is for sources that state it apart. A text that names two Creative Commons licences
    is in doubt, and so is a text of more than 500 characters.
    """
    return None if raw is None or len(raw) > MAX_RAW_CHARS else _normalise(raw, version)


@lru_cache(maxsize=256)
def family(licence: str) -> str:
    return _VERSIONED.sub("", licence)


def parse_choice(text: str) -> str:
    """The preset, family or id meant by `text`. Raises `UnknownLicenceError`."""
    lowered = text.strip().lower()
    if lowered in PRESETS or lowered in FAMILIES:
        return lowered
    licence = normalise(lowered)
    if licence is None:
        raise UnknownLicenceError(text)
    return licence


def wanted(choices: Iterable[str]) -> frozenset[str] | None:
    """Ids and families that `choices` let in; None when they let in every work."""
    parsed = [parse_choice(choice) for choice in choices]
    if not parsed or ANYTHING in parsed:
        return None
    return frozenset(name for choice in parsed for name in PRESETS.get(choice) or {choice})


def wanted_families(choices: Iterable[str]) -> frozenset[str] | None:
    """Give the wanted licence families, for a source that can be asked by family only."""
    among = wanted(choices)
    return None if among is None else frozenset(map(family, among))


def is_wanted(licence: str | None, among: frozenset[str] | None) -> bool:
    """Whether a work may be fetched; one of unknown licence only when every work may."""
    if among is None:
        return True
    return licence is not None and (licence in among or family(licence) in among)


@lru_cache(maxsize=256)
def address(licence: str) -> str | None:
    """Where the text of a Creative Commons licence or tool of known version is."""
    if licence == "cc0-1.0":
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    if licence == "pdm-1.0":
        return "https://creativecommons.org/publicdomain/mark/1.0/"
    matched = re.fullmatch(r"cc-(by[a-z-]*?)-(\d\.\d)(?:-([a-z]+))?", licence)
    if matched is None:
        return None
    elements, version, country = matched.groups()
    return f"https://creativecommons.org/licenses/{elements}/{version}/" + (
        f"{country}/" if country else ""
    )


@lru_cache(maxsize=256)
def name(licence: str) -> str:
    """Write the licence as in a sentence: `CC BY-SA 4.0`."""
    kind = family(licence)
    version = licence[len(kind) :].replace("-", " ").upper()
    return _NAMES.get(kind, kind.upper().replace("CC-", "CC ", 1)) + version


def attribution(
    title: str | None, creator: str | None, licence: str | None, source: str
) -> str | None:
    """
    The sentence that gives a work its due; None when neither title, creator nor licence is known.

    It says which of creator and licence is unknown, and then names `source`, the address that
    leads to the work.
    """
    if title is None and creator is None and licence is None:
        return None
    work = f'"{title}"' if title else "This work"
    by = f" by {creator}" if creator else ""
    missing = [part for part, value in (("creator", creator), ("licence", licence)) if not value]
    if missing:
        by += f", {' and '.join(missing)} unknown, from {source}"
    if licence is None:
        return f"{work}{by}"
    comma = "," if missing else ""
    if licence == "all-rights-reserved":
        return f"{work}{by}, all rights reserved." if comma else f"{work}{by}. All rights reserved."
    if licence == "public-domain":
        return f"{work}{by}{comma} is in the public domain."
    verb = "is licensed under" if licence.startswith("cc-by") else "is marked with"
    where = address(licence)
    terms = f" To view the terms, visit {where}." if where else ""
    return f"{work}{by}{comma} {verb} {name(licence)}.{terms}"


@lru_cache(maxsize=4096)
def _normalise(raw: str, version: str | None) -> str | None:
    dotted = _UNDERSCORED.sub(r"\1.\2", raw)
    if not (text := " ".join(dotted.replace("_", " ").split()).lower()):
        return None
    if text in FAMILIES and version is None and not text.startswith(("cc0", "pdm")):
        return text
    if found := _EXACT.get(text.replace("-", " ").rstrip(". ")):
        return found
    if "creativecommons.org" in text:
        return _of_addresses(text)
    known = next((licence for pattern, licence in _PATTERNS if pattern.search(text)), None)
    return known or _of_words(text, version)


def _of_addresses(text: str) -> str | None:
    found: set[str | None] = set()
    for matched in _CC_URL.finditer(text):
        if tool := matched["tool"]:
            found.add("cc0-1.0" if tool == "zero" else "pdm-1.0")
        else:
            found.add(
                _creative_commons(matched["elements"], matched["version"], matched["country"])
            )
    if not found and "licenses/publicdomain" in text:
        return "cc-pddc"
    if not found and "public-domain/cc0" in text:
        return "cc0-1.0"
    return found.pop() if len(found) == 1 else None


def _of_words(text: str, version: str | None) -> str | None:
    found = {
        _creative_commons(matched["elements"], matched["version"] or version, matched["country"])
        for matched in _CC_CODE.finditer(text)
        if matched.start() > 0 or text.startswith(("cc", "creative")) or _is_alone(matched, text)
    }
    matched = _CC_WORDS.search(text)
    if (
        not found
        and matched
        and text != "attribution"
        and ("creative" in text or _is_alone(matched, text))
    ):
        elements = _elements_of_words(matched["elements"])
        found.add(_creative_commons(elements, matched["version"] or version, None))
    return found.pop() if len(found) == 1 else None


def _is_alone(matched: re.Match[str], text: str) -> bool:
    """Whether nothing but filling words follows, so that "by 4.0" counts and "by John" does not."""
    return _ALONE.match(text, matched.end()) is not None


def _elements_of_words(words: str) -> str:
    return "by" + "".join(
        f"-{code}"
        for code, word in (("nc", "commercial"), ("sa", "alike"), ("nd", "deriv"))
        if word in words
    )


def _creative_commons(elements: str, version: str | None, country: str | None) -> str | None:
    given = set(re.split(r"[\s-]+", elements.strip("-")))
    kind = "cc-" + "-".join(code for code in _ORDER if code in given)
    if not given <= set(_ORDER) or kind not in FAMILIES:
        return None
    return "-".join(part for part in (kind, version, country) if part)
