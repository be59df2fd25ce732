"""Names of folders, held against the patterns by which `datasets` finds splits."""

import ntpath
import os
import posixpath
import re
from types import ModuleType

import pytest
from datasets.data_files import (
    DEFAULT_PATTERNS_SPLIT_IN_DIR_NAME,
    DEFAULT_PATTERNS_SPLIT_IN_FILENAME,
    SPLIT_KEYWORDS,
)
from fsspec.utils import glob_translate  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from crawlset.exports.folders import SPLIT_WORDS, folder_name, is_cut
from crawlset.exports.names import class_names

PATTERNS = [
    re.compile(glob_translate(pattern))
    for table in (DEFAULT_PATTERNS_SPLIT_IN_DIR_NAME, DEFAULT_PATTERNS_SPLIT_IN_FILENAME)
    for patterns in table.values()
    for pattern in patterns
]
WORDS = [word for words in SPLIT_KEYWORDS.values() for word in words]
PARTS = st.sampled_from(
    [*WORDS, "Train", "cat", "HOME", *"-._ 09~a\u017f$%{}'", "é" * 60, "x" * 120]
)
NAMES = st.lists(PARTS, min_size=1, max_size=8).map("".join)


class _Anything(dict[str, str]):
    """Variables of a computer that has every one that a shell can set."""

    def __missing__(self, name: str) -> str:
        if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
            return "value"
        raise KeyError(name)


def is_misread(folder: str) -> bool:
    """Whether `datasets` finds a split in the name."""
    return any(pattern.match(f"{folder}/0f.jpg") for pattern in PATTERNS)


class TestFolderName:
    @pytest.mark.parametrize(
        ("class_name", "folder"),
        [
            ("cat", "cat"),
            ("training_shoes", "training~_shoes"),
            ("train", "train~"),
            ("train~", "train~~"),
            ("bullet_train", "bullet_train~"),
            ("test.2", "test~.2"),
            ("1val2", "1val~2"),
            ("dev-eval", "dev~-eval~"),
            ("restaurant", "restaurant"),
            ("valley", "valley"),
            ("x" * 250, "x" * 250),
            ("猫", "猫"),
            ("$HOME", "$~HOME"),
            ("a${HOME}b", "a$~{HOME}b"),
            ("$~HOME", "$~~HOME"),
            ("$$", "$~$"),
            ("cost $5", "cost $5"),
            ("US$", "US$"),
            ("%PATH%", "%~PATH%"),
            ("100%%", "100%~%"),
            ("100%", "100%"),
            ("$_train", "$~_train~"),
        ],
    )
    def test_is_that_of_the_class_unless_it_means_a_split(
        self, class_name: str, folder: str
    ) -> None:
        assert folder_name(class_name) == folder
        assert not is_misread(folder)

    @pytest.mark.parametrize("class_name", ["train", "bullet_train", "test.2", "1val2", "a-dev"])
    def test_would_be_misread_otherwise(self, class_name: str) -> None:
        assert is_misread(class_name)

    def test_knows_every_word_of_datasets(self) -> None:
        assert set(SPLIT_WORDS) == set(WORDS)

    @given(NAMES)
    def test_is_never_misread_and_fits_a_file_system(self, class_name: str) -> None:
        folder = folder_name(class_name)

        assert not is_misread(folder)
        assert len(folder.encode()) <= 255
        assert (folder == class_name) or "~" in folder

    @pytest.mark.parametrize("rules", [posixpath, ntpath])
    @given(name=NAMES)
    def test_has_no_variable_in_it(self, rules: ModuleType, name: str) -> None:
        """
        `datasets` expands the path of each file: `relative_to_absolute_path` in
        https://github.com/huggingface/datasets/blob/5.2.0/src/datasets/utils/file_utils.py.
        """
        variables = _Anything({"USERPROFILE": "x"})

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "environ", variables)
            assert rules.expandvars(folder_name(name)) == folder_name(name)

    @given(st.sets(NAMES, min_size=2, max_size=20))
    def test_is_nobody_elses_even_where_case_does_not_count(self, keywords: set[str]) -> None:
        classes = class_names(keywords).values()

        folders = {folder_name(name).casefold() for name in classes}

        assert len(folders) == len(keywords)

    def test_says_when_it_is_not_the_whole_name(self) -> None:
        assert [is_cut("x" * n) for n in (255, 256)] == [False, True]
        assert is_cut("train " * 42)
