// Whatever a program does wrong, by the thousand and seeded: a typed error or a defined result, never a fault of the
// binary. `VAP_FUZZ_CASES=100000 node --test test/fuzz.test.js` for a long run.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import xxhash from "xxhash-wasm";
import { ERROR_CODES, TurnDetector, TurnModel, VapTurnError, analyze, createPool, decodeG711, decodeWav, steps, turnEvents } from "../dist/index.js";
import { numbers, shortCall, wav } from "./support.js";
import { randomModel } from "../bench/model.mjs";

const CASES = Number(process.env.VAP_FUZZ_CASES ?? 3000);
/** Shares of the cases; together they are the whole. */
const SHARES = { calls: 0.5, states: 0.2, models: 0.1, files: 0.09, options: 0.05, recordings: 0.04, pool: 0.02 };

/** Every kind of layer, small enough for many. */
const TINY = { name: "tiny", dim: 16, channel_layers: 1, num_layers: 1, heads: 2, context_frames: 8, feed_forward_factor: 4, norm_epsilon: 1e-5 };

let call, bytes, model;
before(async () => {
  call = await shortCall();
  bytes = Buffer.from(randomModel(TINY, "int8"));
  model = await TurnModel.load({ model: bytes });
});

/** SplitMix32: whole numbers below `limit`. */
function dice(seed) {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) % limit;
  };
}

const pick = (below, list) => list[below(list.length)];

/** Runs it: what it gave, or the code of the error, which must be one of the package's and none of the binary's own. */
async function outcome(seed, run) {
  try {
    return { value: await run() };
  } catch (error) {
    assert.ok(error instanceof VapTurnError, `seed ${seed}: ${error?.stack ?? error}`);
    assert.ok(ERROR_CODES.includes(error.code) && error.code !== "internal", `seed ${seed}: ${error.code}: ${error.message}`);
    return { code: error.code };
  }
}

/** Policies and expectations, most of them wrong. */
const POLICIES = [{}, { maxSilenceMs: 700 }, { endThreshold: 0.4, minSilenceMs: 100 }, { maxSilenceMs: NaN }, { endThreshold: 2 }, { nothing: 1 },
  { preset: "fast" }, { preset: "fast", maxFalseCutoff: 0.1 }, { meanLatencyMs: -1 }, null, undefined, 7, "fast", [], Symbol("p")];
const EXPECTED = ["open", "yesno", "digits", "spelling", "letters", "", null, undefined, 7, {}];

function checkOutput(seed, { frames, events }) {
  for (const frame of frames) assert.ok(numbers(frame).slice(1).every((p) => p >= 0 && p <= 1), `seed ${seed}: ${JSON.stringify(frame)}`);
  for (const { timeMs, speaker } of events) assert.ok(Number.isSafeInteger(timeMs) && ["user", "agent"].includes(speaker), `seed ${seed}`);
}

async function cases(t, name, run) {
  const count = Math.ceil(CASES * SHARES[name]);
  const tally = {};
  for (let at = 0; at < count; at++) {
    const seed = at * 7 + Object.keys(SHARES).indexOf(name);
    const said = await run(seed, dice(seed));
    tally[said] = (tally[said] ?? 0) + 1;
  }
  t.diagnostic(`${count} cases: ${JSON.stringify(tally)}`);
  return tally;
}

/** Numbers that are none, numbers too large, and ordinary ones. */
const WILD = [NaN, Infinity, -Infinity, 1e30, -3, 1e-42, -0, 3.4e38];

function sound(below) {
  const length = pick(below, [0, 1, 2, 7, 80, 159, 160, 161, 320, 500, 1000, 4001]);
  const from = below(call.user.samples.length - length);
  const floats = pick(below, [call.user, call.agent]).samples.slice(from, from + length);
  switch (below(14)) {
    case 0: return floats.map((x, at) => (at % 3 === 0 ? pick(below, WILD) : x));
    case 1: return new Float32Array(length).fill(pick(below, WILD));
    case 2: return Int16Array.from(floats, (x) => x * 32768);
    case 3: return Uint8Array.from({ length }, () => below(256));
    case 4: return Buffer.from(Uint8Array.from({ length }, () => below(256)));
    case 5: return undefined;
    case 6: return pick(below, [null, 7, "sound", {}, [0.5], () => 0, Symbol("x"), 10n, new Float64Array(4), new DataView(new ArrayBuffer(4)), new ArrayBuffer(8)]);
    case 7: {
      const kind = pick(below, [Float32Array, Int16Array, Uint8Array]);
      const gone = new kind(length);
      structuredClone(gone.buffer, { transfer: [gone.buffer] });
      return gone;
    }
    case 8: return new Float32Array(new SharedArrayBuffer(4 * length));
    case 9: return new Float32Array(0);
    default: return floats;
  }
}

