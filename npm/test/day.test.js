// A long conversation, as one session and in pieces restored from saved states: the same events, finite numbers, flat
// memory. `bench/day.mjs` does so for a day.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

test("nine minutes in one session, all of it also from saved states", async () => {
  const day = fileURLToPath(new URL("../bench/day.mjs", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [day, "--hours", "0.15", "--piece", "90", "--share", "1"]);
  const { hops, events, eventsAgain, pieces, stateBytes, wasmBytes } = JSON.parse(stdout);
  assert.deepEqual([hops, pieces, eventsAgain], [27_000, 6, events]);
  assert.ok(events > 500, `${events} events`);
  // An open turn or overlap takes a few bytes.
  assert.ok(Math.max(...stateBytes) - Math.min(...stateBytes) < 1000, `states of ${stateBytes} bytes`);
  assert.equal(new Set(wasmBytes.slice(1)).size, 1, `${wasmBytes} bytes`);
});
