// The page: a call, the microphone or a recorded session in; a picture, readings and events out.
import { TurnModel, clock } from "../npm/dist/index.js";
import { EventList } from "./event-list.js";
import { callOf, pictureOf, sampleCall, save } from "./files.js";
import { MARKS, showLegend } from "./marks.js";
import { timeHops } from "./pace.js";
import { Player } from "./player.js";
import { PolicySliders } from "./policy.js";
import { Readings } from "./readings.js";
import { SessionRecord } from "./record.js";
import { Viewer } from "./viewer.js";

const at = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const TYPES = Object.keys(MARKS);
const ABOUT = {
  sample: "A minute of a real telephone call to a garage: the caller is the user, the garage the agent.",
  microphone: "You are the user. Say something: the agent, a recorded voice, answers when your turn ends and stops when you interrupt it. Best with headphones.",
  file: "",
  record: "The session shown here last, or one that was imported, told again.",
};

const readings = new Readings(at.readings.tBodies[0], at);
const viewer = new Viewer(at, readings);
const list = new EventList(at.events, at.none);
const player = new Player();
const model = await TurnModel.load().catch((error) => say(error.message, true));
const sliders = model && new PolicySliders({ first: at.first, rest: at.rest, reset: at.own, own: model.info.policy });
let sample, file, kept;
let told = 0;

function say(text, wrong = false) {
  at.status.textContent = text;
  at.status.className = wrong ? "wrong" : "";
}

const kind = () => at.controls.elements.source.value;
const atOnce = () => at["at-once"].checked && kind() !== "microphone";

/** Says how a start went on; the reason comes first. */
async function start(reason = "") {
  const source = kind();
  try {
    if (source === "file" && !file) return say("Choose a WAV file first.", true);
    if (source === "record" && !kept) return say("There is no session yet: hear one, or import one.", true);
    if (source !== "record" && source !== "file") sample ??= await sampleCall();
    const call = source === "file" ? await callOf(file.bytes, at.swap.checked) : sample;
    const title = { sample: "the sample call", microphone: "the microphone", file: file?.name, record: kept?.title }[source];
    say(`${reason}${{ microphone: "Listening to the microphone.", record: `Replaying ${title}.` }[source] ?? `Listening to ${title}.`}`);
    await player.start(title, { kind: source, call, record: kept, atOnce: atOnce(), policy: sliders.policy, model });
  } catch (error) {
    say(`${source === "file" ? file.name : "vap-turn"}: ${error.message}`, true);
  }
}

player.onbegin = (record) => {
  list.clear(!atOnce());
  viewer.show(record, { following: true, durationMs: kind() === "record" ? kept.endMs : undefined });
  show(true);
};
player.onframe = () => {
  viewer.refresh();
  if (performance.now() - told < 250) return;
  told = performance.now();
  readings.tell(player.info);
  viewer.expect(player.info.durationMs);
};
player.onevent = (event) => list.add(event);
player.onend = () => {
  const { record } = player;
  if (record.frames.length > 0 && !record.info.replayed) kept = record;
  say(`${record.title[0].toUpperCase()}${record.title.slice(1)}: ${record.events.length} events in ${(record.endMs / 1000).toFixed(1)} s.`);
  over();
};
player.onerror = (error) => {
  say(`${player.record.title}: ${error.message}`, true);
  over();
};

function over() {
  readings.tell(player.record.info);
  viewer.settle();
  show(false);
}

function show(running) {
  at.go.textContent = running ? "Stop" : "Start";
  at.go.classList.toggle("running", running);
  at.sources.disabled = running;
  const some = !running && viewer.record.frames.length > 0;
  at.export.disabled = at.svg.disabled = !some;
}

function choose() {
  at["file-row"].hidden = kind() !== "file";
  at.about.textContent = ABOUT[kind()];
  at.about.hidden = ABOUT[kind()] === "";
  at["at-once-label"].hidden = kind() === "microphone";
}

function choice(value) {
  at.controls.elements.source.value = value;
  choose();
}

async function takeFile(chosen) {
  if (!chosen || player.running) return;
  file = { name: chosen.name, bytes: new Uint8Array(await chosen.arrayBuffer()) };
  choice("file");
  say(`${file.name}: press Start.`);
}

async function takeRecord(chosen) {
  if (!chosen) return;
  player.stop();
  try {
    kept = SessionRecord.parse(await chosen.text(), TYPES);
  } catch (error) {
    return say(`${chosen.name}: ${error.message}`, true);
  }
  choice("record");
  list.clear(false);
  for (const event of kept.events) list.add(event);
  viewer.show(kept, { following: false });
  player.record = kept;
  over();
  say(`${chosen.name}: ${kept.events.length} events. Press Start to replay.`);
}

at.controls.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!player.stop()) void start();
});
at.sources.addEventListener("change", choose);
at.file.addEventListener("change", () => void takeFile(at.file.files[0]));
at.all.addEventListener("change", () => at.events.classList.toggle("all", at.all.checked));
list.onpick = (timeMs) => viewer.goTo(timeMs);
viewer.onplace = (timeMs) => list.goTo(timeMs);
at.export.addEventListener("click", () => save("session.json", "application/json", viewer.record.stringify()));
at.svg.addEventListener("click", () => save("session.svg", "image/svg+xml", pictureOf(viewer.record)));
at.import.addEventListener("change", async () => {
  await takeRecord(at.import.files[0]);
  at.import.value = "";
});
for (const type of ["dragover", "drop"]) document.addEventListener(type, (event) => event.preventDefault());
document.addEventListener("drop", ({ dataTransfer: { files } }) => {
  void (files[0]?.name.endsWith(".json") ? takeRecord(files[0]) : takeFile(files[0]));
});
if (sliders) {
  sliders.onchange = async () => {
    const heard = kind() !== "record";
    if (player.running && heard) {
      if (!player.steerable) return start("Begun anew with the new thresholds. ");
      const fromMs = await player.setPolicy(sliders.policy);
      if (fromMs !== undefined) say(`The new thresholds count from ${clock(fromMs)} on.`);
    } else if (heard && atOnce() && player.record) {
      await start("Begun anew with the new thresholds. ");
    } else {
      say("The new thresholds count from the next start.");
    }
  };
}
showLegend(at.legend);
choose();
show(false);
if (model) {
  await timeHops(model);
  at.go.disabled = false;
  at.weights.textContent = `${(model.info.parameters / 1e6).toFixed(2)} M`;
  say("Ready.");
}
if (navigator.serviceWorker) {
  // From the root it serves the package's Worker as well, where the server lets it.
  const { serviceWorker } = navigator;
  serviceWorker.register("sw.js", { scope: "../" }).catch(() => serviceWorker.register("sw.js")).catch(() => undefined);
}
