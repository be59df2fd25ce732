"""What each measurer that is built in may do, and how rules know it."""

import pytest

from crawlset.measuring.base import MAX_SIDE
from tests.infra.permissions import MEASURERS, TOWERS, actions_of, objects_that
from tests.infra.stack import environment, texts, written


@pytest.mark.parametrize("name", MEASURERS)
class TestMeasurer:
    def test_reads_its_batch_and_pictures_and_writes_its_answer(self, name: str) -> None:
        assert actions_of(name) == {"s3:GetObject", "s3:PutObject"}
        assert objects_that(name, "s3:GetObject") == {"measurements", "answer", "pack"}
        assert objects_that(name, "s3:PutObject") == {"answer", "npy"}

    def test_is_known_by_its_name_and_version(self, name: str) -> None:
        entry = f"{MEASURERS[name].name}@{MEASURERS[name].version}=${{{name}.Arn}}"

        for judging in ("ApiFunction", "FindFunction", "TickFunction", "ValidateFunction"):
            assert entry in {*texts(environment(judging)["MEASURER_ARNS"])}

    def test_opens_no_larger_pictures_than_a_decoding_child_shows(self, name: str) -> None:
        assert 1 <= MEASURERS[name].max_side <= MAX_SIDE


class TestTowers:
    def test_read_their_models_besides(self) -> None:
        assert actions_of(TOWERS) == {"s3:GetObject", "s3:PutObject"}
        assert objects_that(TOWERS, "s3:GetObject") == {"measurements", "answer", "pack", "model"}
        assert objects_that(TOWERS, "s3:PutObject") == {"answer", "npy"}

    def test_are_deployed_and_known_where_a_folder_is_named(self) -> None:
        template = written()
        entry = "towers@${TowersVersion}=${TowersFunction.Arn}"

        assert template["Resources"][TOWERS]["Condition"] == "HasTowers"
        assert template["Parameters"]["TowersFolder"]["Default"] == ""
        for judging in ("ApiFunction", "FindFunction", "TickFunction", "ValidateFunction"):
            assert entry in {*texts(environment(judging)["MEASURER_ARNS"])}
