"""Values that break readers and databases, and how they get into a request."""

import base64
import json
from collections.abc import Iterator
from random import Random
from typing import Any

RAW = "@raw:{}@"
"""A text that stands in JSON as it is, without quotes: what `json.dumps` cannot write."""
TEXTS = (
    "",
    " ",
    "\0",
    "cat\0",
    "\ud800",
    "cat \udfff",
    "\uffff\ufdd0",
    "\u202etac",
    "e\u0301" * 60,
    "\U0001f431" * 40,
    "\u0663\u0665",
    "\r\nSet-Cookie: a=b",
    "\x1b[31m",
    "x" * 100_000,
    "'; DROP TABLE profiles; --",
    "%",
    "\\",
    "$1",
    "{0}",
    "../../../etc/passwd",
    "null",
    "NaN",
    "-1",
    "1e400",
    "1_000",
    "9" * 5_000,
    "http://[::1",
    "http://a\0.example.org/",
    "https://\u2100.example.org/",
    "https://example.org:99999999999/",
    "https://" + "a" * 300 + ".example.org/",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "2026-02-30T00:00:00Z",
    "2026-W01-1T00:00:00+00:00:01",
    "00000000-0000-0000-0000-000000000000",
    "* * * * *",
    "0 0 30 2 *",
    "0 0 \u0661 * *",
    "0 0 * * 1#5,L",
    "0 3 * * 99999999999999999999",
    "Europe/../Europe/Berlin",
    "America",
    "/etc/localtime",
    "tzdata.zi",
    "99999999999999 days",
    "15 minutes",
    "1 day",
)
NUMBERS: tuple[Any, ...] = (
    -1,
    0,
    -0.0,
    0.1,
    1.0,
    2**31 - 1,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63),
    10**30,
    1e308,
    RAW.format("9" * 5_000),
    RAW.format("1e400"),
    RAW.format("-1e999"),
    RAW.format("1E-5000"),
    RAW.format("NaN"),
    RAW.format("-Infinity"),
)
OTHERS: tuple[Any, ...] = (
    None,
    True,
    [],
    {},
    [[]],
    [None],
    {"": None},
    {"\0": 1},
    {"\ud800": "x"},
    {"a": {"b": "\0"}},
    ["cat"] * 2_000,
    {str(n): n for n in range(500)},
    RAW.format("[" * 40 + "]" * 40),
    RAW.format('{"a":' * 300 + "1" + "}" * 300),
    RAW.format("[" * 100_000 + "]" * 100_000),
)
BODIES = (
    b"",
    b"\xff",
    b'{"name":"\xff"}',
    b"{",
    b"\0",
    b"\xef\xbb\xbf{}",
    b'{"name":"a","name":"\\u0000"}',
    b"{'name': 'a'}",
    b"name=a&b=%00",
    b"<a/>",
    b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na\r\n--x--',
    "{}".encode("utf-16"),
    b"[" * 200_000,
    b'"' + b"a" * 1_000_000 + b'"',
    b"null",
    b"0",
    b'""',
    b"[]",
)
CONTENT_TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "application/JSON",
    "text/plain",
    "text/json",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/xml",
    "*/*",
    "\xff",
    "",
)


def value(random: Random) -> Any:
    return random.choice(random.choice((TEXTS, TEXTS, NUMBERS, OTHERS)))


def text(random: Random) -> str:
    """A text for a path, a query or a header."""
    return random.choice((random.choice(TEXTS), str(random.choice(NUMBERS)), cursor(random)))


def cursor(random: Random) -> str:
    """Looks as a cursor does, and holds something else."""
    key: Any = random.choice((random.choice(TEXTS), random.choice(NUMBERS), None, []))
    held = random.choice(([1, key], [2, key], [1], key, {"1": key}, [RAW.format("9" * 5_000), key]))
    return base64.urlsafe_b64encode(dump(held)).decode().rstrip("=")


def dump(body: Any) -> bytes:
    written = json.dumps(body)
    for part in written.split('"@raw:')[1:]:
        raw = part.partition('@"')[0]
        written = written.replace(f'"@raw:{raw}@"', json.loads(f'"{raw}"'))
    return written.encode()


def spoil(body: Any, random: Random) -> Any:
    """Put a hostile value into one place of `body`, or a field that nobody knows."""
    if isinstance(body, dict) and random.random() < 0.1:
        return body | {random.choice(TEXTS): value(random)}
    return _put(body, random.choice([*_places(body)]), value(random))


def _places(body: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The names and indexes that lead to each value in `body`."""
    yield place
    if isinstance(body, dict | list):
        for at, each in body.items() if isinstance(body, dict) else enumerate(body):
            yield from _places(each, (*place, at))


def _put(body: Any, place: tuple[Any, ...], new: Any) -> Any:
    """A body like this one, with another value at that place."""
    if not place:
        return new
    at, *further = place
    changed = body.copy()
    changed[at] = _put(body[at], tuple(further), new)
    return changed
