// Streams: sound in any cut, events out, no faster than they are read, and an end whichever side wants it.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { before, test } from "node:test";
import { VapTurnError, analyze, turnEventStream, turnEvents } from "../dist/index.js";
import { sharedModel, shortCall } from "./support.js";
import { g711 } from "./telephone.js";

let call, model, expected, options;
before(async () => {
  [call, model] = await Promise.all([shortCall(), sharedModel()]);
  options = { rate: 8000, model };
  expected = await analyze(call, { model });
});

const failsWith = (code, says = /./) => (error) =>
  error instanceof VapTurnError && error.code === code && says.test(error.message);

function* chunks(size = 800) {
  const { user, agent } = call;
  for (let at = 0; at < user.samples.length; at += size) {
    yield { user: user.samples.subarray(at, at + size), agent: agent.samples.subarray(at, at + size) };
  }
}

/** The call as one stereo stream, cut into pieces of `size` bytes. */
function* stereo(width, write, size) {
  const { user, agent } = call;
  const bytes = Buffer.alloc(2 * width * user.samples.length);
  for (let at = 0; at < user.samples.length; at++) {
    write(bytes, user.samples[at], 2 * width * at);
    write(bytes, agent.samples[at], 2 * width * at + width);
  }
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(items) {
  const list = [];
  for await (const item of items) list.push(item);
  return list;
}

/** Probabilities differ in their last bits with the cut of the sound. */
const bare = (events) => events.map((event) => ({ ...event, probability: undefined }));

test("an iterable, an async one, a web stream, a Node stream: the same events", async () => {
  async function* slowly() {
    for (const chunk of chunks()) {
      await null;
      yield chunk;
    }
  }
  const events = await all(turnEvents(chunks(), options));
  assert.deepEqual(bare(events), bare(expected.events));
  const web = new ReadableStream({ async start(controller) {
    for (const chunk of chunks()) controller.enqueue(chunk);
    controller.close();
  } });
  for (const source of [slowly(), web, Readable.from(chunks())]) assert.deepEqual(await all(turnEvents(source, options)), events);
  assert.deepEqual(await all(ReadableStream.from(chunks()).pipeThrough(turnEventStream(options))), events);
});

test("with frames there is one every 20 ms, before the events of its hop", async () => {
  const items = await all(turnEvents(chunks(), { ...options, frames: true }));
  const frames = items.filter(({ type }) => type === "frame");
  assert.deepEqual(frames.map(({ timeMs }) => timeMs), Array.from({ length: 600 }, (_, hop) => 20 * (hop + 1)));
  assert.deepEqual(items.filter(({ type }) => type !== "frame"), await all(turnEvents(chunks(), options)));
  items.reduce((before, { timeMs }) => (assert.ok(timeMs >= before), timeMs), 0);
});

test("samples of both in turns may be cut anywhere", async () => {
  const to16 = (bytes, x, at) => bytes.writeInt16LE(Math.round(x * 32768), at);
  const events = await all(turnEvents(stereo(2, to16, 2 ** 20), { ...options, encoding: "s16le" }));
  assert.deepEqual(bare(events), bare(expected.events));
  for (const size of [1001, 4001]) {
    assert.deepEqual(bare(await all(turnEvents(stereo(2, to16, size), { ...options, encoding: "s16le" }))), bare(events), `${size} bytes`);
  }
  const integers = [...stereo(2, to16, 4000)].map((bytes) => new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
  assert.deepEqual(bare(await all(turnEvents(integers, options))), bare(events));
  const toCode = (bytes, x, at) => (bytes[at] = g711([x], "mulaw")[0]);
  const line = await all(turnEvents(stereo(1, toCode, 321), { ...options, encoding: "mulaw" }));
  assert.ok(line.filter(({ type }) => type === "speechStart").length > 3);
});

test("the source is asked only for what is read", async () => {
  let given = 0;
  async function* counted() {
    for (const chunk of chunks()) {
      given += 1;
      yield chunk;
    }
  }
  const events = turnEvents(counted(), options);
  assert.equal(given, 0);
  await events.next();
  const first = given;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(given, first);
  const few = (total) => assert.ok(total < first + 3, `${total} chunks`);
  const reader = ReadableStream.from(counted()).pipeThrough(turnEventStream(options)).getReader();
  given = 0;
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 30));
  few(given);
  await reader.cancel();
  await events.return();
});

test("who leaves early tells the source", async () => {
  let told = 0;
  async function* source() {
    try {
      yield* chunks();
    } finally {
      told += 1;
    }
  }
  for await (const { type } of turnEvents(source(), options)) if (type) break;
  const web = new ReadableStream({ pull: (controller) => controller.enqueue(chunks().next().value), cancel: () => (told += 1) });
  for await (const { type } of turnEvents(web, options)) if (type) break;
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(told, 2);
});

