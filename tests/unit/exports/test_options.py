import json
import re
from pathlib import Path

from crawlset.exports.options import ExportOptions

PAGE = Path(__file__).parents[3] / "docs/exports.md"


def test_the_guide_shows_options_that_are_understood() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)

    options = ExportOptions.model_validate_json(shown)

    assert options.classes == {"kitten": "cat", "logo": None}
    assert options.model_fields_set == set(json.loads(shown))
    named = set(re.findall(r"`([a-z_]+)`", PAGE.read_text())) | set(json.loads(shown))
    assert set(ExportOptions.model_fields) <= named
