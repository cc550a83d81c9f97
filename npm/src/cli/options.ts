// The words of the command line, checked: what is asked, or one line about what is wrong.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { EXPECTATIONS, PRESETS } from "../common/contract.js";
import { messageOf } from "../common/errors.js";
import type { Expectation, PolicyOptions } from "../common/options.js";
import { checkedExpectation } from "../common/policy-options.js";

export const HELP = `vap-turn analyze CALL.wav             a stereo file: the user on channel 0, the agent on channel 1
vap-turn analyze USER.wav AGENT.wav   two mono files
vap-turn bench                        what a hop of 20 ms costs here, and how many calls a core bears

analyze prints the turns of a recorded call: PCM of 8 to 32 bits, float, or G.711 (A-law, mu-law), at any rate.

  --json           one JSON object a line for each event
  --frames         as --json, with a line for each hop of 20 ms
  --svg FILE       write a picture of the call
  --swap           the agent is on channel 0 (or in the first file)
  --model FILE     another model file
  --policy K=V     a threshold that differs from the model's (may be repeated), or a .json file of them
  --max-false-cutoff R  thresholds that take at most this share (0 to 1) of the user's pauses for the end
  --mean-latency-ms MS  thresholds that end a turn after at most this much silence on average
  --preset NAME    thresholds for ${oneOf(PRESETS)} answers
  --expect NAME    what the user says: ${oneOf(EXPECTATIONS)}

bench times one thread; run it on the machine, and beside the load, that will bear the calls.

  --rate HZ        sample rate of both channels, by default 8000
  --model FILE     another model file
  --json           the figures as one JSON object

  --help, --version

Exit code 0; 2 when the input is wrong, with one line on stderr.
`;

/** Something the user gave that cannot be worked with; becomes one line on stderr and exit code 2. */
export class InputError extends Error {}

/** What `vap-turn bench` asks for. */
export interface BenchRequest {
  verb: "bench";
  json: boolean;
  rate: number;
  model?: string;
}

/** What `vap-turn analyze` asks for. */
export interface Request {
  verb: "analyze";
  files: string[];
  output: "text" | "json" | "frames";
  swap: boolean;
  svg?: string;
  model?: string;
  policy: PolicyOptions;
  expect?: Expectation;
}

const OPTIONS = {
  json: { type: "boolean" },
  frames: { type: "boolean" },
  svg: { type: "string" },
  swap: { type: "boolean" },
  model: { type: "string" },
  policy: { type: "string", multiple: true },
  "max-false-cutoff": { type: "string" },
  "mean-latency-ms": { type: "string" },
  preset: { type: "string" },
  expect: { type: "string" },
  rate: { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "V" },
} as const;

/** Reads the arguments; `"help"` and `"version"` ask for no more than that. */
export async function readRequest(argv: readonly string[]): Promise<Request | BenchRequest | "help" | "version"> {
  const { values, positionals } = parsed(argv);
  if (values.help === true) return "help";
  if (values.version === true) return "version";
  const [verb, ...files] = positionals;
  if (verb === "bench") {
    takesOnly(verb, values, ["rate", "model", "json"]);
    if (files.length > 0) throw new InputError(`bench: expected no files, found ${files.length}`);
    const rate = Number(values.rate ?? 8000);
    if (!Number.isInteger(rate)) throw new InputError(`--rate: expected a whole number of Hz, found "${values.rate ?? ""}"`);
    return { verb, json: values.json === true, rate, ...(values.model !== undefined && { model: values.model }) };
  }
  if (verb !== "analyze") {
    const found = verb === undefined ? "nothing" : `"${verb}"`;
    throw new InputError(`expected "analyze FILE.wav" or "bench", found ${found}; --help tells more`);
  }
  takesOnly(verb, values, Object.keys(OPTIONS).filter((name) => name !== "rate"));
  if (files.length === 0 || files.length > 2) {
    throw new InputError(`analyze: expected one stereo file or two mono files, found ${files.length} files`);
  }
  return {
    verb,
    files,
    output: values.frames === true ? "frames" : values.json === true ? "json" : "text",
    swap: values.swap === true,
    ...(values.svg !== undefined && { svg: values.svg }),
    ...(values.model !== undefined && { model: values.model }),
    ...(values.expect !== undefined && { expect: checkedExpectation(values.expect) }),
    // What the names and values mean, and which go together, the policy itself knows.
    policy: {
      ...(await policyOf(values.policy ?? [])),
      ...asked(values),
      ...(values.preset !== undefined && { preset: values.preset }),
    } as PolicyOptions,
  };
}

function parsed(argv: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new InputError(`${messageOf(error)}; --help lists the options`);
  }
}

/** Refuses options of another command. */
function takesOnly(verb: string, values: object, names: readonly string[]): void {
  const other = Object.keys(values).find((name) => !names.includes(name));
  if (other !== undefined) throw new InputError(`--${other}: not an option of ${verb}; --help lists the options`);
}

/** Options of the command line that are options of the policy. */
const ASKS = { "max-false-cutoff": "maxFalseCutoff", "mean-latency-ms": "meanLatencyMs" } as const;

function asked(values: Partial<Record<keyof typeof ASKS, string>>): Record<string, number> {
  const asks: Record<string, number> = {};
  for (const option of Object.keys(ASKS) as (keyof typeof ASKS)[]) {
    const value = values[option];
    if (value === undefined) continue;
    const number = Number(value);
    if (value.trim() === "" || !Number.isFinite(number)) throw new InputError(`--${option}: expected a number, found "${value}"`);
    asks[ASKS[option]] = number;
  }
  return asks;
}

async function policyOf(words: readonly string[]): Promise<Record<string, unknown>> {
  const policy: Record<string, unknown> = {};
  for (const word of words) Object.assign(policy, word.endsWith(".json") ? await policyFile(word) : threshold(word));
  return policy;
}

function threshold(word: string): Record<string, number> {
  const [, name, value] = /^([^=]+)=(.+)$/s.exec(word) ?? [];
  const number = Number(value);
  if (name !== undefined && value?.trim() !== "" && Number.isFinite(number)) return { [name]: number };
  throw new InputError(`--policy: expected name=number or a .json file, found "${word}"`);
}

async function policyFile(path: string): Promise<object> {
  let policy: unknown;
  try {
    policy = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new InputError(`--policy: ${error instanceof SyntaxError ? `${path} is not JSON` : fault(path, error)}`);
  }
  if (typeof policy === "object" && policy !== null && !Array.isArray(policy)) return policy;
  throw new InputError(`--policy: ${path} does not hold a JSON object`);
}

/** Why a file cannot be read or written, in words. */
export function fault(path: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const known: Record<string, string> = {
    ENOENT: "no such file",
    EISDIR: "is a directory, not a file",
    EACCES: "permission denied",
    ENOTDIR: "no such file",
    ERR_FS_FILE_TOO_LARGE: "is larger than 2 GiB",
  };
  return `${path}: ${known[code] ?? messageOf(error)}`;
}

function oneOf(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1) ?? ""}`;
}
