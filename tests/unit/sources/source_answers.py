"""
Sources that have so many things, answering in the real shape of their APIs.

Each shape is the one that the docstring of its adapter in `crawlset.sources` cites: the service's
own reference, and where there was one an answer that was recorded.
"""

from typing import Any

from tests.unit.sources.fake_source import FakeSource


def _work(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"4bc43a04-{number:04}",
        "title": f"Bark {number}",
        "foreign_landing_url": f"https://photos.example.org/works/{number}",
        "url": f"https://cdn.example.org/{number}.jpg",
        "creator": "Tim Example",
        "creator_url": "https://example.org/tim",
        "license": "by-sa",
        "license_version": "2.0",
        "license_url": "https://creativecommons.org/licenses/by-sa/2.0/",
        "provider": "flickr",
        "source": "flickr",
        "attribution": '"Bark" by Tim Example is licensed under CC BY-SA 2.0.',
        "tags": [{"accuracy": None, "name": "tree"}],
        "mature": False,
        "height": 400,
        "width": 600,
    } | fields


def openverse(total: int, **fields: Any) -> FakeSource:
    def answer(_: str, params: dict[str, str]) -> Any:
        page, size = int(params["page"]), int(params["page_size"])
        numbers = range((page - 1) * size, min(page * size, total))
        return {
            "result_count": total,
            "page_count": -(-total // size),
            "page_size": size,
            "page": page,
            "results": [_work(number, **fields) for number in numbers],
        }

    return FakeSource("openverse", answer)


def _file(number: int, **metadata: Any) -> dict[str, Any]:
    stated = {
        "LicenseShortName": {"value": "CC BY-SA 4.0", "source": "commons-desc-page"},
        "LicenseUrl": {"value": "https://creativecommons.org/licenses/by-sa/4.0/"},
        "License": {"value": "cc-by-sa-4.0"},
        "Artist": {"value": '<a href="//commons.example.org/User:Ada">Ada &amp; Co</a>'},
        "AttributionRequired": {"value": "true"},
        # In every answer, and no text: src/HookHandler.php of the extension CommonsMetadata.
        "CommonsMetadataExtension": {"value": 1.2, "source": "extension", "hidden": ""},
    }
    return {
        "pageid": 80_000 + number,
        "ns": 6,
        "title": f"File:Street cat {number}.jpg",
        "index": number + 1,
        "imageinfo": [
            {
                "url": f"https://upload.example.org/{number}.jpg",
                "descriptionurl": f"https://commons.example.org/wiki/File:{number}.jpg",
                "size": 11_863_148,
                "width": 5514,
                "height": 3102,
                "mime": "image/jpeg",
                "extmetadata": {n: v for n, v in (stated | metadata).items() if v},
            }
        ],
    }


def wikimedia(total: int, **metadata: Any) -> FakeSource:
    def members(params: dict[str, str]) -> Any:
        """A category goes on behind a token, and says of no file at which place it is."""
        offset = int(params.get("gcmcontinue", "file|4341|0").rpartition("|")[2])
        end = offset + int(params["gcmlimit"])
        files = [_file(number, **metadata) for number in range(offset, min(end, total))]
        for file in files:
            del file["index"]
        more = {"gcmcontinue": f"file|4341|{end}", "continue": "gcmcontinue||"}
        pages = {str(file["pageid"]): file for file in files}
        return {"query": {"pages": pages}, **({"continue": more} if end < total else {})}

    def answer(_: str, params: dict[str, str]) -> Any:
        if params["generator"] == "categorymembers":
            return members(params)
        offset, size = int(params["gsroffset"]), int(params["gsrlimit"])
        numbers = range(offset, min(offset + size, total))
        files = [_file(number, **metadata) for number in numbers]
        found: dict[str, Any] = {"batchcomplete": ""}
        if files:
            # By page id: the order of the answer is not the order of the result.
            found["query"] = {"pages": {str(f["pageid"]): f for f in reversed(files)}}
        if offset + size < total:
            found["continue"] = {"gsroffset": offset + size, "continue": "gsroffset||"}
        return found

    return FakeSource("wikimedia", answer)


def _occurrence(number: int, *media: dict[str, Any]) -> dict[str, Any]:
    still = {
        "type": "StillImage",
        "license": "http://creativecommons.org/licenses/by/4.0/",
        "identifier": f"https://media.example.org/{number}.jpg",
        "creator": "Ada Finder",
        "rightsHolder": "A museum",
    }
    return {
        "key": number,
        "license": "http://creativecommons.org/licenses/by-nc/4.0/legalcode",
        "scientificName": "Amanita muscaria (L.) Hook.",
        "media": [*media] or [still],
    }


def gbif(total: int, *media: dict[str, Any], match: str = "NONE") -> FakeSource:
    def answer(path: str, params: dict[str, str]) -> Any:
        if path.endswith("/species/match"):
            # Without a match there is no key: https://techdocs.gbif.org/en/openapi/v1/species
            found = {"usageKey": 2435099} if match != "NONE" else {}
            return {"confidence": 97, "matchType": match, "synonym": False, **found}
        offset, limit = int(params["offset"]), int(params["limit"])
        numbers = range(offset, min(offset + limit, total))
        return {
            "offset": offset,
            "limit": limit,
            "endOfRecords": offset + limit >= total,
            "count": total,
            "results": [_occurrence(number, *media) for number in numbers],
        }

    return FakeSource("gbif", answer)


def inaturalist(total: int, **photo: Any) -> FakeSource:
    def observation(number: int) -> dict[str, Any]:
        shown = {
            "id": number,
            "license_code": "cc-by",
            "attribution": "(c) Ada, some rights reserved (CC BY)",
            "original_dimensions": {"width": 1445, "height": 1057},
            "url": f"https://static.example.org/photos/{number}/square.jpeg?1536150664",
        }
        return {
            "id": number,
            "uri": f"https://www.inaturalist.org/observations/{number}",
            "license_code": "cc0",
            "taxon": {"name": "Lixus bardanae", "preferred_common_name": None},
            "user": {"login": "ada", "name": "Ada"},
            "photos": [shown | photo],
        }

    def answer(_: str, params: dict[str, str]) -> Any:
        above, size = int(params["id_above"]), int(params["per_page"])
        numbers = range(above + 1, min(above + size, total) + 1)
        # What matches is counted behind `id_above`.
        return {
            "total_results": total - above,
            "page": 1,
            "per_page": size,
            "results": [observation(number) for number in numbers],
        }

    return FakeSource("inaturalist", answer)


def met(n_objects: int | None, **fields: Any) -> FakeSource:
    def answer(path: str, _: dict[str, str]) -> Any:
        if path.endswith("/search"):
            ids = [*range(n_objects)] if n_objects else None
            return {"total": n_objects or 0, "objectIDs": ids}
        number = path.rpartition("/")[2]
        return {
            "objectID": int(number),
            "isPublicDomain": True,
            "primaryImage": f"https://images.example.org/{number}.jpg",
            "additionalImages": [f"https://images.example.org/{number}-back.jpg"],
            "artistDisplayName": "Kiyohara Yukinobu",
            "title": "Quail and Millet",
            "objectURL": f"https://www.metmuseum.org/art/collection/search/{number}",
        } | fields

    return FakeSource("met", answer)


def artic(total: int, **fields: Any) -> FakeSource:
    def answer(_: str, params: dict[str, str]) -> Any:
        page, limit = int(params["page"]), int(params["limit"])
        numbers = range((page - 1) * limit, min(page * limit, total))
        work = {
            "title": "Wheat",
            "image_id": "2d484387",
            "is_public_domain": True,
            "artist_title": "Vincent van Gogh",
        } | fields
        return {
            "pagination": {"total": total, "total_pages": -(-total // limit)},
            "data": [{"id": number} | work for number in numbers],
            "config": {"iiif_url": "https://www.artic.edu/iiif/2"},
        }

    return FakeSource("artic", answer)


def nasa(total: int, *files: str) -> FakeSource:
    """With the renditions that `links` has had since 2024; of a TIFF the last is the thumbnail."""
    names = files or ("~orig.tif", "~large.jpg", "~thumb.jpg")

    def links(id_: str) -> list[dict[str, Any]]:
        sizes = zip(names, range(5000, 0, -1000), strict=False)
        return [
            {
                "href": f"http://images-assets.nasa.gov/image/{id_}/{id_}{name}",
                "rel": "preview" if "thumb" in name else "alternate",
                "render": "image",
                "width": side,
                "height": side // 2,
                "size": side * 100,
            }
            for name, side in sizes
        ]

    def answer(_: str, params: dict[str, str]) -> Any:
        page, size = int(params["page"]), int(params["page_size"])
        numbers = range((page - 1) * size, min(page * size, total))
        facts = {"title": "Moon", "center": "JSC", "photographer": "Ada"}
        items = [
            {"data": [{"nasa_id": f"n{number}"} | facts], "links": links(f"n{number}")}
            for number in numbers
        ]
        return {"collection": {"items": items, "metadata": {"total_hits": total}}}

    return FakeSource("nasa", answer)


def europeana(total: int, **fields: Any) -> FakeSource:
    def item(number: int) -> dict[str, Any]:
        return {
            "id": f"/2022704/{number}",
            "title": ["A view"],
            "type": "IMAGE",
            "rights": ["http://creativecommons.org/publicdomain/mark/1.0/"],
            "dcCreator": ["Anon."],
            "edmIsShownBy": [f"http://images.example.org/{number}.jpg"],
            "edmIsShownAt": [f"http://www.example.org/{number}"],
        } | fields

    def answer(_: str, params: dict[str, str]) -> Any:
        start = 0 if params["cursor"] == "*" else int(params["cursor"])
        end = min(start + int(params["rows"]), total)
        more = {"nextCursor": str(end)} if end < total else {}
        items = [item(number) for number in range(start, end)]
        return {"success": True, "totalResults": total, "items": items, **more}

    return FakeSource("europeana", answer)


def smithsonian(total: int, access: str = "CC0", **medium: Any) -> FakeSource:
    def row(number: int) -> dict[str, Any]:
        media = {
            "type": "Images",
            "content": f"https://ids.example.org/{number}",
            "thumbnail": f"https://ids.example.org/{number}/90",
            "usage": {"access": access},
        } | medium
        described = {
            "record_link": f"https://collections.example.org/{number}",
            "data_source": "National Museum",
            "online_media": {"mediaCount": 1, "media": [media, {"type": "3d_voyager"}]},
        }
        content = {
            "descriptiveNonRepeating": described,
            "freetext": {"name": [{"label": "Collector", "content": "Seymour Example"}]},
            "indexedStructured": {"name": ["Example, S."]},
        }
        return {"title": "A cat", "content": content}

    def answer(_: str, params: dict[str, str]) -> Any:
        start = int(params["start"])
        end = min(start + int(params["rows"]), total)
        rows = [row(number) for number in range(start, end)]
        return {"status": 200, "response": {"rows": rows, "rowCount": total}}

    return FakeSource("smithsonian", answer)


def flickr(total: int, **fields: Any) -> FakeSource:
    def photo(number: int) -> dict[str, Any]:
        return {
            "id": str(number),
            "owner": "71925535@N03",
            "title": "Reef",
            "license": "11",
            "ownername": "Marine Explorer",
            "url_l": f"https://live.example.org/{number}_b.jpg",
            "width_l": 1024,
            "height_l": 683,
        } | fields

    def answer(_: str, params: dict[str, str]) -> Any:
        page, size = int(params["page"]), int(params["per_page"])
        numbers = range((page - 1) * size, min(page * size, total))
        photos = {
            "page": page,
            "pages": -(-total // size),
            "perpage": size,
            "total": str(total),
            "photo": [photo(number) for number in numbers],
        }
        return {"photos": photos, "stat": "ok"}

    return FakeSource("flickr", answer)


def brave(n: int) -> FakeSource:
    def result(number: int) -> dict[str, Any]:
        return {
            "type": "image_result",
            "title": "A mountain",
            "url": f"https://example.com/{number}",
            "source": "example.com",
            "properties": {
                "url": f"https://example.com/{number}.jpg",
                "width": 1920,
                "height": 1080,
            },
        }

    return FakeSource("brave", lambda *_: {"results": [result(number) for number in range(n)]})


def serpapi(name: str, total: int, n_a_page: int, **fields: Any) -> FakeSource:
    """A web search of `total` pictures as SerpApi reads it, `n_a_page` a page."""

    def picture(number: int) -> dict[str, Any]:
        return {
            "position": number + 1,
            "thumbnail": "https://serpapi.test/t.jpeg",
            "source": "Example",
            "title": "A <b>cat</b> &amp; co",
            "link": f"https://www.example.org/{number}",
            "original": f"https://images.example.org/{number}.jpg",
            "original_width": 800,
            "original_height": 600,
            "is_product": False,
        } | fields

    def answer(_: str, params: dict[str, str]) -> Any:
        start = int(params.get("first", 1)) - 1 + n_a_page * int(params.get("ijn", 0))
        numbers = range(start, min(start + n_a_page, total))
        if not numbers:
            return {
                "search_metadata": {"status": "Success"},
                "error": "Google hasn't returned any results for this query.",
            }
        return {"images_results": [picture(number) for number in numbers]}

    return FakeSource(name, answer)
