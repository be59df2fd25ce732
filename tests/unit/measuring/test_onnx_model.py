"""Models from a folder, a package and S3: run when they are whole, one clear error when not."""

import sys

import boto3
import numpy as np
import pytest

from crawlset.measuring import onnx_model
from crawlset.measuring.onnx_model import ModelDamagedError, ModelMissingError, OnnxModel
from tests.mocked_aws import mocked_aws
from tests.unit.measuring import toy_models


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELS_FOLDER", str(tmp_path))
    return tmp_path


@pytest.fixture
def s3():
    with mocked_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="models")
        yield client


class TestOnnxModel:
    @pytest.mark.parametrize("n", [1, 1_000])
    def test_runs_batches(self, n: int) -> None:
        model = OnnxModel(toy_models.linear(), name="toy")

        (answer,) = model.run({"x": np.ones((n, 3), np.float32)})

        assert answer.tolist() == [[6.0, 9.0]] * n

    def test_tells_its_inputs_and_outputs(self) -> None:
        model = OnnxModel(toy_models.linear(4, 5), name="toy")

        assert (model.inputs, model.outputs) == ({"x": ("n", 4)}, {"y": ("n", 5)})

    @pytest.mark.parametrize(
        "data",
        [b"", b"not a model", toy_models.linear()[:-10], toy_models.linear()[:40]],
        ids=["empty", "text", "cut-late", "cut-early"],
    )
    def test_refuses_what_is_no_model(self, data: bytes) -> None:
        with pytest.raises(ModelDamagedError, match=r"^The model toy is damaged"):
            OnnxModel(data, name="toy")

    @pytest.mark.parametrize("location", ["/etc/passwd", "../../../../etc/passwd", "weights.bin"])
    def test_refuses_weights_outside(self, location: str, tmp_path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "weights.bin").write_bytes(bytes(24))

        with pytest.raises(ModelDamagedError):
            OnnxModel(toy_models.outside(location), name="toy")

    @pytest.mark.parametrize(
        "feeds",
        [
            {"x": np.ones((1, 4), np.float32)},
            {"x": np.ones((1, 3), np.float64)},
            {"z": np.ones((1, 3), np.float32)},
            {},
        ],
        ids=["shape", "type", "name", "none"],
    )
    def test_says_when_it_does_not_take_what_it_gets(self, feeds) -> None:
        model = OnnxModel(toy_models.linear(), name="toy")

        with pytest.raises(ModelDamagedError, match="toy"):
            model.run(feeds)

    def test_says_when_onnxruntime_is_not_installed(self, monkeypatch) -> None:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)

        with pytest.raises(ModelMissingError, match="uv sync --extra models"):
            OnnxModel(toy_models.linear(), name="toy")


class TestReadInstalled:
    def test_reads_from_the_folder_that_is_named(self, folder) -> None:
        (folder / "toy.onnx").write_bytes(b"model")

        assert onnx_model.read_installed("toy.onnx") == b"model"

    def test_says_how_a_missing_one_is_installed(self, folder) -> None:
        with pytest.raises(ModelMissingError, match=r"toy.onnx is missing: .*make models"):
            onnx_model.read_installed("toy.onnx")

    def test_says_when_it_cannot_be_read(self, folder) -> None:
        (folder / "toy.onnx").mkdir()

        with pytest.raises(ModelDamagedError, match=r"toy.onnx"):
            onnx_model.read_installed("toy.onnx")

    def test_refuses_one_that_is_too_large(self, folder) -> None:
        with (folder / "toy.onnx").open("wb") as sparse:
            sparse.truncate(onnx_model.MAX_MODEL_BYTES + 1)

        with pytest.raises(ModelDamagedError, match="1,073,741,825 bytes"):
            onnx_model.read_installed("toy.onnx")


class TestReadPackaged:
    def test_reads_a_file_of_a_package(self) -> None:
        assert onnx_model.read_packaged("crawlset.measuring", "__init__.py").startswith(b'"""')

    @pytest.mark.parametrize(
        ("package", "path"), [("no_such_package", "m.onnx"), ("crawlset", "m.onnx")]
    )
    def test_says_when_it_is_not_installed(self, package: str, path: str) -> None:
        with pytest.raises(ModelMissingError, match=f"{package}/{path} is missing"):
            onnx_model.read_packaged(package, path)


class TestReadStored:
    def test_reads_an_object(self, s3) -> None:
        s3.put_object(Bucket="models", Key="a/image.onnx", Body=b"model")

        assert onnx_model.read_stored(s3, "models", "a/image.onnx") == b"model"

    @pytest.mark.parametrize(("bucket", "key"), [("models", "a/image.onnx"), ("none", "a")])
    def test_says_when_there_is_none(self, s3, bucket: str, key: str) -> None:
        with pytest.raises(ModelMissingError, match=f"s3://{bucket}/{key} is missing"):
            onnx_model.read_stored(s3, bucket, key)

    def test_refuses_one_that_is_too_large(self, s3, monkeypatch) -> None:
        monkeypatch.setattr(onnx_model, "MAX_MODEL_BYTES", 4)
        s3.put_object(Bucket="models", Key="m", Body=b"model")

        with pytest.raises(ModelDamagedError, match="5 bytes"):
            onnx_model.read_stored(s3, "models", "m")
