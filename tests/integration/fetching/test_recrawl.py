"""Fetching again what is known, to see what has changed."""

import hashlib
from typing import Any

import pytest
from PIL import Image, ImageOps

from crawlset.outcomes import Outcome
from crawlset.wire.chunks import ChunkUrl, Known
from crawlset.wire.outcomes import UrlOutcome
from tests.integration.fetching.chunk_fetch import Fetch, only
from tests.integration.web_server import Web
from tests.unit.imaging import pictures
from tests.unit.imaging.icons import RED, icon, png
from tests.unit.imaging.pictures import tinted
from tests.unit.imaging.test_paper import CLEAR_GROUNDS

MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT"


def known(outcome: UrlOutcome, **changes: Any) -> Known:
    """What is known of a picture once `outcome` is recorded."""
    fields = {
        "etag": outcome.etag,
        "last_modified": outcome.last_modified,
        "sha256": outcome.sha256,
        "phash": outcome.phash,
        "colours": outcome.colours,
    }
    return Known(**fields | changes)


class TestRecrawl:
    def test_remembers_the_validators_of_a_picture(self, web: Web, fetch: Fetch) -> None:
        stored = only(
            fetch(web.add("/a.jpg", pictures.jpeg(), ETag='W/"a"', Last_Modified=MODIFIED))
        )

        assert (stored.etag, stored.last_modified) == ('W/"a"', MODIFIED)
        assert stored.change is None

    @pytest.mark.parametrize("etag", ["x" * 201, '"\x80"', ""])
    def test_keeps_no_validator_that_it_could_not_send_back(
        self, web: Web, fetch: Fetch, etag: str
    ) -> None:
        assert only(fetch(web.add("/a.jpg", pictures.jpeg(), ETag=etag))).etag is None

    def test_asks_only_for_what_is_not_known(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", status=304)
        expected = Known('"A"', MODIFIED, "0" * 64, 1)

        result = fetch(ChunkUrl(0, url, known=expected))

        asked = web.log[-1].headers
        assert (asked["if-none-match"], asked["if-modified-since"]) == ('"a"', MODIFIED.lower())
        unchanged = only(result)
        assert (unchanged.outcome, unchanged.change) == (Outcome.stored, "unchanged")
        assert (unchanged.http_status, unchanged.sha256, unchanged.pack_offset) == (304, None, None)
        assert (unchanged.etag, unchanged.last_modified) == ('"A"', MODIFIED)
        assert (result.n_packed, result.n_bytes_fetched) == (0, 0)

    def test_puts_no_condition_on_policies_and_on_what_is_new(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", pictures.jpeg())

        fetch(ChunkUrl(0, url, known=Known('"a"')), web.add("/b.jpg", pictures.jpeg()))

        conditional = {asked.path for asked in web.log if "if-none-match" in asked.headers}
        assert conditional == {"/a.jpg"}

    def test_sends_no_header_that_was_smuggled_in(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", pictures.jpeg())

        fetch(ChunkUrl(0, url, known=Known('"a"\r\nX-Evil: 1', "\xe9")))

        assert not {"x-evil", "if-none-match", "if-modified-since"} & web.log[-1].headers.keys()

    def test_knows_the_same_bytes_though_all_of_them_came(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", pictures.jpeg())
        before = only(fetch(url))
        web.add("/a.jpg", pictures.jpeg(), ETag='"b"')

        result = fetch(ChunkUrl(0, url, known=known(before)))

        unchanged = only(result)
        assert (unchanged.outcome, unchanged.change) == (Outcome.stored, "unchanged")
        assert (unchanged.http_status, unchanged.sha256, unchanged.etag) == (200, None, '"b"')
        assert result.n_packed == 0

    def test_tells_a_picture_encoded_anew_from_another_one(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", pictures.jpeg(quality=95))
        before = only(fetch(url))
        again = pictures.jpeg(quality=60)
        other = pictures.encoded("JPEG", ImageOps.invert(pictures.picture()))
        changes = []

        for data in (again, other):
            web.add("/a.jpg", data)
            settled = only(fetch(ChunkUrl(0, url, known=known(before))))
            assert settled.sha256 == hashlib.sha256(data).hexdigest()
            assert settled.pack_length == len(data)
            changes.append(settled.change)

        assert changes == ["same_picture", "replaced"]

    def test_tells_a_picture_in_other_colours_from_the_same(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.png", pictures.encoded("PNG", tinted("red")))
        before = only(fetch(url))
        web.add("/a.png", pictures.encoded("PNG", tinted("blue")))

        after = only(fetch(ChunkUrl(0, url, known=known(before))))

        assert before.phash is not None
        assert after.phash is not None
        assert ((before.phash ^ after.phash) & (2**64 - 1)).bit_count() <= 4
        assert after.change == "replaced"

    def test_knows_a_picture_that_was_turned_and_is_stored_upright_now(
        self, web: Web, fetch: Fetch
    ) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        upright = pictures.picture().transpose(Image.Transpose.ROTATE_270)
        url = web.add("/a.jpg", pictures.jpeg(exif=exif))
        before = only(fetch(url))
        web.add("/a.jpg", pictures.encoded("JPEG", upright))

        after = only(fetch(ChunkUrl(0, url, known=known(before))))

        assert after.change == "same_picture"

    def test_does_not_take_a_hash_of_the_turned_pixels_for_that_of_another_picture(
        self, web: Web, fetch: Fetch
    ) -> None:
        """Before there were colours, hashes were of pictures as they lie in their files."""
        exif = Image.Exif()
        exif[0x0112] = 6
        as_stored = only(fetch(web.add("/a.jpg", pictures.jpeg())))
        url = web.add("/a.jpg", pictures.jpeg(exif=exif))

        after = only(fetch(ChunkUrl(0, url, known=known(as_stored, colours=None))))

        assert after.change == "same_picture"

    @pytest.mark.parametrize("kind", ["RGBA", "colour", "grey, 8 bits", "palette"])
    def test_does_not_take_a_hash_of_colours_that_nobody_sees_for_that_of_another_picture(
        self, web: Web, fetch: Fetch, kind: str
    ) -> None:
        """Before there were colours, a PNG's `tRNS` and alpha were left out of hashes."""
        clear = {"RGBA": png(icon("key", RED)), **CLEAR_GROUNDS}[kind]
        flat = only(fetch(web.add("/a.png", pictures.encoded("PNG"))))
        url = web.add("/a.png", clear)

        after = only(fetch(ChunkUrl(0, url, known=known(flat, colours=None))))

        assert after.change == "same_picture"

    @pytest.mark.parametrize(
        ("image_format", "mode"), [("GIF", "P"), ("PNG", "P"), ("PNG", "RGBA")]
    )
    def test_tells_another_picture_of_which_nothing_can_be_seen_through(
        self, web: Web, fetch: Fetch, image_format: str, mode: str
    ) -> None:
        """Palettes and alpha that make nothing clear took no part in a hash, and take none now."""
        one = pictures.picture("L").convert("RGB")
        url = web.add("/a", pictures.encoded(image_format, one.convert(mode)))
        before = only(fetch(url))
        web.add("/a", pictures.encoded(image_format, ImageOps.invert(one).convert(mode)))

        after = only(fetch(ChunkUrl(0, url, known=known(before, colours=None))))

        assert after.change == "replaced"

    def test_takes_other_bytes_for_another_picture_without_a_hash(
        self, web: Web, fetch: Fetch
    ) -> None:
        url = web.add("/a.jpg", pictures.jpeg())

        assert only(fetch(ChunkUrl(0, url, known=Known()))).change == "replaced"

    @pytest.mark.parametrize(
        ("status", "change"), [(404, "gone"), (410, "gone"), (403, None), (204, None)]
    )
    def test_tells_what_is_gone(
        self, web: Web, fetch: Fetch, status: int, change: str | None
    ) -> None:
        url = web.add("/a.jpg", status=status)

        assert only(fetch(ChunkUrl(0, url, known=Known('"a"')))).change == change

    def test_tells_no_change_from_a_file_that_is_no_picture(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", b"<html>")

        settled = only(fetch(ChunkUrl(0, url, known=Known('"a"'))))

        assert (settled.outcome, settled.change) == (Outcome.not_image, None)

    def test_takes_a_304_that_nobody_asked_for_for_no_picture(self, web: Web, fetch: Fetch) -> None:
        assert only(fetch(web.add("/a.jpg", status=304))).outcome == Outcome.not_image
