#!/usr/bin/env bash
# One would expect: a matrix product whose weights are int8 behind a DequantizeLinear node, and whose activations are
# floats with no QuantizeLinear anywhere, is computed in floats; graph optimisation changes its result by rounding alone.
#
# What happens: with its default optimisation level onnxruntime replaces both nodes by a product of its own in which the
# activations too are rounded to 8 bits. The result is off by about a percent of its size, a thousand times float
# rounding. With ORT_DISABLE_ALL it is the float result. Nothing in the file asks for integer activations, so a golden
# value made with a default session is not the network's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(1)
inner, outer = 64, 32
weight = rng.standard_normal((inner, outer)).astype(np.float32)
scale = (np.abs(weight).max(0) / 127).astype(np.float32)
stored = np.round(weight / scale).astype(np.int8)
x = rng.standard_normal((10, inner)).astype(np.float32)
constants = [("q", stored), ("scale", scale), ("zero", np.zeros(outer, np.int8))]
graph = helper.make_graph(
    [helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["w"], axis=1), helper.make_node("MatMul", ["x", "w"], ["y"])],
    "product",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", inner])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", outer])],
    [numpy_helper.from_array(v, n) for n, v in constants],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
onnx.checker.check_model(model, full_check=True)


def run(level):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


exact = x.astype(np.float64) @ (stored * scale.astype(np.float64))
off = {name: float(np.abs(run(getattr(ort.GraphOptimizationLevel, name)) - exact).max()) for name in ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL")}
print("onnxruntime", ort.__version__, "| largest value", round(float(np.abs(exact).max()), 2), "| largest error", {k: f"{v:.1e}" for k, v in off.items()})
assert off["ORT_DISABLE_ALL"] < 1e-4, "the unoptimised product is no longer exact"
assert off["ORT_ENABLE_ALL"] > 1e-2, "the optimised product is exact now: this finding is over"
PYTHON
