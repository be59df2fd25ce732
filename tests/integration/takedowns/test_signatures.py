"""The small picture that near duplicates are compared by goes with what is taken down."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.models import Image
from tests.integration.takedowns.stored_images import AT_ONCE, CAT, DOG, HOST, ON_HOST, Store

pytestmark = pytest.mark.usefixtures("bucket")

SIGNATURE = bytes([128]) * 1153


@pytest.mark.parametrize("when", [{}, AT_ONCE], ids=["hidden", "at_once"])
def test_signatures_are_erased_with_what_is_taken_down(
    session: Session,
    store: Store,
    take_down: Callable[..., str],
    when: dict[str, Any],
) -> None:
    signed = {"signature": SIGNATURE}
    store(CAT, DOG, each={CAT: ON_HOST | signed, DOG: signed})

    take_down(HOST | when)

    kept = session.scalars(select(Image.signature).order_by(Image.id)).all()
    assert kept == [None, SIGNATURE]
