// From file names to the two channels of a call.
import { readFile } from "node:fs/promises";
import type { Call, Track } from "../analyze.js";
import { lengthMs } from "../analyze.js";
import { VapTurnError, messageOf } from "../common/errors.js";
import { decodeWav, type Wav } from "../wasm/decode.js";
import { InputError, fault, type Request } from "./options.js";

/** Reads the files of a request; `say` is told what the user should know but need not change. */
export async function readCall({ files, swap }: Request, say: (line: string) => void): Promise<Call> {
  const [first, second] = files.length === 2 ? await twoFiles(files) : await oneFile(files[0] ?? "");
  const call = swap ? { user: second, agent: first } : { user: first, agent: second };
  const missingMs = lengthMs(call.user) - lengthMs(call.agent);
  if (Math.abs(missingMs) >= 1) {
    const [shorter, ms] = [missingMs > 0 ? "agent" : "user", Math.abs(missingMs)];
    say(`the ${shorter}'s sound is ${(ms / 1000).toFixed(3)} s shorter; silence was added to its end`);
  }
  return call;
}

async function oneFile(path: string): Promise<[Track, Track]> {
  const { sampleRate: rate, channels } = await readWav(path);
  const [first, second] = channels;
  if (first && second && channels.length === 2) return [{ samples: first, rate }, { samples: second, rate }];
  if (channels.length === 1) throw new InputError(`${path}: is mono; give a stereo file or two mono files, user and agent`);
  throw new InputError(`${path}: expected 2 channels, found ${channels.length}`);
}

async function twoFiles(paths: readonly string[]): Promise<Track[] & [Track, Track]> {
  const tracks: Track[] = [];
  for (const path of paths) {
    const { sampleRate: rate, channels } = await readWav(path);
    const [samples] = channels;
    if (!samples || channels.length !== 1) {
      throw new InputError(`${path}: of two files each must be mono, found ${channels.length} channels`);
    }
    tracks.push({ samples, rate });
  }
  return tracks as [Track, Track];
}

async function readWav(path: string): Promise<Wav> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new InputError(fault(path, error));
  });
  try {
    return await decodeWav(bytes);
  } catch (error) {
    if (error instanceof VapTurnError && error.code === "load") throw error;
    throw new InputError(`${path}: ${messageOf(error)}`);
  }
}
