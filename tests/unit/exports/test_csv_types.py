"""Texts of which pandas makes something else in a CSV, held against pandas itself."""

import io

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from crawlset.exports.formats.lists import PANDAS_NA, TYPES

TEXTS = st.one_of(
    st.text("0123456789+-.eEinfINF_", min_size=1, max_size=6),
    st.text("truefalsTRUEFALS", min_size=4, max_size=5),
    st.text(st.characters(categories=("L", "N")), min_size=1, max_size=3),
    st.sampled_from(
        (
            "True",
            "false",
            "tRuE",
            "t",
            "yes",
            "1" * 40,
            "1e999",
            "Infinity",
            "1_000",
            "\u0661",
            "0x1F",
        )
    ),
).filter(lambda text: text not in PANDAS_NA)


def type_by_pandas(text: str) -> str | None:
    (value,) = pd.read_csv(io.StringIO(f'"class"\n"{text}"\n'))["class"]
    if isinstance(value, str):
        assert value == text
        return None
    return "booleans" if pd.api.types.is_bool(value) else "numbers"


@given(TEXTS)
def test_types_are_those_of_pandas(text: str) -> None:
    looks = [kind for kind, looks in TYPES.items() if looks.fullmatch(text)]

    kind = type_by_pandas(text)

    assert looks == ([] if kind is None else [kind])
