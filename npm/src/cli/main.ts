#!/usr/bin/env node
// The command `vap-turn`: arguments in, a timeline, JSON lines or figures out.
import { appendFile, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { joined, steps, type Call, type Step } from "../analyze.js";
import { VapTurnError, messageOf } from "../common/errors.js";
import { inOrder } from "../common/events.js";
import { summarise } from "../report/summary.js";
import { callSvg } from "../report/svg.js";
import { COLUMNS, clock, eventLine, summaryLines } from "../report/timeline.js";
import { TurnModel } from "../wasm/load.js";
import { bench, benchLines } from "./bench.js";
import { readCall } from "./input.js";
import { HELP, InputError, fault, readRequest, type Request } from "./options.js";

const LONG_MS = 60_000;

async function main(): Promise<void> {
  const request = await readRequest(process.argv.slice(2));
  if (request === "help") return print(HELP);
  if (request === "version") return print(`${await version()}\n`);
  if (request.verb === "bench") {
    const result = await bench(request.model === undefined ? {} : { model: request.model }, request.rate);
    return print(request.json ? `${JSON.stringify(result)}\n` : `${benchLines(result).join("\n")}\n`);
  }
  const call = await readCall(request, say);
  if (request.svg !== undefined) await checkWritable(request.svg);
  const model = await TurnModel.load(request.model === undefined ? {} : { model: request.model });
  await analyze(request, call, model);
}

async function analyze(request: Request, call: Call, model: TurnModel): Promise<void> {
  const parts: Step[] = [];
  let computeMs = 0;
  for await (const step of steps(call, { model, policy: request.policy, ...(request.expect && { expect: request.expect }) })) {
    if (parts.length === 0 && request.output === "text") await print(`${headline(request, call, step)}\n\n${COLUMNS}\n`);
    await print(lines(step, request.output));
    computeMs += step.computeMs;
    // Frames are many; only a picture needs them again.
    parts.push(request.svg === undefined ? { ...step, frames: [] } : step);
    progress(step);
  }
  const analysis = { ...joined(parts), computeMs };
  if (request.output === "text") {
    const summary = summaryLines(summarise(analysis.events, analysis.durationMs), analysis.durationMs, computeMs);
    await print(`\n${summary.join("\n")}\n`);
  }
  if (request.svg !== undefined) {
    const [title, subtitle] = titles(request, call, analysis);
    await writePicture(request.svg, callSvg(call, analysis, { title, subtitle }));
  }
}

function lines(step: Step, output: Request["output"]): string {
  if (output === "text") return step.events.map((event) => `${eventLine(event)}\n`).join("");
  const shown = output === "frames" ? inOrder(step) : step.events;
  return shown.map((line) => `${JSON.stringify(line, rounded)}\n`).join("");
}

/** Probabilities came as 32-bit floats: more digits than these are noise. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Math.round(value * 1e6) / 1e6 : value;
}

function titles(request: Request, { user, agent }: Call, { info }: Pick<Step, "info">): [string, string] {
  const { files, model = "optimized.safetensors" } = request;
  const rate = user.rate === agent.rate ? `${user.rate} Hz` : `user ${user.rate} Hz, agent ${agent.rate} Hz`;
  const size = `${(info.model.parameters / 1e6).toFixed(1)} M weights`;
  const name = basename(model).replace(/\.safetensors$/, "");
  return [files.map((file) => basename(file)).join(" and "), `${rate}, model ${name} (${size})`];
}

function headline(request: Request, call: Call, step: Step): string {
  const [files, rest] = titles(request, call, step);
  return `${files}  ${clock(step.totalMs)}  ${rest}`;
}

function progress({ doneMs, totalMs }: Step): void {
  if (!process.stderr.isTTY || process.stdout.isTTY || totalMs < LONG_MS) return;
  const percent = Math.floor((100 * doneMs) / totalMs);
  process.stderr.write(doneMs < totalMs ? `\r${percent} %` : "\r      \r");
}

async function print(text: string): Promise<void> {
  if (text !== "" && !process.stdout.write(text)) {
    await new Promise<void>((resume) => process.stdout.once("drain", resume));
  }
}

/** Refuses a place that cannot be written to before the work; what lies there stays as it is. */
async function checkWritable(path: string): Promise<void> {
  try {
    await writeFile(path, "", { flag: "ax" });
    await rm(path);
  } catch {
    // It is there already, or cannot be.
    await appendFile(path, "").catch((error: unknown) => {
      throw new InputError(fault(path, error));
    });
  }
}

async function writePicture(path: string, picture: string): Promise<void> {
  await writeFile(path, picture).catch((error: unknown) => {
    throw new InputError(fault(path, error));
  });
}

async function version(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  return (manifest as { version: string }).version;
}

function say(line: string): void {
  process.stderr.write(`vap-turn: ${line.replaceAll(/\s*[\r\n]+\s*/g, " ")}\n`);
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader, `head` for one, has seen enough.
  if (error.code === "EPIPE") process.exit(0);
  say(`cannot write: ${error.message}`);
  process.exit(1);
});
main().catch((error: unknown) => {
  say(messageOf(error));
  // A fault of ours is not the user's input.
  const ours = !(error instanceof InputError) && (!(error instanceof VapTurnError) || error.code === "internal");
  process.exitCode = ours ? 1 : 2;
});
