import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.fetching.answer import Headers
from crawlset.fetching.revalidation import compare, conditions, validators
from crawlset.imaging.colours import packed
from crawlset.wire.chunks import Known

RED, BLUE = packed([-20, 90] * 4), packed([100, -20] * 4)
HASHES = st.integers(-(1 << 63), (1 << 63) - 1)


class TestConditions:
    @pytest.mark.parametrize(
        ("known", "expected"),
        [
            (None, ()),
            (Known(), ()),
            (Known(etag='W/"a"'), ('If-None-Match: W/"a"',)),
            (Known(last_modified="Wed"), ("If-Modified-Since: Wed",)),
            (Known('"a"', "Wed"), ('If-None-Match: "a"', "If-Modified-Since: Wed")),
            (Known('"a"\r\nX: 1', "\xe9"), ()),
            (Known("", "x" * 201), ()),
        ],
    )
    def test_are_headers_that_can_be_sent(
        self, known: Known | None, expected: tuple[str, ...]
    ) -> None:
        assert conditions(known) == expected


class TestValidators:
    def test_are_those_of_the_answer(self) -> None:
        headers = Headers([b'ETag: "b"'])

        assert validators(headers, Known('"a"', "Wed")) == ('"b"', None)

    def test_stay_when_the_answer_names_none(self) -> None:
        assert validators(Headers(), Known('"a"', "Wed")) == ('"a"', "Wed")
        assert validators(Headers(), None) == (None, None)


class TestCompare:
    @pytest.mark.parametrize(
        ("known", "now", "expected"),
        [
            (0, 0b1111, "same_picture"),
            (0, 0b11111, "replaced"),
            (-1, -16, "same_picture"),
            (-1, -32, "replaced"),
            (-(1 << 63), 0, "same_picture"),
            (None, 0, "replaced"),
        ],
    )
    def test_allows_four_bits(self, known: int | None, now: int, expected: str) -> None:
        assert compare(Known(phash=known), now) == expected

    @pytest.mark.parametrize(
        ("known", "now", "expected"),
        [
            (RED, RED, "same_picture"),
            (RED, BLUE, "replaced"),
            (RED, 0, "same_picture"),
            (0, BLUE, "same_picture"),
            (None, BLUE, "same_picture"),
            (RED, None, "same_picture"),
        ],
    )
    def test_sees_colours_that_are_known(
        self, known: int | None, now: int | None, expected: str
    ) -> None:
        assert compare(Known(phash=5, colours=known), 5, now) == expected

    @pytest.mark.parametrize(("colours", "expected"), [(None, "same_picture"), (0, "replaced")])
    def test_does_not_go_by_a_hash_that_was_taken_otherwise(
        self, colours: int | None, expected: str
    ) -> None:
        known = Known(phash=0, colours=colours)

        assert compare(known, -1, RED, is_turned_or_clear=True) == expected
        assert compare(known, -1, RED) == "replaced"

    @given(HASHES, HASHES)
    def test_counts_bits_of_signed_hashes(self, known: int, now: int) -> None:
        n_bits = sum((known >> bit & 1) != (now >> bit & 1) for bit in range(64))

        assert compare(Known(phash=known), now) == ("same_picture" if n_bits <= 4 else "replaced")
