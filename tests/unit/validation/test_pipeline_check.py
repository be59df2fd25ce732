from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from crawlset.errors import UnprocessableError
from crawlset.pipeline import service as pipeline


class TestCheck:
    @pytest.mark.parametrize("rules", [None, {}, {"preset": "strict"}])
    @pytest.mark.parametrize("export", [None, {}, {"format": "imagefolder"}])
    def test_accepts_what_can_be_followed(self, rules: Any, export: Any) -> None:
        pipeline.check(Session(), UUID(int=7), rules, export)

    @pytest.mark.parametrize(
        ("rules", "export", "pointer"),
        [
            ({"min_width": 5}, None, "/validation_rules/min_width"),
            ({"preset": "harsh"}, None, "/validation_rules/preset"),
            ({"rules": [{"check": "beauty"}]}, None, "/validation_rules/rules/0"),
            (None, {"format": "pascal_voc"}, "/export/format"),
            (None, {"formats": "imagefolder"}, "/export/formats"),
            (None, {"validation_job_id": None}, "/export/validation_job_id"),
            (None, {"export_options": {"splits": {"train": 2}}}, "/export/export_options/splits"),
        ],
    )
    def test_points_at_what_cannot(self, rules: Any, export: Any, pointer: str) -> None:
        with pytest.raises(UnprocessableError) as raised:
            pipeline.check(Session(), UUID(int=7), rules, export)

        assert str(raised.value.pointer).startswith(pointer)
