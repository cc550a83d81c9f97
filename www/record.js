// A session as it is kept: frames, levels and events; written as JSON and read back, as a stranger's file is read.
const FORMAT = "vap-turn session";
const VERSION = 1;
const PAIRS = ["pNow", "pFuture", "eot", "backchannel", "vad"];
const SPEAKERS = ["user", "agent"];

export class SessionRecord {
  title;
  /** Where it runs, ms a hop and policy. */
  info = {};
  frames = [];
  /** Peaks of [user, agent] in the hop of each frame. */
  levels = [];
  events = [];
  /** Where each speaker was heard, from the events. */
  speech = [];
  /** Loudest level of [user, agent] so far. */
  full = [0.05, 0.05];

  constructor(title) {
    this.title = title;
  }

  get endMs() {
    return this.frames.at(-1)?.timeMs ?? 0;
  }

  add(frame, levels) {
    this.frames.push(frame);
    this.levels.push(levels);
    this.full = this.full.map((full, speaker) => Math.max(full, levels[speaker]));
  }

  tell(event) {
    this.events.push(event);
    const { type, speaker, startMs, endMs } = event;
    if (type === "speechStart") this.speech.push({ speaker, startMs, endMs: Infinity });
    if (type !== "speechEnd") return;
    const open = this.speech.findLast((stretch) => stretch.speaker === speaker);
    if (open) open.endMs = endMs;
  }

  /** The session as JSON; probabilities and levels to four decimals. */
  stringify() {
    const { title, info, frames, levels, events } = this;
    const four = (_, value) => (typeof value === "number" ? Math.round(value * 1e4) / 1e4 : value);
    const lines = (list, replacer) => `[\n${list.map((item) => JSON.stringify(item, replacer)).join(",\n")}\n]`;
    const head = JSON.stringify({ format: FORMAT, version: VERSION, title, info }).slice(0, -1);
    return `${head},\n"events": ${lines(events)},\n"levels": ${lines(levels, four)},\n"frames": ${lines(frames, four)}}\n`;
  }

  /** Reads what {@link stringify} wrote; throws what was expected and what was found. */
  static parse(text, types) {
    const { format, version, title, info, frames, levels, events } = parsed(text);
    expect(format === FORMAT, `expected the format ${FORMAT}, found ${String(format)}`);
    expect(version === VERSION, `expected version ${VERSION}, found ${String(version)}`);
    for (const [name, list] of Object.entries({ frames, levels, events })) expect(Array.isArray(list), `expected a list of ${name}`);
    expect(frames.length === levels.length, `expected as many levels as frames, found ${levels.length} and ${frames.length}`);
    for (const [at, frame] of frames.entries()) {
      expect(isFrame(frame) && frame.timeMs === frames[0].timeMs + 20 * at, `frame ${at}: expected numbers from 0 to 1, 20 ms on`);
    }
    expect(levels.every(isPair), "levels: expected pairs from 0 to 1");
    for (const [at, event] of events.entries()) {
      const known = types.includes(event?.type) && SPEAKERS.includes(event.speaker) && isTime(event.timeMs);
      expect(known && Object.entries(event).every(isField), `event ${at}: expected type, speaker and times`);
    }
    const record = new SessionRecord(String(title ?? "a session"));
    record.info = plain(info);
    frames.forEach((frame, at) => record.add({ ...frame, type: "frame" }, levels[at]));
    for (const event of events) record.tell(event);
    return record;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch (error) {
    throw new Error(`session: expected JSON: ${error.message}`, { cause: error });
  }
}

function expect(holds, message) {
  if (!holds) throw new Error(`session: ${message}`);
}

const isTime = (value) => Number.isFinite(value) && value >= 0;
const isShare = (value) => Number.isFinite(value) && value >= 0 && value <= 1;
// A microphone may go beyond full scale.
const isPair = (value) => Array.isArray(value) && value.length === 2 && value.every((number) => isTime(number));
const isField = ([name, value]) => (["type", "speaker", "reason"].includes(name) ? typeof value === "string" : isTime(value));

function isFrame(frame) {
  const bins = frame?.bins;
  return (
    isTime(frame?.timeMs) &&
    Array.isArray(bins) && bins.length === 2 && bins.every((row) => Array.isArray(row) && row.length === 10 && row.every(isShare)) &&
    PAIRS.every((name) => isPair(frame[name]) && frame[name].every(isShare)) &&
    isShare(frame.overlap)
  );
}

/** Only what the page shows. */
function plain(info) {
  const numbers = (from) => Object.fromEntries(Object.entries(from ?? {}).filter(([, value]) => Number.isFinite(value)));
  return { ...numbers(info), runIn: ["page", "worker", "worklet"].find((runIn) => runIn === info?.runIn), policy: numbers(info?.policy) };
}
