// The result of a run as Markdown.
import { QUANTUM_MS } from "./slices.mjs";

const HOPS = `## A hop

Milliseconds for 20 ms of both channels, back to back: rounds in which each works some hops in turn. How many times as
fast is taken round by round: the median, and where 80 % of the rounds lie. "Live" is one hop alone every 20 ms, as in a
call: the processor's clock and caches have turned to something else in between.`;

const SWEEPS = `## As models grow

Milliseconds a hop of the kernels in Node, 16 kHz, back to back, and how many times the least they take.`;

const mega = (bytes) => (bytes / 1e6).toFixed(1);
const ms = (x) => (x < 0.1 ? x.toFixed(3) : x.toFixed(2));

/** Tables of everything that was measured. */
export function markdown(result) {
  const { machine, hops, page, limits, load, loadPage, contexts, sizes, stream, recordings, slices } = result;
  const packages = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  const versions = [`Node ${machine.node}`, `Chromium ${machine.chromium}`, ...packages].join(", ");
  return [
    `One thread of ${machine.processor}, ${versions}: \`${machine.command}\`.`,
    "The model is `light` with random weights.",
    hops || page ? HOPS : [],
    hops ? hopTable("Node", hops) : [],
    page ? hopTable("Chromium", page) : [],
    limits ? roofs(hops ?? page ?? [], limits) : [],
    load ? loadTable(load) : [],
    loadPage ? wireTable(loadPage) : [],
    contexts || sizes ? SWEEPS : [],
    contexts ? sweepTable("context, frames", contexts) : [],
    sizes ? sweepTable("size", sizes) : [],
    stream ? streamTable(stream) : [],
    recordings ? recordingTable(recordings) : [],
    slices ? sliceTable(slices) : [],
  ].flat().join("\n\n").concat("\n");
}

function hopTable(place, rows) {
  const faster = "times as fast as onnxruntime-web f32";
  const titles = [place, "worked", "median", "p99", "hops a second", "live, median", faster];
  const cells = rows.map((row) => [
    row.name,
    row.what,
    ms(row.medianMs),
    ms(row.p99Ms),
    Math.round(row.hopsASecond),
    ms(row.live.medianMs),
    `${row.faster.median.toFixed(2)} (${row.faster.low.toFixed(2)} to ${row.faster.high.toFixed(2)})`,
  ]);
  return table(titles, cells, 2);
}

function roofs(rows, limits) {
  const lines = Object.entries(limits).map(([storage, roof]) => {
    const own = rows.filter((row) => row.storage === storage && row.what === "sound to events");
    const shares = own.map((row) => `${row.name} takes ${(row.medianMs / roof.leastMs).toFixed(2)} x that`);
    const rates = `${(roof.bytesAMs / 1e6).toFixed(1)} GB/s and ${(roof.macsAMs / 1e6).toFixed(1)} GMAC/s`;
    const bytes = `${ms(roof.bytesMs)} ms for its ${(roof.bytes / 1e6).toFixed(1)} MB`;
    const macs = `${ms(roof.macsMs)} ms for its ${(roof.macs / 1e6).toFixed(1)} M products`;
    return `Roofline, ${storage}, at ${rates}: ${bytes}, ${macs}${["", ...shares].join("; ")}.`;
  });
  return ["## The least a hop can take", ...lines];
}

function loadTable({ warmUpHops, startMs, bareBytes, rows }) {
  const titles = ["Node", "to the first frame, ms", `and ${warmUpHops} more, ms`, "peak memory, MB", "of wasm, MB"];
  const cells = rows.map((row) => [
    row.name,
    Math.round(row.firstFrameMs),
    Math.round(row.warmMs),
    mega(row.peakBytes),
    row.wasmBytes ? mega(row.wasmBytes) : "-",
  ]);
  const text = "A fresh process, from reading the files on. Memory is the largest resident set over 1000 hops.";
  const bare = `Node itself (${Math.round(startMs)} ms, ${mega(bareBytes)} MB) comes on top.`;
  return [`## To begin\n\n${text} ${bare}`, table(titles, cells)];
}

function wireTable(rows) {
  const titles = ["Chromium", "to the first frame, ms", "over the wire, gzip, kB: code", "model", "both"];
  const kilo = (bytes) => Math.round(bytes / 1000);
  const cells = rows.map(({ name, firstFrameMs, wire: { code, model } }) => [
    name,
    Math.round(firstFrameMs),
    kilo(code),
    kilo(model),
    kilo(code + model),
  ]);
  return [
    "A fresh page, from fetching the files on this machine on. Random weights hardly compress, trained ones do better.",
    table(titles, cells),
  ];
}

function sweepTable(title, rows) {
  const storages = ["int8", "f32"];
  const columns = (storage) => [`${storage}: median`, "p99", "least", "times the least"];
  const cells = ({ medianMs, p99Ms, roof: { leastMs } }) => {
    return [ms(medianMs), ms(p99Ms), ms(leastMs), (medianMs / leastMs).toFixed(1)];
  };
  const lines = rows.map((row) => [row.name, ...storages.flatMap((storage) => cells(row[storage]))]);
  return table([title, ...storages.flatMap(columns)], lines);
}

function streamTable(rows) {
  const minutes = rows[0].minutes / rows[0].meanMs.length;
  const ends = rows[0].meanMs.map((_, i) => `${Number(((i + 1) * minutes).toFixed(2))}`);
  const titles = ["", ...ends, "wasm memory, MB: before", "after"];
  const cells = rows.map(({ name, meanMs, wasmBytes }) => [name, ...meanMs.map(ms), ...wasmBytes.map(mega)]);
  return [
    `## As a stream grows\n\nMean milliseconds a hop up to so many minutes of one stream, ${rows[0].minutes} in all.`,
    table(titles, cells),
  ];
}

function recordingTable(rows) {
  const cells = rows.map(({ name, minutesASecond }) => [name, minutesASecond.toFixed(2)]);
  return ["## A recording", table(["Node", "minutes of sound a second"], cells)];
}

function sliceTable(places) {
  const title = "## On the audio thread";
  const all = Object.entries({ Node: places.node, Chromium: places.page }).filter(([, calls]) => calls);
  if (!all.length) return [title, "Not measured: the session of these kernels does not slice its work."];
  const columns = ["", "call", "calls a hop", "median, ms", "p99.9, ms", "longest, ms", "median of a quantum", "p99.9"];
  const share = (x) => `${((100 * x) / QUANTUM_MS).toFixed(1)} %`;
  const cells = all.flatMap(([place, calls]) => {
    return Object.entries(calls).map(([call, { callsAHop, medianMs, p999Ms, longestMs }]) => {
      const times = [medianMs, p999Ms, longestMs].map(ms);
      return [place, call, callsAHop.toFixed(1), ...times, share(medianMs), share(p999Ms)];
    });
  });
  const quantum = `A render quantum is ${QUANTUM_MS.toFixed(2)} ms`;
  return [`${title}\n\nKernels, int8, 48 kHz. ${quantum}; a call may take a tenth of it.`, table(columns, cells, 2)];
}

/** The first `texts` columns are words, the others numbers. */
function table(titles, rows, texts = 1) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const rule = titles.map((_, i) => (i < texts ? "---" : "---:"));
  return [line(titles), line(rule), ...rows.map(line)].join("\n");
}
