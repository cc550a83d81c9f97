// The wasm that measures this machine's limits: it streams through memory, and multiplies as fast as plain SIMD can,
// each in several unrolled variants of which the fastest counts.
import wabt from "wabt";

const VECTOR_BYTES = 16;
/** Inputs of one dot product; both channels' lie in the first bytes of memory. */
const INPUTS = 768;
/** Where the buffer under test begins. */
export const BUFFER_AT = 65_536;

/** Wasm bytes, and the names of the variants by what they measure. */
export async function limitsWasm(largestBytes) {
  const stream = [4, 8, 16].flatMap((loads) => [2, 4].map((sums) => streaming(loads, sums)));
  const int8 = [1, 2, 4].flatMap((rows) => [true, false].map((whole) => int8Products(rows, whole)));
  const f32 = [2, 4, 6].map(f32Products);
  const pages = Math.ceil((BUFFER_AT + largestBytes) / 65_536) + 1;
  const functions = [...stream, ...int8, ...f32].map(({ name, text }) => `(func (export "${name}") ${text})`);
  const module = `(module (memory (export "memory") ${pages}) ${functions.join("\n")})`;
  const { parseWat } = await wabt();
  const parsed = parseWat("limits.wat", module, { simd: true });
  const bytes = parsed.toBinary({}).buffer;
  parsed.destroy();
  const names = (list) => list.map(({ name, step }) => ({ name, step }));
  return { bytes, variants: { stream: names(stream), int8: names(int8), f32: names(f32) } };
}

/** A function `(bytes, times) -> sum` that runs `body` on every `step` bytes of the buffer, again and again. */
function over(name, step, locals, body, sums) {
  const total = sums.slice(1).reduce((sum, x) => `(i32x4.add ${sum} (local.get ${x}))`, `(local.get ${sums[0]})`);
  const text = `(param $bytes i32) (param $times i32) (result i32)
    (local $at i32) (local $end i32) ${locals.map((x) => `(local ${x})`).join(" ")}
    (local.set $end (i32.add (i32.const ${BUFFER_AT}) (local.get $bytes)))
    (loop $again
      (local.set $at (i32.const ${BUFFER_AT}))
      (loop $next
        ${body}
        (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
      (local.set $times (i32.sub (local.get $times) (i32.const 1)))
      (br_if $again (local.get $times)))
    (i32x4.extract_lane 0 ${total})`;
  return { name, step, text };
}

const range = (count) => Array.from({ length: count }, (_, i) => i);

function streaming(loads, count) {
  const sums = range(count).map((i) => `$s${i}`);
  const step = loads * VECTOR_BYTES;
  const body = range(loads).map((i) => {
    const sum = sums[i % count];
    return `(local.set ${sum} (i32x4.add (local.get ${sum}) (v128.load offset=${i * VECTOR_BYTES} (local.get $at))))`;
  });
  const advance = `(local.set $at (i32.add (local.get $at) (i32.const ${step})))`;
  return over(`stream_${loads}_${count}`, step, sums.map((x) => `${x} v128`), [...body, advance].join("\n"), sums);
}

/**
 * Dot products of `rows` rows of int8 weights at a time with the 16-bit inputs of both channels. Weights are packed
 * so that they are read in order; `whole` loads 16 and widens them, else 8 are widened as they are loaded.
 */
function int8Products(rows, whole) {
  const sums = range(2 * rows).map((i) => `$s${i}`);
  const inputs = ["$u0", "$u1", "$a0", "$a1"];
  const load = (half) => {
    const channel = (at) => `(v128.load offset=${at + half * VECTOR_BYTES} (local.get $x))`;
    return `(local.set $u${half} ${channel(0)}) (local.set $a${half} ${channel(INPUTS * 2)})`;
  };
  const add = (sum, half, channel) => {
    const product = `(i32x4.dot_i16x8_s (local.get $w${half}) (local.get $${channel}${half}))`;
    return `(local.set ${sum} (i32x4.add (local.get ${sum}) ${product}))`;
  };
  const row = (i) => {
    const widened = (half) => {
      if (!whole) return `(v128.load8x8_s offset=${i * VECTOR_BYTES + half * 8} (local.get $at))`;
      return `(i16x8.extend_${half ? "high" : "low"}_i8x16_s (local.get $w))`;
    };
    return [
      whole ? `(local.set $w (v128.load offset=${i * VECTOR_BYTES} (local.get $at)))` : "",
      ...[0, 1].map((half) => `(local.set $w${half} ${widened(half)})`),
      ...[0, 1].flatMap((half) => [add(sums[2 * i], half, "u"), add(sums[2 * i + 1], half, "a")]),
    ].join("\n");
  };
  const body = inner(INPUTS / 16, 32, rows, [load(0), load(1), ...range(rows).map(row)]);
  const locals = ["$x i32", "$left i32", ...[...sums, ...inputs, "$w", "$w0", "$w1"].map((x) => `${x} v128`)];
  return over(`int8_${rows}_${whole ? "whole" : "half"}`, INPUTS * rows, locals, body, sums);
}

/** The same with f32 weights and inputs. */
function f32Products(rows) {
  const sums = range(2 * rows).map((i) => `$s${i}`);
  const load = `(local.set $u (v128.load (local.get $x)))
    (local.set $a (v128.load offset=${INPUTS * 4} (local.get $x)))`;
  const add = (sum, input) =>
    `(local.set ${sum} (f32x4.add (local.get ${sum}) (f32x4.mul (local.get $w) (local.get ${input}))))`;
  const row = (i) => `(local.set $w (v128.load offset=${i * VECTOR_BYTES} (local.get $at)))
    ${add(sums[2 * i], "$u")} ${add(sums[2 * i + 1], "$a")}`;
  const body = inner(INPUTS / 4, 16, rows, [load, ...range(rows).map(row)]);
  const locals = ["$x i32", "$left i32", ...[...sums, "$u", "$a", "$w"].map((x) => `${x} v128`)];
  return over(`f32_${rows}`, INPUTS * 4 * rows, locals, body, sums);
}

/** The loop over the inputs of one block of rows; each turn takes one vector of every row. */
function inner(turns, inputBytes, rows, body) {
  return `(local.set $x (i32.const 0)) (local.set $left (i32.const ${turns}))
    (loop $inputs
      ${body.join("\n")}
      (local.set $x (i32.add (local.get $x) (i32.const ${inputBytes})))
      (local.set $at (i32.add (local.get $at) (i32.const ${rows * VECTOR_BYTES})))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $inputs (local.get $left)))`;
}
