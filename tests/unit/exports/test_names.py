import ntpath
import unicodedata
from itertools import permutations
from pathlib import PurePosixPath

import pytest

from crawlset.exports.names import class_names, extension, key_of

HOSTILE = [
    "../../etc/passwd",
    "..",
    ".",
    "",
    " ",
    ".hidden",
    "/absolute",
    "C:\\windows",
    "a\0b",
    "a\nb",
    "con",
    "NUL.txt",
    "com1",
    "Com\u00b9.jpg",
    "lpt\u00b2",
    "COM\u00b3",
    "conin$",
    "CONOUT$.x",
    "x" * 300,
    "é" * 300,
    "\u202egpj.tac",
    "\u200f",
    "🐈" * 80,
    "-rf",
    "~",
    "a|b?c*d",
    "\u2028",
    "trailing.",
    "trailing ",
]


class TestClassNames:
    def test_keeps_what_is_readable(self) -> None:
        names = class_names(["cat", "golden retriever", "Kölner Dom", "猫", None])

        assert names == {
            "cat": "cat",
            "golden retriever": "golden_retriever",
            "Kölner Dom": "Kölner_Dom",
            "猫": "猫",
            None: "unlabelled",
        }

    def test_is_one_safe_component_whatever_the_keyword(self) -> None:
        names = class_names(HOSTILE)

        for name in names.values():
            assert name
            assert PurePosixPath(name).parts == (name,)
            assert name not in {".", ".."}
            assert not name.startswith(".")
            assert name[-1] not in ". "
            assert not set(name) & set('\\/:*?"<>|')
            assert name.isprintable()
            assert unicodedata.is_normalized("NFC", name)
            assert not ntpath.isreserved(name)

    def test_gives_every_keyword_its_own(self) -> None:
        alike = [
            "cat",
            "Cat",
            "CAT",
            "cat ",
            "cat?",
            "cat/",
            "\uff43\uff41\uff54",
            "é",
            "e\u0301",
            "unlabelled",
        ]
        long = ["x" * 300, "x" * 301]

        names = class_names([*HOSTILE, *alike, *long, None])

        seen = {unicodedata.normalize("NFKC", name).casefold() for name in names.values()}
        assert len(seen) == len(names) == len({*HOSTILE, *alike, *long, None})

    def test_tells_a_keyword_from_what_another_is_turned_into(self) -> None:
        (taken,) = {class_names(["cat", "Cat"])["Cat"]}

        names = class_names(["cat", "Cat", taken, taken.upper()])

        assert len({name.casefold() for name in names.values()}) == 4

    def test_keeps_long_ones_whole(self) -> None:
        long = "word " * 2_000

        assert class_names([long]) == {long: "_".join(long.split())}

    def test_depends_on_the_set_alone(self) -> None:
        results = [class_names(order) for order in permutations(["cat", "Cat", "dog", None])]

        assert all(result == results[0] for result in results)


class TestKeyOf:
    def test_comes_from_the_bytes(self) -> None:
        assert key_of(bytes(32)) == "0" * 32


class TestExtension:
    def test_is_the_usual_one(self) -> None:
        assert extension("jpeg") == "jpg"

    @pytest.mark.parametrize("image_format", [None, "../x"])
    def test_never_takes_an_unknown_format_into_the_name(self, image_format: str | None) -> None:
        assert extension(image_format) == "bin"
