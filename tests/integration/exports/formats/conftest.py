import io

import numpy as np
import pytest
from PIL import Image as Pillow
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob
from crawlset.outcomes import ImageStatus, Outcome
from tests import factories
from tests.integration.exports.formats.downloads import CLASSES
from tests.integration.exports.steps import Store

HOSTILE = ("=cmd()", "../../up", "a\nb", "x" * 300, "\u202egpj.exe", '","', "</script>", "'")


def picture(seed: int, image_format: str) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 32 + seed % 5, 3), np.uint8)
    out = io.BytesIO()
    options = {"quality": 90} if image_format in {"JPEG", "WEBP"} else {}
    Pillow.fromarray(pixels).save(out, image_format, **options)
    return out.getvalue()


@pytest.fixture
def job(job: CrawlJob, session: Session, store: Store) -> CrawlJob:
    """Three classes of eight images in four formats, with hostile texts, and what failed."""
    formats = ["jpeg", "jpeg", "png", "webp", "gif", "jpeg", "png", "jpeg"]
    for label, keyword in enumerate(CLASSES):
        for at, image_format in enumerate(formats):
            seed = label * 100 + at
            body = picture(seed, image_format.upper())
            with Pillow.open(io.BytesIO(body)) as opened:
                width, height = opened.size
            store(
                [body],
                keyword=keyword,
                format=image_format,
                width=width,
                height=height,
                creator=HOSTILE[at],
                title=HOSTILE[-at],
                embedded={"creator": HOSTILE[at], "latitude": 48.5, "longitude": 2.0}
                if at % 2
                else None,
                landing_url=None if at % 2 else f"https://example.org/{seed}",
                licence=[None, "cc-by-4.0", "cc0-1.0", "cc-by-nc-sa-2.0"][at % 4],
            )
    chunk = factories.create_chunk(session, job)
    factories.create_image(session, chunk, status=ImageStatus.failed, outcome=Outcome.http_404)
    return job