test("a signal ends it, even while the source gives nothing", async () => {
  const silent = () => new ReadableStream({});
  const reason = new Error("hung up");
  for (const open of [
    (signal) => all(turnEvents(silent(), { ...options, signal })),
    (signal) => all(silent().pipeThrough(turnEventStream({ ...options, signal }))),
  ]) {
    const control = new AbortController();
    const reading = open(control.signal);
    setTimeout(() => control.abort(reason), 20);
    await assert.rejects(reading, (error) => failsWith("aborted")(error) && error.cause === reason);
    await assert.rejects(open(AbortSignal.abort(reason)), failsWith("aborted"));
  }
});

test("errors of the source and of the sound come out", async () => {
  async function* breaks() {
    yield { user: new Float32Array(800) };
    throw new RangeError("the line is dead");
  }
  await assert.rejects(all(turnEvents(breaks(), options)), RangeError);
  await assert.rejects(all(ReadableStream.from(breaks()).pipeThrough(turnEventStream(options))), RangeError);
  for (const wrong of [7, "sound", null, { user: [1] }, new Uint8Array(4), { user: new Float64Array(4) }]) {
    await assert.rejects(all(turnEvents([wrong], options)), failsWith("option"));
    await assert.rejects(all(ReadableStream.from([wrong ?? 0]).pipeThrough(turnEventStream(options))), failsWith("option"));
  }
  const apart = { user: new Float32Array(8000 * 6), agent: new Float32Array(0) };
  await assert.rejects(all(turnEvents([apart], options)), failsWith("channels-apart"));
  for (const source of [undefined, null, 7, "sound", {}, new Float32Array(4)]) await assert.rejects(all(turnEvents(source, options)), failsWith("option", /source/));
});

test("a reader or a writer that goes ends it on both sides, and leaves nothing at the signal", async () => {
  for (const leave of ["cancel", "abort"]) {
    const control = new AbortController();
    let listeners = 0;
    for (const [name, by] of [["addEventListener", 1], ["removeEventListener", -1]]) {
      const own = control.signal[name].bind(control.signal);
      control.signal[name] = (...given) => ((listeners += by), own(...given));
    }
    const { readable, writable } = turnEventStream({ ...options, signal: control.signal });
    const [reader, writer] = [readable.getReader(), writable.getWriter()];
    const gone = [reader.closed, writer.closed].map((closed) => closed.then(() => "closed", (error) => error.message));
    await writer.ready;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(listeners, 1);
    // A write that waits for its reader holds nothing up.
    writer.write({ user: new Float32Array(800) }).catch(() => undefined);
    await (leave === "cancel" ? reader.cancel(new Error("gone")) : writer.abort(new Error("gone")));
    assert.deepEqual(await Promise.all(gone), leave === "cancel" ? ["closed", "gone"] : ["gone", "gone"]);
    assert.equal(listeners, 0);
  }
});

test("a source is told only when it is left early, and need not promise anything", async () => {
  const source = (more, told) => ({
    [Symbol.asyncIterator]: () => ({
      next: () => more(),
      return: () => void told.push("left"),
    }),
  });
  const [left, ended, broken] = [[], [], []];
  const chunk = chunks(40_000).next().value;
  for await (const { type } of turnEvents(source(() => ({ done: false, value: chunk }), left), options)) if (type) break;
  assert.deepEqual(await all(turnEvents(source(() => ({ done: true }), ended), options)), []);
  const breaks = () => {
    throw new RangeError("the line is dead");
  };
  await assert.rejects(all(turnEvents(source(breaks, broken), options)), RangeError);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual([left, ended, broken], [["left"], [], []]);
});

test("chunks of one kind alone, and whole samples at the end", async () => {
  const kinds = [new Float32Array(4), new Int16Array(4), new Uint8Array(4), { user: new Float32Array(4) }];
  for (const first of kinds) {
    for (const second of kinds) {
      const reading = all(turnEvents([first, second], { ...options, encoding: "s16le" }));
      if (first === second) assert.deepEqual(await reading, []);
      else await assert.rejects(reading, failsWith("option", /as before/));
    }
  }
  for (const cut of [new Float32Array(3), new Int16Array(1), new Uint8Array(7)]) {
    await assert.rejects(all(turnEvents([cut], { ...options, encoding: "s16le" })), failsWith("length", /whole samples/));
    await assert.rejects(all(ReadableStream.from([cut]).pipeThrough(turnEventStream({ ...options, encoding: "s16le" }))), failsWith("length"));
  }
});

test("wrong options are named", async () => {
  for (const [wrong, says] of [[{ rate: 1.5 }, /Rate/], [{ frame: true }, /frame/], [{ frames: 1 }, /frames/], [{ signal: {} }, /signal/], [{ encoding: "pcm" }, /encoding/]]) {
    await assert.rejects(all(turnEvents(chunks(), { ...options, ...wrong })), failsWith("option", says));
    await assert.rejects(all(ReadableStream.from(chunks()).pipeThrough(turnEventStream({ ...options, ...wrong }))), failsWith("option", says));
  }
});
