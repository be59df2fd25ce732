"""The page of a report: whole in one file, with pictures, and with nothing in it that runs."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, Image, JobStatus, Project, ValidationJob
from functions.thumbnail import app
from tests import factories
from tests.integration.validation.steps import validate
from tests.invocations import CONTEXT, reader, request
from tests.unit.imaging import pictures

pytestmark = pytest.mark.usefixtures("bucket")
VOID = {"meta", "img", "rect", "br"}


class Page(HTMLParser):
    """Tags and texts; fails when what is opened is not closed in its order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID - {"rect"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    @property
    def pictures(self) -> list[str]:
        return [attributes["src"] or "" for tag, attributes in self.tags if tag == "img"]


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(
        session, project, status=JobStatus.completed, name="<script>cats</script>"
    )


def stored(session: Session, job: CrawlJob, n: int, **overrides: Any) -> list[Image]:
    """Images, each with a pack of its own."""
    images = []
    for _ in range(n):
        picture = pictures.jpeg(size=(300, 200))
        image = factories.create_image(
            session, factories.create_chunk(session, job), pack_length=len(picture), **overrides
        )
        assert image.pack_key is not None
        objects.put(image.pack_key, b"\0" * 512 + picture)
        images.append(image)
    return images


def ask(validation_job: ValidationJob, job: CrawlJob) -> Any:
    path = (
        f"/api/projects/{job.project_id}/crawl-jobs/{job.id}"
        f"/validation-jobs/{validation_job.id}/report.html"
    )
    event = request("GET", path, reader(job.user_id))
    return app.handler(event, CONTEXT)


def test_shows_counts_rules_histograms_and_pictures(session: Session, job: CrawlJob) -> None:
    views = [0x0F0F_1234_5678_9ABC, 1 << 60, 3 << 50, 5 << 40]
    scores = {"brightness_p99": 0.9, "entropy": 7.5, "blur": 1.0, "channels": 3.0}
    stored(session, job, 2, phashes=views, scores=scores, keyword="cat & dog")
    stored(session, job, 1, width=10)
    (gone,) = stored(session, job, 1, width=11)
    assert gone.pack_key is not None
    objects.delete(gone.pack_key)
    validation_job = factories.create_validation_job(
        session, job, validation_rules={"preset": "standard"}
    )
    validate(validation_job)

    answer = ask(validation_job, job)

    assert answer["statusCode"] == 200, answer["body"]
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    page = Page(answer["body"])
    assert {"Rules", "Classes", "Measures", "Near duplicates", "Examples"} <= set(page.texts)
    assert {"near_duplicates", "short_side", "cat & dog", "no picture"} <= set(page.texts)
    assert "Validation of <script>cats</script>" in page.texts
    assert len(page.pictures) == 2 + 3
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.pictures)


def test_explains_itself_in_plain_words_with_links(session: Session, job: CrawlJob) -> None:
    pages = ["https://a.test/cat?x=1&y=2", "javascript:alert(1)", None, "http://[", "ftp://a.test"]
    images = [
        image
        for page in pages
        for image in stored(session, job, 1, width=60, height=80, landing_url=page, file_size=10**5)
    ]
    validation_job = factories.create_validation_job(session, job)
    validate(validation_job)

    page = Page(ask(validation_job, job)["body"])

    links = {attributes["href"]: attributes for tag, attributes in page.tags if tag == "a"}
    assert set(links) == {pages[0], images[2].url}
    assert {attributes["rel"] for attributes in links.values()} == {"noopener noreferrer"}
    texts = "\n".join(page.texts)
    assert f"Image {images[0].id}, on a.test: short side 60 px, at least 64 px wanted" in texts
    assert "short side of at least 64 px" in page.texts
    assert "rejected" in page.texts
    assert "100,000 px" in page.texts
    assert "e+0" not in texts
    names = [attributes.get("name") for tag, attributes in page.tags if tag == "meta"]
    assert {"viewport", "generator"} <= set(names)
    scrolling = [attributes for tag, attributes in page.tags if attributes.get("class") == "wide"]
    assert len(scrolling) == sum(tag == "table" for tag, _ in page.tags)


def test_shows_strangers_of_each_keyword_the_least_first(session: Session, job: CrawlJob) -> None:
    def measured(keyword: str, **measures: float) -> Image:
        known = {"relevance": {"version": "1", "measures": measures}}
        return stored(session, job, 1, keyword=keyword, measurements=known)[0]

    cats = [measured("cat", nearness=0.9, margin=value) for value in (0.4, -0.25, 0.1)]
    sunset = measured("sunset", nearness=0.625)
    stored(session, job, 1, keyword="dog")
    validation_job = factories.create_validation_job(session, job)
    validate(validation_job)

    page = Page(ask(validation_job, job)["body"])

    shown = page.texts[page.texts.index("Strangers") :]
    captions = [text for text in shown if text.startswith("Image ")]
    expected = [(cats[1], "-0.250"), (cats[2], "0.100"), (cats[0], "0.400"), (sunset, "0.625")]
    assert [(text.split(",")[0], text.rpartition(": ")[2]) for text in captions] == [
        (f"Image {image.id}", value) for image, value in expected
    ]
    assert [text for text in shown if text in {"cat", "dog", "sunset"}] == ["cat", "sunset"]


def test_shows_no_strangers_where_nothing_was_measured(session: Session, job: CrawlJob) -> None:
    stored(session, job, 2, keyword="cat")
    validation_job = factories.create_validation_job(session, job)
    validate(validation_job)

    assert "Strangers" not in Page(ask(validation_job, job)["body"]).texts


def test_holds_nothing_that_runs_or_is_fetched(session: Session, job: CrawlJob) -> None:
    validation_job = factories.create_validation_job(session, job)
    validate(validation_job)

    answer = ask(validation_job, job)

    assert answer["headers"]["Content-Security-Policy"].startswith("default-src 'none'")
    page = Page(answer["body"])
    assert {"script", "link", "iframe"}.isdisjoint(tag for tag, _ in page.tags)


def test_answers_409_before_the_end(session: Session, job: CrawlJob) -> None:
    validation_job = factories.create_validation_job(session, job)

    answer = ask(validation_job, job)

    assert answer["statusCode"] == 409
    assert json.loads(answer["body"])["code"] == "ReportNotReadyError"


def test_warns_of_large_clusters_and_counts_clusters_by_size(
    session: Session, job: CrawlJob
) -> None:
    views = [0x0F0F_1234_5678_9ABC, 1 << 60, 3 << 50, 5 << 40]
    stored(session, job, 3, phashes=views)
    rule = {"check": "near_duplicates", "params": {"max_cluster": 2}}
    validation_job = factories.create_validation_job(
        session, job, validation_rules={"rules": [rule]}
    )
    validate(validation_job)

    page = Page(ask(validation_job, job)["body"])

    (warning,) = [text for text in page.texts if text.startswith("near_duplicates: 1 cluster has")]
    assert warning.endswith("put in quarantine: see whether they are copies.")
    at = page.texts.index("3 to 4")
    assert page.texts[at : at + 2] == ["3 to 4", "1"]
