// What both sets of weights that ship must do: keep silence silent, and hear a call.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { analyze, decodeWav } from "../dist/node.js";

const RATE = 16_000;

/** `seconds` of white noise at `db` below full scale, the same for the same seed. */
function noise(db, seconds, seed) {
  let state = seed;
  const gain = Math.sqrt(3) * 10 ** (db / 20);
  return Float32Array.from({ length: seconds * RATE }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return gain * (state / 2 ** 31 - 1);
  });
}

const seconds = 20;
const zeros = new Float32Array(seconds * RATE);
const pairs = {
  "zeros in both": [zeros, zeros],
  "noise at -60 dBFS against zeros": [noise(-60, seconds, 1), zeros],
  "zeros against noise at -60 dBFS": [zeros, noise(-60, seconds, 2)],
  "noise at -60 against noise at -80 dBFS": [noise(-60, seconds, 3), noise(-80, seconds, 4)],
  "A-law's constant against zeros": [zeros.map(() => 8 / 32768), zeros],
};

for (const name of ["optimized", "standard"]) {
  const model = new URL(`../models/${name}.safetensors`, import.meta.url);
  for (const [what, [user, agent]] of Object.entries(pairs)) {
    test(`${name}: no event in ${what}`, async () => {
      const { events } = await analyze({ user: { samples: user, rate: RATE }, agent: { samples: agent, rate: RATE } }, { model });
      assert.deepEqual(events, []);
    });
  }

  test(`${name}: both speakers of a call are heard`, async () => {
    const { sampleRate: rate, channels } = await decodeWav(await readFile(new URL("../../tests/fixtures/call.wav", import.meta.url)));
    const [user, agent] = channels.map((samples) => ({ samples, rate }));
    const { events } = await analyze({ user, agent }, { model });
    for (const speaker of ["user", "agent"]) {
      assert.ok(events.filter((event) => event.type === "speechStart" && event.speaker === speaker).length > 2, speaker);
    }
  });
}
