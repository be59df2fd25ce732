"""What is told of what a file says about itself."""

from typing import Any

import pytest

from crawlset.outcomes import Outcome
from crawlset.resizing import Resize, ResizeMode
from tests.integration.fetching.chunk_fetch import Fetch, only
from tests.integration.web_server import Web
from tests.unit.imaging import pictures
from tests.unit.imaging import raw_blocks as raw
from tests.unit.imaging.raw_blocks import exif_block, place, text
from tests.unit.imaging.test_xmp_fields import described

EXIF = exif_block([text(raw.MAKE, "Canon")], gps=place([(48, 1)], [(2, 1)]))
XMP = described(attributes='exif:GPSLatitude="48,0N" exif:GPSLongitude="2,0E" tiff:Make="Canon"')
PLACE = {"latitude": 48.0, "longitude": 2.0}


@pytest.mark.parametrize("block", [{"exif": b"Exif\0\0" + EXIF}, {"xmp": XMP}])
class TestLocation:
    def test_is_in_no_line_unless_the_job_keeps_it(
        self, web: Web, fetch: Fetch, block: dict[str, Any]
    ) -> None:
        url = web.add("/a.jpg", pictures.jpeg(**block))

        left_out, kept = only(fetch(url)), only(fetch(url, keep_location=True))

        assert left_out.embedded == {"make": "Canon"}
        assert "itude" not in str(left_out.to_json())
        assert kept.embedded == {"make": "Canon"} | PLACE

    def test_is_that_of_the_file_received_where_it_is_stored_anew(
        self, web: Web, fetch: Fetch, block: dict[str, Any]
    ) -> None:
        url = web.add("/a.jpg", pictures.jpeg(**block))

        stored = only(fetch(url, resize=Resize(ResizeMode.no, 16), keep_location=True))

        assert stored.transform is not None
        assert stored.embedded == {"make": "Canon"} | PLACE


class TestNothing:
    def test_is_told_of_a_file_that_says_nothing(self, web: Web, fetch: Fetch) -> None:
        gps = exif_block(gps=place([(48, 1)], [(2, 1)]))
        plain = web.add("/a.jpg", pictures.jpeg())
        only_place = web.add("/b.jpg", pictures.jpeg("L", exif=b"Exif\0\0" + gps))

        assert [seen.embedded for seen in fetch(plain, only_place).outcomes] == [None, None]

    def test_is_lost_of_a_picture_whose_blocks_are_broken(self, web: Web, fetch: Fetch) -> None:
        data = pictures.jpeg(exif=b"Exif\0\0" + EXIF[:20], xmp=XMP[:-50])

        stored = only(fetch(web.add("/a.jpg", data)))

        assert (stored.outcome, stored.embedded) == (Outcome.stored, None)
