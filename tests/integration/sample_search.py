"""The search API of the sample site, as `discover` asks it."""

import httpx


class Site:
    """It knows 120 cats, of which every third is not free."""

    def __init__(self) -> None:
        self.answer: httpx.Response | None = None
        self.n_asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.n_asked += 1
        if self.answer is not None:
            return self.answer
        page = int(request.url.params["page"])
        numbers = range((page - 1) * 50, min(page * 50, 120))
        results = [
            {
                "id": f"photos-{n}",
                "url": f"http://photos.localhost:8490/{n}.jpg",
                "title": f"Cat {n}",
                "author": "Ada Sample",
                "licence": "All rights reserved" if n % 3 == 0 else "CC0 1.0",
                "licence_url": None,
                "landing_url": f"http://photos.localhost:8490/works/photos-{n}",
                "width": 640,
                "height": 480,
                "format": "jpeg",
                "keywords": ["cat"],
            }
            for n in numbers
        ]
        answer = {"query": "cat", "page": page, "page_size": 50, "total": 120, "results": results}
        return httpx.Response(200, json=answer)
