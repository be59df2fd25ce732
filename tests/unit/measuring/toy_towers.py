"""A pair of towers for tests: pictures and texts about red, green and blue."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from tests.unit.measuring import toy_models

WORDS = {"[PAD]": 0, "[UNK]": 1, "a": 2, "photo": 3, "of": 4, "red": 5, "green": 6, "blue": 7}
FOLDER = "models/toy"
SIDE, LENGTH = 16, 6
SETTINGS = {
    "side": SIDE,
    "mean": [0, 0, 0],
    "deviation": [1, 1, 1],
    "length": LENGTH,
}


def image_tower(
    n_out: int = 3, kind: int = TensorProto.FLOAT, outputs: Sequence[str] = ("image_embeds",)
) -> bytes:
    """The mean of each channel, three numbers; further outputs before the last are of zeros."""
    nodes = [helper.make_node("ReduceMean", ["pixel_values"], ["mean"], axes=[2, 3], keepdims=0)]
    nodes += [helper.make_node("Sub", ["mean", "mean"], [name]) for name in outputs[:-1]]
    nodes += [helper.make_node("Slice", ["mean", "begin", "end"], [outputs[-1]])]
    bounds = [
        numpy_helper.from_array(np.array([0, 0]), "begin"),
        numpy_helper.from_array(np.array([1_000, n_out]), "end"),
    ]
    return toy_models.serialized(
        nodes,
        {"pixel_values": ["n", 3, SIDE, SIDE]},
        {name: ["n", n_out] for name in outputs},
        bounds,
        dict.fromkeys(["pixel_values", *outputs], kind),
    )


def text_tower(kind: int = TensorProto.INT64, with_mask: bool = True) -> bytes:
    """The sum of three numbers for each token; words of colours have one number of 1."""
    table = np.zeros((len(WORDS), 3), np.float32)
    table[5:8] = np.eye(3)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("ReduceSum", ["rows", "axis"], ["sum"], keepdims=0),
    ]
    inputs = {"input_ids": ["n", LENGTH]}
    if with_mask:
        inputs["attention_mask"] = ["n", LENGTH]
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMax", ["mask"], ["any"], axes=[1], keepdims=1),
            helper.make_node("Mul", ["sum", "any"], ["text_embeds"]),
        ]
    else:
        nodes += [helper.make_node("Identity", ["sum"], ["text_embeds"])]
    constants = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array([1]), "axis"),
    ]
    types = dict.fromkeys(inputs, kind)
    return toy_models.serialized(nodes, inputs, {"text_embeds": ["n", 3]}, constants, types)


def tokenizer() -> bytes:
    made = Tokenizer(WordLevel(WORDS, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    text: str = made.to_str()
    return text.encode()


def files(**other: bytes) -> dict[str, bytes]:
    whole = {
        "settings": json.dumps(SETTINGS).encode(),
        "image": image_tower(),
        "text": text_tower(),
        "tokenizer": tokenizer(),
    } | other
    suffixes = {"settings": "json", "tokenizer": "json", "image": "onnx", "text": "onnx"}
    return {f"{name}.{suffixes[name]}": body for name, body in whole.items()}


def write(folder: Path) -> Path:
    """The files, in a folder of this machine."""
    for name, body in files().items():
        (folder / name).write_bytes(body)
    return folder


def settings(**other: object) -> bytes:
    return json.dumps(SETTINGS | other).encode()
