import pytest

from crawlset.embedded import MAX_TEXT
from crawlset.imaging import xmp_fields
from tests.unit.imaging.xmp_packets import DEEP, packet

NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
}
XMLNS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def described(inside: str = "", attributes: str = "") -> bytes:
    return packet(f'<rdf:Description rdf:about="" {XMLNS} {attributes}>{inside}</rdf:Description>')


def creators(*names: str) -> str:
    items = "".join(f"<rdf:li>{name}</rdf:li>" for name in names)
    return f"<dc:creator><rdf:Seq>{items}</rdf:Seq></dc:creator>"


class TestRead:
    def test_gives_time_camera_and_rights(self) -> None:
        """The fields that Google shows of a picture, as IPTC's own test image has them."""
        said = xmp_fields.read(
            described(
                creators("Jane Photosty", "Bob Sample") + "<dc:rights><rdf:Alt>"
                '<rdf:li xml:lang="de">Alle Rechte</rdf:li>'
                '<rdf:li xml:lang="x-default">\xa9 2020 IPTC</rdf:li>'
                "</rdf:Alt></dc:rights>"
                "<xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang='x-default'>Ask\nus first"
                "</rdf:li></rdf:Alt></xmpRights:UsageTerms>"
                "<plus:Licensor><rdf:Seq>"
                '<rdf:li rdf:parseType="Resource">'
                "<plus:LicensorName>IPTC</plus:LicensorName>"
                "<plus:LicensorURL>https://iptc.org/licensing/</plus:LicensorURL></rdf:li>"
                '<rdf:li rdf:parseType="Resource">'
                "<plus:LicensorName>Other</plus:LicensorName></rdf:li>"
                "</rdf:Seq></plus:Licensor>",
                'photoshop:Credit="IPTC/Jane Photosty"'
                ' photoshop:DateCreated="2020-06-24T12:30:00+02:00"'
                ' tiff:Make="LEICA" tiff:Model="M10"'
                ' xmpRights:WebStatement="https://iptc.org/rights/"'
                f' Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPES}digitalCapture"',
            )
        )

        assert said == {
            "creator": "Jane Photosty; Bob Sample",
            "copyright_notice": "\xa9 2020 IPTC",
            "usage_terms": "Ask us first",
            "licensor_name": "IPTC",
            "licensor_url": "https://iptc.org/licensing/",
            "credit_line": "IPTC/Jane Photosty",
            "date_time_original": "2020-06-24T12:30:00+02:00",
            "make": "LEICA",
            "model": "M10",
            "web_statement": "https://iptc.org/rights/",
            "digital_source_type": "digitalCapture",
        }

    @pytest.mark.parametrize(
        "item",
        [
            '<rdf:li plus:LicensorName="IPTC" plus:LicensorURL="https://iptc.org/"/>',
            (
                '<rdf:li><rdf:Description plus:LicensorName="IPTC">'
                "<plus:LicensorURL>https://iptc.org/</plus:LicensorURL></rdf:Description></rdf:li>"
            ),
            (
                '<rdf:li rdf:parseType="Resource"><plus:LicensorName>IPTC</plus:LicensorName>'
                '<plus:LicensorURL rdf:resource="https://iptc.org/"/></rdf:li>'
            ),
        ],
    )
    @pytest.mark.parametrize("container", ["Seq", "Bag"])
    def test_gives_a_licensor_in_each_spelling_of_rdf(self, item: str, container: str) -> None:
        """https://www.w3.org/TR/rdf-syntax-grammar/, 2.5 and 2.11; PLUS wants a Seq."""
        listed = f"<rdf:{container}>{item}</rdf:{container}>"

        assert xmp_fields.read(described(f"<plus:Licensor>{listed}</plus:Licensor>")) == {
            "licensor_name": "IPTC",
            "licensor_url": "https://iptc.org/",
        }

    @pytest.mark.parametrize(
        ("attributes", "concept"),
        [
            (
                f'DigitalSourceType="{SOURCE_TYPES}trainedAlgorithmicMedia"',
                "trainedAlgorithmicMedia",
            ),
            # Google writes https, and an older name beside it:
            # https://github.com/MediaArea/MediaInfoLib/pull/2356 and /pull/2275
            (
                f'DigitalSourceType="{SOURCE_TYPES.replace("http:", "https:")}algorithmicMedia"',
                "algorithmicMedia",
            ),
            (f'DigitalSourceFileType="{SOURCE_TYPES}negativeFilm"', "negativeFilm"),
            (
                (
                    f'DigitalSourceFileType="{SOURCE_TYPES}negativeFilm"'
                    f' Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPES}print/"'
                ),
                "print",
            ),
            ('DigitalSourceType="digsrctype:compositeSynthetic"', "compositeSynthetic"),
            ('DigitalSourceType="trainedAlgorithmicMedia"', "trainedAlgorithmicMedia"),
            ('DigitalSourceType="made by a machine"', None),
            (f'DigitalSourceType="{SOURCE_TYPES}"', None),
            ('DigitalSourceType=""', None),
        ],
    )
    def test_gives_the_concept_of_a_digital_source_type(
        self, attributes: str, concept: str | None
    ) -> None:
        said = xmp_fields.read(described(attributes=f"Iptc4xmpExt:{attributes}"))

        assert said.get("digital_source_type") == concept

    def test_leaves_out_what_is_said_of_pictures_it_was_made_of(self) -> None:
        """Photoshop keeps the whole packets of what was placed in `xmpMM:Pantry` (XMP, part 2)."""
        pantry = (
            '<xmpMM:Pantry><rdf:Bag><rdf:li><rdf:Description photoshop:Credit="Agency">'
            f"{creators('Somebody Else')}</rdf:Description></rdf:li></rdf:Bag></xmpMM:Pantry>"
        )

        assert xmp_fields.read(described(pantry)) == {}
        assert xmp_fields.read(described(pantry + creators("Ida"))) == {"creator": "Ida"}

    @pytest.mark.parametrize(
        ("latitude", "longitude", "location"),
        [
            ("48,51.4933N", "2,17.67W", {"latitude": 48.8582217, "longitude": -2.2945}),
            ("33,51,54S", "151,12,34E", {"latitude": -33.865, "longitude": 151.2094444}),
            ("48.85N", "2.29E", {"latitude": 48.85, "longitude": 2.29}),
            ("48,51.4933", "2,17.67", {}),
            ("0,0N", "0,0E", {}),
            ("91,0N", "2,0E", {}),
            ("48,51N", "", {}),
        ],
    )
    def test_gives_the_location(
        self, latitude: str, longitude: str, location: dict[str, float]
    ) -> None:
        stated = f'exif:GPSLatitude="{latitude}" exif:GPSLongitude="{longitude}"'

        assert xmp_fields.read(described(attributes=stated)) == location

    def test_reads_every_encoding_of_xml(self) -> None:
        stated = described(creators("Zoë")).decode()

        for encoding in ("utf-8", "utf-16", "utf-16-be"):
            assert xmp_fields.read(stated.encode(encoding)) == {"creator": "Zoë"}

    def test_cuts_a_text_and_drops_an_address_that_would_be_cut(self) -> None:
        long = "https://a.test/" + "x" * MAX_TEXT
        stated = f'photoshop:Credit="{long}" xmpRights:WebStatement="{long}"'

        assert xmp_fields.read(described(attributes=stated)) == {"credit_line": long[:MAX_TEXT]}

    @pytest.mark.parametrize(
        "broken",
        [
            b"",
            b"creator",
            DEEP,
            described(creators("Ida"))[:-40],
            packet('<!DOCTYPE x [<!ENTITY a "a">]>' + creators("&a;")),
            b"<creator/>",
            described("<dc:creator/>", 'photoshop:Credit=" "'),
            described("<plus:Licensor/>"),
            described(creators(*[" "] * 100)),
        ],
    )
    def test_gives_nothing_of_a_packet_that_says_nothing(self, broken: bytes) -> None:
        assert xmp_fields.read(broken) == {}
