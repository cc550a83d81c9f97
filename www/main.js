// The page: a WAV file in, its picture and events out, by the package as built. Served from the repository root.
import {
  TurnModel, VapTurnError, analyze, callSvg, clock, decodeWav, eventDetail, eventName, summarise, summaryLines,
} from "../npm/dist/index.js";

const SAMPLE = new URL("../tests/fixtures/call.wav", import.meta.url);

const at = (id) => document.getElementById(id);
let model;
let busy = false;

/** Analyses the WAV that `read` gives and shows what came out. */
async function run(name, read) {
  if (busy) return;
  setBusy(true);
  at("result").hidden = true;
  say(`Analysing ${name}…`);
  try {
    model ??= await TurnModel.load();
    const call = callOf(await decodeWav(await read()), at("swap").checked);
    const analysis = await analyze(call, { model, onProgress: (done, total) => (at("progress").value = done / total) });
    show(name, call, analysis);
    say(`${name}: ${analysis.events.length} events.`);
  } catch (error) {
    say(`${name}: ${error.message}`, true);
    if (!(error instanceof VapTurnError)) throw error;
  } finally {
    setBusy(false);
  }
}

function callOf({ sampleRate: rate, channels }, swap) {
  if (channels.length !== 2) throw new VapTurnError("wav", `expected 2 channels, found ${channels.length}`);
  const [first, second] = channels.map((samples) => ({ samples, rate }));
  return swap ? { user: second, agent: first } : { user: first, agent: second };
}

function show(name, call, analysis) {
  const { events, durationMs, computeMs, info } = analysis;
  const subtitle = `${clock(durationMs)}, ${info.userRate} Hz, ${(info.model.parameters / 1e6).toFixed(1)} M weights`;
  const svg = new DOMParser().parseFromString(callSvg(call, analysis, { title: name, subtitle }), "image/svg+xml");
  at("picture").replaceChildren(document.importNode(svg.documentElement, true));
  at("summary").replaceChildren(
    ...summaryLines(summarise(events, durationMs), durationMs, computeMs).flatMap((line) => {
      const [, term, detail] = /^(.+?) {2,}(.*)$/.exec(line);
      return [cell("dt", term), cell("dd", detail)];
    }),
  );
  at("events").replaceChildren(
    ...events.map((event) => {
      const row = document.createElement("tr");
      row.className = event.speaker;
      row.append(...[clock(event.timeMs), event.speaker, eventName(event.type), eventDetail(event)].map((text) => cell("td", text)));
      return row;
    }),
  );
  at("result").hidden = false;
}

function cell(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

function say(text, wrong = false) {
  at("status").textContent = text;
  at("status").className = wrong ? "wrong" : "";
}

function setBusy(is) {
  busy = is;
  at("sample").disabled = is;
  at("file").disabled = is;
  at("progress").hidden = !is;
  at("progress").value = 0;
}

const runFile = (file) => file && run(file.name, async () => new Uint8Array(await file.arrayBuffer()));

at("file").addEventListener("change", ({ target }) => runFile(target.files[0]));
at("choice").addEventListener("submit", (event) => event.preventDefault());
at("sample").addEventListener("click", () =>
  run("the sample call", async () => {
    const response = await fetch(SAMPLE);
    if (!response.ok) throw new VapTurnError("load", `HTTP status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }),
);
for (const type of ["dragenter", "dragover"]) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
}
document.addEventListener("dragleave", () => at("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  runFile(event.dataTransfer.files[0]);
});
say("Choose a file, or analyse the sample call.");
