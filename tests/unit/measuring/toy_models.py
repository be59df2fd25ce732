"""Small ONNX models, made here."""

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

OPSET = helper.make_opsetid("", 17)
IR_VERSION = 9


def linear(n_in: int = 3, n_out: int = 2) -> bytes:
    """y = x W, where W is counted up from 0: x is n x `n_in`."""
    weights = np.arange(n_in * n_out, dtype=np.float32).reshape(n_in, n_out)
    return serialized(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        {"x": ["n", n_in]},
        {"y": ["n", n_out]},
        [numpy_helper.from_array(weights, "w")],
    )


def outside(location: str) -> bytes:
    """A model that wants its weights read from a file of this path."""
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3, 2])
    weights.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": "24"}.items():
        weights.external_data.add(key=key, value=value)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    return serialized([node], {"x": ["n", 3]}, {"y": ["n", 2]}, [weights])


def serialized(nodes, inputs, outputs, weights=(), types=None) -> bytes:
    """A model of these nodes; inputs and outputs are float32 unless `types` says otherwise."""
    kinds = types or {}

    def stated(shapes):
        return [
            helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), shape)
            for name, shape in shapes.items()
        ]

    graph = helper.make_graph(nodes, "toy", stated(inputs), stated(outputs), list(weights))
    made: ModelProto = helper.make_model(graph, opset_imports=[OPSET], ir_version=IR_VERSION)
    data: bytes = made.SerializeToString()
    return data
