from typing import Any

import pytest

from crawlset import pipeline
from crawlset.errors import UnprocessableError


class TestCheck:
    @pytest.mark.parametrize("rules", [None, {}, {"min_width": 5}])
    @pytest.mark.parametrize("export", [None, {}, {"format": "imagefolder"}])
    def test_accepts_what_can_be_followed(self, rules: Any, export: Any) -> None:
        pipeline.check(rules, export)

    @pytest.mark.parametrize(
        ("rules", "export", "pointer"),
        [
            ({"min_width": -1}, None, "/validation_rules/min_width"),
            ({"min_width": 9, "max_width": 8}, None, "/validation_rules"),
            ({"formats": ["jpeg", "bmp"]}, None, "/validation_rules/formats/1"),
            (None, {"format": "coco"}, "/export/format"),
            (None, {"formats": "imagefolder"}, "/export/formats"),
            (None, {"validation_job_id": None}, "/export/validation_job_id"),
            (None, {"export_options": {"splits": {"train": 2}}}, "/export/export_options/splits"),
        ],
    )
    def test_points_at_what_cannot(self, rules: Any, export: Any, pointer: str) -> None:
        with pytest.raises(UnprocessableError) as raised:
            pipeline.check(rules, export)

        assert str(raised.value.pointer).startswith(pointer)
