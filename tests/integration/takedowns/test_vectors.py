"""Measures and vectors of a picture go with it when it is taken down."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, Image
from crawlset.wire import keys
from tests.integration.takedowns.stored_images import AT_ONCE, CAT, DOG, HOST, ON_HOST, Store

pytestmark = pytest.mark.usefixtures("bucket")

MEASURED: dict[str, Any] = {"measurements": {"palette": {"version": "1", "part": "p"}}}


@pytest.fixture
def parts(session: Session, job: CrawlJob, store: Store) -> list[str]:
    """The keys of a part with the picture on the host, and of one with another picture."""
    cat, dog = store(CAT, DOG, each={CAT: ON_HOST | MEASURED, DOG: MEASURED})
    found = [
        keys.vectors(job.id, "palette", keys.vectors_part(image.id, image.id, job.id, 0))
        for image in (cat, dog)
    ]
    for key in found:
        objects.put(key, b"vectors")
    return found


def measured(session: Session) -> list[bool]:
    session.expire_all()
    return [
        each is not None for each in session.scalars(select(Image.measurements).order_by(Image.id))
    ]


def test_measures_go_when_the_picture_is_hidden(
    session: Session, job: CrawlJob, parts: list[str], take_down: Callable[..., str]
) -> None:
    take_down(HOST)

    assert measured(session) == [False, True]
    assert set(objects.list_keys(keys.vectors_prefix(job.id))) == set(parts)


def test_vectors_go_with_the_bytes(
    session: Session, job: CrawlJob, parts: list[str], take_down: Callable[..., str]
) -> None:
    take_down(HOST | AT_ONCE)

    assert list(objects.list_keys(keys.vectors_prefix(job.id))) == parts[1:]
    assert measured(session) == [False, True]


def test_other_pictures_of_a_part_are_to_be_measured_anew(
    session: Session, job: CrawlJob, store: Store, take_down: Callable[..., str]
) -> None:
    cat, dog = store(CAT, DOG, each={CAT: ON_HOST | MEASURED, DOG: MEASURED})
    part = keys.vectors_part(cat.id, dog.id, job.id, 0)
    objects.put(keys.vectors(job.id, "palette", part), b"vectors")

    take_down(HOST | AT_ONCE)

    assert not list(objects.list_keys(keys.vectors_prefix(job.id)))
    assert measured(session) == [False, False]