const RATES = [8000, 8000, 16_000, 44_100, 48_000, 11_025, 4000, 12_345];

test("calls in any order, with any sound", async (t) => {
  const tally = await cases(t, "calls", async (seed, below) => {
    const encoding = pick(below, [undefined, undefined, "alaw", "mulaw", "s16le"]);
    let detector = await TurnDetector.create({ userRate: pick(below, RATES), agentRate: pick(below, RATES), model, encoding });
    let said = "fine";
    for (let step = 0; step <= below(8); step++) {
      const { value, code } = await outcome(seed, async () => {
        switch (below(14)) {
          case 12: return void detector.setPolicy(pick(below, POLICIES));
          case 13: return void detector.expect(pick(below, EXPECTED));
          case 0: return detector.finish();
          case 1: return detector.reset();
          case 2: return below(3) === 0 ? detector.close() : undefined;
          case 3: return void (detector = await TurnDetector.restore(detector.save(), { model, encoding }));
          default: return detector.push(sound(below), sound(below));
        }
      });
      if (value) checkOutput(seed, value);
      said = code ?? said;
    }
    detector.close();
    return said;
  });
  for (const code of ["fine", "option", "closed", "finished"]) assert.ok(tally[code] > 0, code);
  assert.equal(tally.state, undefined, "what was saved is taken");
});

/** Bytes with some of them changed, cut or put in. */
function damaged(below, whole, reach = whole.length) {
  let list = new Uint8Array(whole);
  for (let times = 0; times <= below(4); times++) {
    const at = below(Math.max(1, Math.min(reach, list.length)));
    switch (below(5)) {
      case 0: list[at] ^= 1 << below(8); break;
      case 1: list[at] = below(256); break;
      case 2: list = list.slice(0, at); break;
      case 3: list = Uint8Array.of(...list.subarray(0, Math.min(at, 60)), below(256), ...list.subarray(Math.min(at, 60), 2000)); break;
      default: list.fill(pick(below, [0, 1, 127, 128, 255]), at, at + 8);
    }
  }
  return list;
}

const { h64Raw } = await xxhash();

/** The hash in the header of a state set right, as one would who knows the format. */
function sealed(state) {
  if (state.length < 24) return state;
  const hashed = new Uint8Array(state.length - 16);
  new DataView(hashed.buffer).setBigUint64(0, BigInt(state.length - 24), true);
  hashed.set(state.subarray(24), 8);
  new DataView(state.buffer, state.byteOffset).setBigUint64(16, h64Raw(hashed), true);
  return state;
}

test("states of all kinds", async (t) => {
  const states = [];
  for (const rate of [8000, 16_000, 12_345]) {
    const detector = await TurnDetector.create({ rate, model, policy: { minSpeechMs: 40, vadOnset: 0.5, vadOffset: 0.5 } });
    detector.push(call.user.samples.subarray(0, 9000), call.agent.samples.subarray(500, 9700));
    states.push(detector.save());
    detector.close();
  }
  for (const state of states) assert.deepEqual(sealed(state.slice()), state, "the hash of the header");
  const tally = await cases(t, "states", async (seed, below) => {
    const state = damaged(below, pick(below, states), below(3) === 0 ? undefined : 400);
    if (below(4) > 0) sealed(state);
    let said = "taken";
    const { value, code } = await outcome(seed, () => TurnDetector.restore(state, { model }));
    if (code) return code;
    for (let step = 0; step < 3; step++) {
      const told = await outcome(seed, () => (step < 2 ? value.push(call.user.samples.subarray(0, 700), call.agent.samples.subarray(0, 700)) : value.finish()));
      if (told.value) checkOutput(seed, told.value);
      said = told.code ?? said;
    }
    value.close();
    return said;
  });
  for (const code of ["taken", "state"]) assert.ok(tally[code] > 0, code);
});

test("model files of all kinds", async (t) => {
  const header = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const tally = await cases(t, "models", async (seed, below) => {
    const { value, code } = await outcome(seed, () => TurnModel.load({ model: damaged(below, bytes, below(3) === 0 ? undefined : header) }));
    if (code) return code;
    const detector = await TurnDetector.create({ rate: 8000, model: value });
    const told = await outcome(seed, () => detector.push(call.user.samples.subarray(0, 480), call.agent.samples.subarray(0, 480)));
    if (told.value) checkOutput(seed, told.value);
    detector.close();
    value.close();
    return told.code ?? "taken";
  });
  assert.ok(tally["model-file"] > 0 && tally.taken > 0);
});

