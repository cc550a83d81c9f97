"""A tiny network with the layout of Smart Turn v3.2's ONNX file, and what onnxruntime hears with it, for tests.rs.

    pip install onnx==1.23.2 onnxruntime==1.32.0 numpy safetensors
    python vap-train-native/src/teachers/import/tests/golden/make_tiny.py

Weights are random. As in that file: weights are int8 with a scale an output (one a tensor in places), products of the
encoder have names without meaning, keys no bias, both halves of a score are scaled, GELU is spelled out, a value is
quantised before each product. What is heard is heard without this last, so that it is the network's and not that of
its rounding.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

DIM, HEADS, WIDE, LAYERS, FRAMES, BANDS = 16, 2, 32, 2, 12, 80
rng, nodes, initializers, count, rounding = None, [], [], 0, True


def fresh(word="val"):
    global count
    count += 1
    return f"{word}_{count}"


def constant(values, name=None):
    name = name or fresh()
    initializers.append(numpy_helper.from_array(np.asarray(values), name))
    return name


def node(kind, inputs, **attributes):
    name = fresh(kind.lower())
    nodes.append(helper.make_node(kind, inputs, [name], **attributes))
    return name


def stored(values, axis=None, kind=np.int8, name=None):
    """A constant as integers, dequantised."""
    lowest, highest = np.iinfo(kind).min, np.iinfo(kind).max
    if axis is None:
        low, high = min(values.min(), 0.0), max(values.max(), 0.0)
        scale = np.float32((high - low) / (highest - lowest))
        zero = np.asarray(np.round(lowest - low / scale), kind)
        quantised = np.clip(np.round(values / scale) + zero, lowest, highest).astype(kind)
    else:
        others = tuple(i for i in range(values.ndim) if i != axis)
        scale = (np.abs(values).max(others) / highest).astype(np.float32)
        zero = np.zeros(scale.shape, kind)
        shape = [-1 if i == axis else 1 for i in range(values.ndim)]
        quantised = np.round(values / scale.reshape(shape)).astype(kind)
    name = name or fresh()
    inputs = [constant(quantised, f"{name}_quantized"), constant(scale, f"{name}_scale"), constant(zero, f"{name}_zero_point")]
    attributes = {} if axis is None else {"axis": axis}
    return node("DequantizeLinear", inputs, **attributes)


def rounded(value, reach=8.0):
    """A value through 8 bits and back."""
    if not rounding:
        return value
    scale, zero = constant(np.float32(reach / 128)), constant(np.uint8(128))
    return node("DequantizeLinear", [node("QuantizeLinear", [value, scale, zero]), scale, zero])


def draw(*shape, scale=None):
    return rng.standard_normal(shape).astype(np.float32) * (scale or 1 / np.sqrt(np.prod(shape[1:]) if len(shape) > 1 else 16))


def gelu(value):
    inner = node("Erf", [node("Div", [value, constant(np.float32(np.sqrt(2)))])])
    inner = node("Mul", [constant(np.float32(0.5)), node("Add", [inner, constant(np.float32(1))])])
    return node("Mul", [value, inner])


def product(value, out, inner, bias=None, kind=np.int8, axis=1):
    weight = stored(draw(out, inner).T.copy(), axis if kind == np.int8 else None, kind)
    y = node("MatMul", [value, weight])
    return y if bias is None else node("Add", [rounded(y), constant(draw(out, scale=0.2), bias)])


def norm(value, name, dim=DIM):
    weight, bias = constant(1 + draw(dim, scale=0.2), f"{name}.weight"), constant(draw(dim, scale=0.2), f"{name}.bias")
    return node("LayerNormalization", [value, weight, bias], axis=-1, epsilon=1e-5)


def split(value):
    shape = constant(np.array([-1, FRAMES, HEADS, DIM // HEADS]))
    return node("Transpose", [node("Reshape", [value, shape])], perm=[0, 2, 1, 3])


def layer(x, at):
    own = rounded(norm(x, f"{at}.self_attn_layer_norm"))
    # Not in the order in which they are used.
    key = split(product(own, DIM, DIM))
    value = split(product(own, DIM, DIM, f"{at}.self_attn.v_proj.bias"))
    query = split(product(own, DIM, DIM, f"{at}.self_attn.q_proj.bias", np.uint8))
    half = constant(np.array([(DIM // HEADS) ** -0.25], np.float32))
    query = rounded(node("Mul", [query, half]))
    key = rounded(node("Mul", [node("Transpose", [key], perm=[0, 1, 3, 2]), half]))
    weights = rounded(node("Softmax", [rounded(node("MatMul", [query, key]))], axis=-1))
    mixed = node("Transpose", [node("MatMul", [weights, rounded(value)])], perm=[0, 2, 1, 3])
    mixed = rounded(node("Reshape", [mixed, constant(np.array([-1, FRAMES, DIM]))]))
    x = node("Add", [x, product(mixed, DIM, DIM, f"{at}.self_attn.out_proj.bias")])
    own = rounded(norm(x, f"{at}.final_layer_norm"))
    wide = rounded(gelu(product(own, WIDE, DIM, f"{at}.fc1.bias")))
    return node("Add", [x, product(wide, DIM, WIDE, f"{at}.fc2.bias")])


def convolution(value, inner, stride, name):
    weight = stored(draw(DIM, inner, 3), 0, name=f"{name}.weight")
    bias = constant(draw(DIM, scale=0.2), f"{name}.bias")
    y = node("Conv", [value, weight, bias], kernel_shape=[3], strides=[stride], pads=[1, 1], dilations=[1], group=1)
    return gelu(rounded(y))


def dense(value, out, inner, name):
    weight = stored(draw(out, inner), 0, name=f"{name}.weight")
    scale = np.float32(1e-6)
    bias = np.round(draw(out, scale=0.2) / scale).astype(np.int32)
    bias = node("DequantizeLinear", [constant(bias, f"{name}.bias_quantized"), constant(scale), constant(np.int32(0))])
    return node("Gemm", [rounded(value), weight, bias], transB=1)


def build(with_rounding):
    """The model, and the name of the frames behind its encoder's last norm."""
    global rng, nodes, initializers, count, rounding
    rng, nodes, initializers, count, rounding = np.random.default_rng(3), [], [], 0, with_rounding
    x = rounded("input_features")
    x = convolution(x, BANDS, 1, "inner.encoder.conv1")
    x = convolution(rounded(x), DIM, 2, "inner.encoder.conv2")
    x = node("Transpose", [x], perm=[0, 2, 1])
    x = node("Add", [x, constant(draw(FRAMES, DIM, scale=0.5), "inner.encoder.embed_positions.weight")])
    for i in range(LAYERS):
        x = layer(x, f"inner.encoder.layers.{i}")
    frames = norm(x, "inner.encoder.layer_norm")
    heard = rounded(frames)
    hidden = rounded(node("Tanh", [product(heard, 8, DIM, "inner.pool_attention.0.bias")]))
    weights = node("Softmax", [product(hidden, 1, 8, "inner.pool_attention.2.bias")], axis=1)
    pooled = node("ReduceSum", [node("Mul", [heard, weights]), constant(np.array([1]))], keepdims=0)
    y = gelu(norm(dense(pooled, 8, DIM, "inner.classifier.0"), "inner.classifier.1", 8))
    y = dense(gelu(dense(y, 4, 8, "inner.classifier.4")), 1, 4, "inner.classifier.6")
    nodes.append(helper.make_node("Sigmoid", [y], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input_features", TensorProto.FLOAT, ["batch", BANDS, 2 * FRAMES])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model, frames


here = Path(__file__).parent
onnx.save(build(True)[0], here / "tiny.onnx")
model, frames = build(False)
model.graph.output.append(helper.make_tensor_value_info(frames, TensorProto.FLOAT, None))
# Optimised, onnxruntime computes products with integer weights on activations of 8 bits.
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
features = np.random.default_rng(4).standard_normal((2, BANDS, 2 * FRAMES)).astype(np.float32)
ended, inside = session.run(["logits", frames], {"input_features": features})
save_file({"features": features, "frames": inside, "ended": ended}, here / "tiny.safetensors")
print(inside.shape, inside.std(), ended.ravel())
