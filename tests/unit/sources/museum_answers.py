"""
Museums and libraries that have so many things, answering in the real shape of their APIs.

Each shape is the one that the docstring of its adapter in `crawlset.sources` cites.
"""

from typing import Any

import httpx

from tests.unit.sources.fake_source import FakeSource

AAT = "http://vocab.getty.edu/aat"
ENGLISH, DUTCH = f"{AAT}/300388277", f"{AAT}/300388256"
MARK = "https://creativecommons.org/publicdomain/mark/1.0/"


def cleveland(total: int, **fields: Any) -> FakeSource:
    """Sides and sizes are texts, as in the answers that WordPress/openverse keeps as samples."""

    def files(name: str) -> dict[str, Any]:
        address = f"https://images.example.org/{name}"
        return {
            "web": {"url": f"{address}_web.jpg", "width": "893", "height": "560"},
            "print": {"url": f"{address}_print.jpg", "width": "3400", "height": "2132"},
            "full": {"url": f"{address}_full.tif", "width": "9546", "height": "5986"},
        }

    def work(number: int) -> dict[str, Any]:
        return {
            "id": 93_000 + number,
            "title": "View of Schroon Mountain",
            "url": f"https://clevelandart.org/art/1335.{number}",
            "share_license_status": "CC0",
            "creators": [
                {"id": 2, "description": "Thomas Cole (American, 1801-1848)", "role": "artist"}
            ],
            "images": files(f"1335.{number}"),
            "alternate_images": [],
        } | fields

    def answer(_: str, params: dict[str, str]) -> Any:
        start, limit = int(params["skip"]), int(params["limit"])
        numbers = range(start, min(start + limit, total))
        return {
            "info": {"total": total, "parameters": params},
            "data": [work(number) for number in numbers],
        }

    return FakeSource("cleveland", answer)


def library_of_congress(total: int, **fields: Any) -> FakeSource:
    """With the advisory as it is for photos of the Farm Security Administration."""

    def result(number: int) -> dict[str, Any]:
        pictures = f"//tile.example.org/storage-services/service/pnp/fsa/8b29000/8b29{number}"
        return {
            "id": f"http://www.loc.gov/item/2017{number}/",
            "url": f"https://www.loc.gov/item/2017{number}/",
            "title": "Destitute pea pickers in California. Mother of seven children",
            "contributor": ["lange, dorothea"],
            "original_format": ["photo, print, drawing"],
            "online_format": ["image"],
            "digitized": True,
            "access_restricted": False,
            "image_url": [
                f"{pictures}_150px.jpg#h=150&w=118",
                f"{pictures}.gif#h=150&w=118",
                f"{pictures}r.jpg#h=640&w=505",
                f"{pictures}v.jpg#h=1024&w=808",
            ],
            "item": {
                "title": "Destitute pea pickers in California.",
                "contributors": ["Lange, Dorothea, photographer"],
                "rights_advisory": ["No known restrictions on publication."],
                "rights_information": "No known restrictions on publication.",
            },
        } | fields

    def answer(_: str, params: dict[str, str]) -> Any:
        page, size = int(params["sp"]), int(params["c"])
        numbers = range((page - 1) * size, min(page * size, total))
        n_pages = -(-total // size)
        return {
            "pagination": {
                "current": page,
                "from": numbers.start + 1,
                "next": f"https://www.loc.gov/photos/?sp={page + 1}" if page < n_pages else None,
                "of": total,
                "perpage": size,
                "perpage_options": [25, 50, 100, 150],
                "total": n_pages,
            },
            "results": [result(number) for number in numbers],
        }

    return FakeSource("library_of_congress", answer)


def _statement(content: str, kind: str, language: str, type_: str) -> dict[str, Any]:
    return {
        "type": type_,
        "content": content,
        "classified_as": [{"id": f"{AAT}/{kind}", "type": "Type"}],
        "language": [{"id": language, "type": "Language"}],
    }


def name(content: str, language: str = ENGLISH, kind: str = "300404670") -> dict[str, Any]:
    """A title; of the kind that is preferred, unless another is given."""
    return _statement(content, kind, language, "Name")


def stated(content: str, language: str = ENGLISH, kind: str = "300435417") -> dict[str, Any]:
    """A maker of a part, as text."""
    return _statement(content, kind, language, "LinguisticObject")


def person(english: str, dutch: str) -> dict[str, Any]:
    return {
        "id": "https://id.rijksmuseum.nl/2101778",
        "type": "Person",
        "notation": [
            {"@language": "nl", "@value": dutch},
            {"@language": "en", "@value": english},
        ],
    }


def rijksmuseum(
    total: int,
    *,
    rights: str = MARK,
    statements: tuple[str, ...] = ("downloadbaar", "zichtbaar"),
    **fields: Any,
) -> FakeSource:
    """
    Objects `2001…`, what they show `2021…`, and pictures of that `5001…`, each a record.

    A search tells a hundred, and goes on behind a token.
    """

    def thing(number: int) -> dict[str, Any]:
        return {
            "@context": "https://linked.art/ns/v1/linked-art.json",
            "id": f"https://id.rijksmuseum.nl/2001{number}",
            "type": "HumanMadeObject",
            "identified_by": [
                name("De melkmeid", DUTCH, "300417200"),
                name("Het melkmeisje", DUTCH),
                name("The Milkmaid"),
                {"type": "Identifier", "content": "SK-A-2344"},
            ],
            "produced_by": {
                "type": "Production",
                "referred_to_by": [stated("Johannes Vermeer", ENGLISH, "300435416")],
                "part": [
                    {
                        "type": "Production",
                        "carried_out_by": [person("Johannes Vermeer", "Johannes Vermeer")],
                        "referred_to_by": [stated("painter: Johannes Vermeer", kind="300435416")],
                    }
                ],
            },
            "shows": [{"id": f"https://id.rijksmuseum.nl/2021{number}", "type": "VisualItem"}],
        } | fields

    def record(number: str) -> Any:
        kind, of = number[:4], number[4:]
        if kind == "2001":
            return thing(int(of))
        if kind == "2021":
            right = {"type": "Right", "classified_as": [{"id": rights, "type": "Type"}]}
            shown = {"id": f"https://id.rijksmuseum.nl/5001{of}", "type": "DigitalObject"}
            return {"type": "VisualItem", "subject_to": [right], "digitally_shown_by": [shown]}
        if kind == "5001":
            address = f"https://iiif.example.org/{of}/full/max/0/default.jpg"
            return {
                "type": "DigitalObject",
                "referred_to_by": [
                    {"type": "LinguisticObject", "content": text} for text in statements
                ],
                "access_point": [{"id": address, "type": "DigitalObject"}],
            }
        return httpx.Response(400, json={"error": "no such record"})

    def answer(path: str, params: dict[str, str]) -> Any:
        if not path.endswith("/search/collection"):
            return record(path.rpartition("/")[2])
        start = int(params.get("pageToken", 0))
        end = min(start + 100, total)
        asked = "https://data.rijksmuseum.nl/search/collection"
        following = {"id": f"{asked}?title=x&pageToken={end}", "type": "OrderedCollectionPage"}
        return {
            "@context": "https://linked.art/ns/v1/search.json",
            "type": "OrderedCollectionPage",
            "partOf": {"id": asked, "type": "OrderedCollection", "totalItems": total},
            "orderedItems": [
                {"id": f"https://id.rijksmuseum.nl/2001{number}", "type": "HumanMadeObject"}
                for number in range(start, end)
            ],
            **({"next": following} if end < total else {}),
        }

    return FakeSource("rijksmuseum", answer)