test("recordings of all kinds", async (t) => {
  const piece = [call.user, call.agent].map(({ samples }) => samples.subarray(0, 60));
  const files = ["u8", "s16", "s24", "f32", "alaw", "mulaw"].map((format) => wav(piece, 8000, format));
  const tally = await cases(t, "files", async (seed, below) => {
    const file = damaged(below, pick(below, files), 60);
    const { value, code } = await outcome(seed, () => decodeWav(file));
    if (value) assert.ok(value.channels.every(({ length }) => length === value.channels[0].length && length <= file.length), `seed ${seed}`);
    const law = await outcome(seed, () => decodeG711(file, pick(below, ["alaw", "mulaw", "ulaw", "", 7, undefined])));
    if (law.value) assert.equal(law.value.length, file.length);
    return code ?? "decoded";
  });
  for (const code of ["wav", "decoded"]) assert.ok(tally[code] > 0, code);
});

test("options of all kinds", async (t) => {
  const values = [undefined, null, 0, -1, 1, 0.5, 8000, 8000.5, 4e9, NaN, Infinity, "8000", "alaw", "x", true, [], {}, () => 1, Symbol("s"), 5n,
    { maxSilenceMs: 700 }, { maxSilenceMs: NaN }, { endThreshold: "1" }, { nothing: 1 }, { maxFalseCutoff: 0.1 }, { meanLatencyMs: -1 }, new Date(0)];
  const names = ["rate", "userRate", "agentRate", "policy", "encoding", "frames", "signal", "polcy", "toString"];
  const tally = await cases(t, "options", async (seed, below) => {
    const options = { rate: 8000, model };
    for (let times = 0; times <= below(3); times++) options[pick(below, names)] = pick(below, values);
    const given = below(20) === 0 ? pick(below, values) : options;
    const { value, code } = await outcome(seed, () => (below(2) ? TurnDetector.create(given) : turnEvents([], given).next()));
    value?.close?.();
    return code ?? "taken";
  });
  assert.ok(tally.option > 0 && tally.taken > 0 && tally["sample-rate"] > 0);
});

test("recordings and their options of all kinds", async (t) => {
  const values = [undefined, null, 0, 8000, 4e9, NaN, "cpu", "gpu", true, [], {}, () => undefined, Symbol("s"), 5n, { maxSilenceMs: 700 }, "digits"];
  const names = ["backend", "policy", "expect", "onProgress", "encoding", "assetBase", "modle"];
  const tally = await cases(t, "recordings", async (seed, below) => {
    const track = () => (below(12) === 0 ? pick(below, [undefined, null, 7, "sound", []]) : { samples: sound(below), rate: below(8) === 0 ? pick(below, values) : pick(below, RATES) });
    const call = below(20) === 0 ? pick(below, values) : { user: track(), agent: track() };
    const options = { model };
    for (let times = below(2); times > 0; times--) options[pick(below, names)] = pick(below, values);
    const given = below(30) === 0 ? null : options;
    const { value, code } = await outcome(seed, () => (below(2) ? analyze(call, given) : steps(call, given).next().then((step) => step.value)));
    if (value) checkOutput(seed, value);
    return code ?? "taken";
  });
  assert.ok(tally.option > 0 && tally.taken > 0);
});

test("a pool and its calls", async (t) => {
  const pool = await createPool({ threads: 1, model: bytes, maxQueueMs: 2000, saveEveryMs: 100 });
  t.after(() => pool.close());
  const tally = await cases(t, "pool", async (seed, below) => {
    const state = below(6) === 0 ? Uint8Array.from({ length: 40 }, () => below(256)) : undefined;
    const encoding = pick(below, [undefined, "alaw", "s16le"]);
    const opened = await outcome(seed, () => pool.open({ rate: pick(below, RATES), encoding, state, policy: below(3) ? undefined : pick(below, POLICIES) }));
    if (opened.code) return opened.code;
    const live = opened.value;
    let said = "fine";
    for (let step = 0; step <= below(10); step++) {
      const { code } = await outcome(seed, async () => {
        switch (below(14)) {
          case 0: return live.finish();
          case 1: return below(3) ? undefined : live.close();
          case 2: return live.setPolicy(pick(below, POLICIES));
          case 3: return live.expect(pick(below, EXPECTED));
          case 4: return void (await live.save());
          case 5: return live.ready();
          default: return live.push(sound(below), sound(below));
        }
      });
      said = code ?? said;
    }
    await outcome(seed, () => live.finish());
    live.close();
    return said;
  });
  assert.ok(tally.option > 0 && tally.fine > 0);
  assert.deepEqual([pool.stats.calls, pool.stats.restarts], [0, 0]);
});
