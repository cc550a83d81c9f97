// A small writer of ONNX files: nodes and constants are added one by one, shapes are left to the reader.
// Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
import { bytes, float, integer, message } from "./protobuf.mjs";

const IR_VERSION = 10;
/** The first that has Gelu is 20. */
const OPSET = 21;
const TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 };
const ATTRIBUTE = { float: 1, integer: 2, integers: 7 };

/** A graph under construction. Values are named by strings. */
export class Graph {
  #nodes = [];
  #constants = [];
  #inputs = [];
  #outputs = [];
  #renamed = new Map();
  #count = 0;

  /** Declares an input and gives its name. */
  input(name, shape, type = "float32") {
    this.#inputs.push(valueInfo(name, shape, type));
    return name;
  }

  /** Makes `value` the output `name`. */
  output(name, value, shape, type = "float32") {
    this.#renamed.set(value, name);
    this.#outputs.push(valueInfo(name, shape, type));
  }

  /** A constant tensor. */
  constant(data, shape, type = "float32") {
    const name = `c${this.#count++}`;
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const dims = shape.map((x) => integer(1, x));
    this.#constants.push(message(dims, integer(2, TYPES[type]), bytes(8, name), bytes(9, raw)));
    return name;
  }

  /** A constant list of integers, as shapes and axes are given. */
  integers(...values) {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length], "int64");
  }

  /** One operator with one output. */
  op(type, inputs, attributes = {}) {
    return this.split(type, inputs, 1, attributes)[0];
  }

  /** One operator with several outputs. */
  split(type, inputs, outputs, attributes = {}) {
    const names = Array.from({ length: outputs }, () => `v${this.#count++}`);
    this.#nodes.push({ type, inputs, names, attributes });
    return names;
  }

  /** The file. */
  encode(name) {
    const final = (value) => this.#renamed.get(value) ?? value;
    const graph = message(
      this.#nodes.map((x) => bytes(1, node(x.type, x.inputs.map(final), x.names.map(final), x.attributes))),
      bytes(2, name),
      this.#constants.map((x) => bytes(5, x)),
      this.#inputs.map((x) => bytes(11, x)),
      this.#outputs.map((x) => bytes(12, x)),
    );
    const opset = message(bytes(1, ""), integer(2, OPSET));
    return message(integer(1, IR_VERSION), bytes(2, "vap-turn-bench"), bytes(7, graph), bytes(8, opset));
  }
}

function node(type, inputs, outputs, attributes) {
  return message(
    inputs.map((x) => bytes(1, x)),
    outputs.map((x) => bytes(2, x)),
    bytes(3, `${type}_${outputs[0]}`),
    bytes(4, type),
    Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
  );
}

/** `{ float: x }`, a whole number, or a list of them. */
function attribute(name, value) {
  if (Array.isArray(value)) {
    return message(bytes(1, name), value.map((x) => integer(8, x)), integer(20, ATTRIBUTE.integers));
  }
  if (typeof value === "number") return message(bytes(1, name), integer(3, value), integer(20, ATTRIBUTE.integer));
  return message(bytes(1, name), float(2, value.float), integer(20, ATTRIBUTE.float));
}

function valueInfo(name, shape, type) {
  const dims = shape.map((x) => bytes(1, integer(1, x)));
  const tensor = message(integer(1, TYPES[type]), bytes(2, message(dims)));
  return message(bytes(1, name), bytes(2, bytes(1, tensor)));
}
