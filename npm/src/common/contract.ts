// What the binary and the package agree on. Made from Rust by
// `cargo run -p vap-wasm --features contract --example contract`: change it there.

/** Length of a hop, in ms. */
export const HOP_MS = 20;

/** Bins of the projection of each speaker, 0.2 s each. */
export const BINS = 10;

/** Mels of a hop of one channel. */
export const HOP_MELS = 160;

/** Samples of a channel that are written into a session's memory at once. */
export const INPUT_SAMPLES = 4096;

/** Numbers of a packed frame. */
export const FRAME_NUMBERS = 31;

/** Where the numbers of each field begin in a packed frame; bins of the user, then of the agent; pairs elsewhere. */
export const FRAME_LAYOUT = { bins: 0, eot: 20, backchannel: 22, vad: 24, overlap: 26, pNow: 27, pFuture: 29 } as const;

/** Numbers of a packed sound that is not judged yet, in order. */
export const BARGE_IN_LAYOUT = ["channel", "timeMs", "startMs", "durationMs", "overlapMs", "probability"] as const;

/** Both speakers, in channel order. */
export const SPEAKERS = ["user", "agent"] as const;

/** One of the two channels: the person at the microphone, and the other party. */
export type Speaker = (typeof SPEAKERS)[number];

/** A number of each speaker, `[user, agent]`. */
export type Pair = [user: number, agent: number];

/** Every {@link ErrorCode}, in order. */
export const ERROR_CODES = [
  /** The model file holds a configuration that is not valid. */
  "config",
  /** An option or a policy threshold is unknown, missing or out of range. */
  "option",
  /** A sample rate that cannot be resampled. */
  "sample-rate",
  /** One channel ran ahead of the other by more than a session keeps. */
  "channels-apart",
  /** Not a WAV file that is read. */
  "wav",
  /** A WAV file that ends before its header says. */
  "wav-truncated",
  /** A model file that cannot be read. */
  "model-file",
  /** A model file of another format version. */
  "model-version",
  /** The model gave a value that is not finite. */
  "not-finite",
  /** Lengths that must agree do not. */
  "length",
  /** Bytes that are not the saved state of a conversation with this model. */
  "state",
  /** Sound came faster than it is computed, and more of it waits than may. */
  "behind",
  /** The stream was finished: `reset()` begins another. */
  "finished",
  /** The device that computes failed. */
  "backend",
  /** There is no GPU to compute on: no WebGPU, no adapter, or no device. */
  "gpu",
  /** The detector or model was closed. */
  "closed",
  /** A file of the package (wasm binary, model, worklet, Worker) could not be fetched, read, compiled or started. */
  "load",
  /** The person, or a policy of the page, does not allow the microphone. */
  "permission",
  /** There is no microphone, or it cannot be opened. */
  "microphone",
  /** There is no AudioContext, or it is closed or of another session's input. */
  "context",
  /** The caller's signal was aborted; its reason is the `cause`. */
  "aborted",
  /** A fault inside the wasm binary, out of memory included; it needs a fresh page or process. */
  "internal",
] as const;

/** Kinds of failure, stable for programs: all that a user of the package can be told, wherever it went wrong. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Every {@link Preset}, in order. */
export const PRESETS = [
  /** A cut-off counts as much as 1.2 s of waiting: quick talk, where the user just goes on when cut off. */
  "fast",
  /** As much as 3 s. */
  "balanced",
  /** As much as 6 s: dictation, care, people who think while they speak. */
  "patient",
] as const;

/**
 * Which of the two faults weighs more: to answer late, or to cut the user off.
 *
 * A preset is a price: how many ms of waiting at every end of a turn one false cut-off at every pause is worth. It
 * takes the point of the curve with the least `meanLatencyMs + price * falseCutoff`, the faster of two that cost the
 * same. So it can be asked of every model with a calibration, and a higher price is never faster on the same one.
 */
export type Preset = (typeof PRESETS)[number];

/** Every {@link Expectation}, in order. */
export const EXPECTATIONS = [
  /** Anything: the policy as it is. */
  "open",
  /** Yes, no or another word or two: odds of the thresholds / 3, silences / 2 (not below 200 and 600 ms). */
  "yesno",
  /** A number in groups, such as a telephone, a card or a date: odds x 3, silences x 1.5. */
  "digits",
  /** A name or code, letter by letter: odds x 6, silences x 2. */
  "spelling",
] as const;

/**
 * What the user will probably say next; moves `endThreshold`, `eagerThreshold`, `minSilenceMs` and `maxSilenceMs` of
 * the user's turns. Chosen, not measured.
 */
export type Expectation = (typeof EXPECTATIONS)[number];

/** Every {@link EndReason}, in order. */
export const END_REASONS = [
  /** The model was sure, after at least `minSilenceMs` of silence. */
  "model",
  /** `maxSilenceMs` of silence. */
  "silence",
  /** The other took the floor. */
  "shift",
  /** The stream ended. */
  "finish",
] as const;

/** Why a turn ended. */
export type EndReason = (typeof END_REASONS)[number];

/** Thresholds (0 to 1) and times (ms, counted in whole hops of 20 ms) of the event machine. */
export interface Policy {
  /** VAD probability at which a channel becomes loud; above 0. */
  vadOnset: number;
  /** VAD probability below which a loud channel becomes quiet; above 0, at most `vadOnset`. */
  vadOffset: number;
  /** Sound at or above `vadOnset` before it counts as speech, in ms; at least 40, so one hot frame starts nothing. */
  minSpeechMs: number;
  /** Quiet before speech counts as ended, in ms. */
  minPauseMs: number;
  /** End-of-turn probability for `eagerEndOfTurn`; at most `endThreshold`. */
  eagerThreshold: number;
  /** End-of-turn probability for `endOfTurn`; 0 ends every turn at `minSilenceMs`. */
  endThreshold: number;
  /** Time constant of the running mean of the end-of-turn probability, in ms; 0 takes it as it comes. */
  eotSmoothingMs: number;
  /** How long speech may go on after an eager end raised within it before that end is taken back, in ms. */
  eagerHoldMs: number;
  /** Silence below which the model alone never ends a turn, in ms; under `maxSilenceMs`. */
  minSilenceMs: number;
  /** Silence that ends a turn whatever the model says, in ms. */
  maxSilenceMs: number;
  /** Mean backchannel probability over a sound that makes it a backchannel. */
  backchannelThreshold: number;
  /** Longest sound that can be a backchannel, in ms. */
  maxBackchannelMs: number;
  /** How long a sound in the other's turn is listened to before it is judged, in ms; at most `maxBackchannelMs`. */
  decideMs: number;
  /** Overlap probability a hop needs, besides two loud channels, for `overlapStart`; 0 leaves it to the VADs. */
  overlapThreshold: number;
  /** Sound of both at once before it is an overlap, or a claim an interruption, in ms. */
  minOverlapMs: number;
}

/** What each option of a policy may be by itself: from `least` (where `above`, more than it) to `most`. */
export const POLICY_LIMITS = {
  vadOnset: { least: 0, most: 1, above: true },
  vadOffset: { least: 0, most: 1, above: true },
  eagerThreshold: { least: 0, most: 1, above: false },
  endThreshold: { least: 0, most: 1, above: false },
  backchannelThreshold: { least: 0, most: 1, above: false },
  overlapThreshold: { least: 0, most: 1, above: false },
  minSpeechMs: { least: 40, most: 60000, above: false },
  minPauseMs: { least: 20, most: 60000, above: false },
  eotSmoothingMs: { least: 0, most: 60000, above: false },
  eagerHoldMs: { least: 0, most: 60000, above: false },
  minSilenceMs: { least: 0, most: 60000, above: false },
  maxSilenceMs: { least: 20, most: 60000, above: false },
  maxBackchannelMs: { least: 20, most: 60000, above: false },
  decideMs: { least: 0, most: 60000, above: false },
  minOverlapMs: { least: 20, most: 60000, above: false },
} as const satisfies Record<keyof Policy, { least: number; most: number; above: boolean }>;

/** Pairs of options of which the first is at most the second; where `less`, less than it. */
export const POLICY_ORDER = [
  { low: "vadOffset", high: "vadOnset", less: false },
  { low: "eagerThreshold", high: "endThreshold", less: false },
  { low: "minSilenceMs", high: "maxSilenceMs", less: true },
  { low: "decideMs", high: "maxBackchannelMs", less: false },
] as const satisfies readonly { low: keyof Policy; high: keyof Policy; less: boolean }[];

/** What can be asked of a policy, one at a time. */
export interface PolicyAsks {
  /**
   * At most this share of the user's pauses taken for the end of the turn (0 to 1), as fast as that allows. Solved from
   * the figures that travel with the weights, held against their upper bound at 90 % confidence.
   */
  maxFalseCutoff: number;
  /** At most this mean silence before `endOfTurn`, in ms, with as few false cut-offs as that allows. */
  meanLatencyMs: number;
  /** The point of the calibration that is cheapest by the price of that preset. */
  preset: Preset;
}

/** Their names. */
export const ASKS = ["maxFalseCutoff", "meanLatencyMs", "preset"] as const;

/** Options that an ask decides, and that may not stand beside one. */
export const DECIDED = ["endThreshold", "minSilenceMs", "maxSilenceMs"] as const;

/**
 * What a policy did on held-out dialogues (livekit/eot-bench: pauses of 0.2 to 5 s, ends of turns, the agent silent).
 */
export interface Figures {
  /** Expected share of the user's pauses in which it ends the turn. */
  falseCutoff: number;
  /** Upper bound of that share with a confidence of 90 %; what `maxFalseCutoff` is held against. */
  falseCutoffBound: number;
  /** Mean silence after which it ends the turn where the turn ends, in ms. */
  meanLatencyMs: number;
}

/** Thresholds of the event machine, and what they do. */
export interface CalibrationPoint {
  /** `endThreshold` of the policy. */
  endThreshold: number;
  /** `eagerThreshold` of the policy. */
  eagerThreshold: number;
  /** `minSilenceMs` of the policy. */
  minSilenceMs: number;
  /** `maxSilenceMs` of the policy. */
  maxSilenceMs: number;
  /** What they do. */
  expected: Figures;
}

/** A silence timeout without a model behind it, for comparison. */
export interface TimeoutPoint {
  /** Silence that ends a turn, in ms. */
  timeoutMs: number;
  /** What it does. */
  expected: Figures;
}

/** Two curves from fast to cautious: of the model, and of silence alone. */
export interface Calibration {
  /** Ends of turns it was measured on. */
  ends: number;
  /** Pauses it was measured on. */
  pauses: number;
  /** Operating points, none better than another in both figures: latency rises, cut-offs fall. */
  points: CalibrationPoint[];
  /** The same for the silence timeout. */
  silence: TimeoutPoint[];
}

/** What is known about a model: everything in its file but the weights. */
export interface ModelInfo {
  /** Sizes of the net. */
  config: Record<string, unknown>;
  /** Thresholds that travel with the weights. */
  policy: Policy;
  /** What can be asked of it; null for a model file that does not know. */
  calibration: Calibration | null;
  /** Data, licences, commit, seed and metrics of the training. */
  provenance: unknown;
  /** Number of weights. */
  parameters: number;
}

/** What every event has. */
interface EventOf<Type extends string> {
  type: Type;
  /** Whose speech, turn, sound or claim it is. */
  speaker: Speaker;
  /** End of the hop at which it was decided, in ms since the stream began. */
  timeMs: number;
  /** The same in samples of the 16 kHz stream. */
  sample: number;
}

/** The speaker began to make sound, at `startMs`. */
export interface SpeechStartEvent extends EventOf<"speechStart"> {
  /** When it began in the sound itself, in ms: before any time the machine waited to be sure. */
  startMs: number;
}

/** The speaker fell silent. */
export interface SpeechEndEvent extends EventOf<"speechEnd"> {
  /** When it began in the sound itself, in ms: before any time the machine waited to be sure. */
  startMs: number;
  /** When it ended in the sound itself, in ms. */
  endMs: number;
  /** Length of the sound, in ms. */
  durationMs: number;
}

/** The speaker's turn will probably end: start thinking. */
export interface EagerEndOfTurnEvent extends EventOf<"eagerEndOfTurn"> {
  /** Silence of the speaker when it was decided, in ms. */
  silenceMs: number;
  /** Probability it was decided on. */
  probability: number;
}

/**
 * The speaker's turn has ended: speak. Start, end and length are those of the turn's sound. `probability` is left out
 * of a turn that began no sooner than the stream ended.
 */
export interface EndOfTurnEvent extends EventOf<"endOfTurn"> {
  /** When it began in the sound itself, in ms: before any time the machine waited to be sure. */
  startMs: number;
  /** When it ended in the sound itself, in ms. */
  endMs: number;
  /** Length of the sound, in ms. */
  durationMs: number;
  /** Silence of the speaker when it was decided, in ms. */
  silenceMs: number;
  /** Why a turn ended. */
  reason: EndReason;
  /** Probability it was decided on. */
  probability?: number;
}

/** An eager end was taken back: it was a pause. `startMs` is that of the new sound, when one told so. */
export interface TurnResumedEvent extends EventOf<"turnResumed"> {
  /** Probability it was decided on. */
  probability: number;
  /** When it began in the sound itself, in ms: before any time the machine waited to be sure. */
  startMs?: number;
}

/** The floor passed to the speaker, whose turn began at `startMs`. */
export interface TurnShiftEvent extends EventOf<"turnShift"> {
  /** When it began in the sound itself, in ms: before any time the machine waited to be sure. */
  startMs: number;
}

/**
 * A short sound that does not claim the floor: keep talking. `durationMs` is its length so far, `overlapMs` how long of
 * it both sounded, `probability` that of a backchannel.
 */
export interface BackchannelEvent extends EventOf<"backchannel"> {
  /** When it began in the sound itself, in ms: before any time the machine waited to be sure. */
  startMs: number;
  /** Length of the sound, in ms. */
  durationMs: number;
  /** Sound together with the other so far, in ms. */
  overlapMs: number;
  /** Probability it was decided on. */
  probability: number;
}

/**
 * An overlap by which the speaker claims the floor: stop talking. `durationMs` is the length of the sound so far,
 * `overlapMs` how long of it both sounded, `probability` that of no backchannel.
 */
export interface InterruptionEvent extends EventOf<"interruption"> {
  /** When it began in the sound itself, in ms: before any time the machine waited to be sure. */
  startMs: number;
  /** Length of the sound, in ms. */
  durationMs: number;
  /** Sound together with the other so far, in ms. */
  overlapMs: number;
  /** Probability it was decided on. */
  probability: number;
}

/**
 * Both speak; the speaker is the one who came in second. With `soundMs` the sound began in the other's turn and is not
 * judged yet: lower your voice. `probability` is then that of no backchannel, and exactly one verdict of this speaker
 * with that `startMs` follows: `interruption`, `backchannel`, or, where the other had fallen silent by then,
 * `turnShift`, or `endOfTurn` when that turn is over at once. Only a backchannel that goes on beyond `maxBackchannelMs`
 * is judged once more.
 */
export type OverlapStartEvent = EventOf<"overlapStart"> & {
  /** When it began in the sound itself, in ms: before any time the machine waited to be sure. */
  startMs: number;
} & ({
  /** When the sound began that is to be judged, in ms: the `startMs` of its verdict. */
  soundMs: number;
  /** Sound together with the other so far, in ms. */
  overlapMs: number;
  /** Probability it was decided on. */
  probability: number;
} | { soundMs?: undefined; overlapMs?: undefined; probability?: undefined });

/** They no longer both speak; the speaker is that of the `overlapStart`. */
export interface OverlapEndEvent extends EventOf<"overlapEnd"> {
  /** When it began in the sound itself, in ms: before any time the machine waited to be sure. */
  startMs: number;
  /** When it ended in the sound itself, in ms. */
  endMs: number;
  /** Length of the sound, in ms. */
  durationMs: number;
}

/** What happened in the conversation. */
export type TurnEvent =
  | SpeechStartEvent
  | SpeechEndEvent
  | EagerEndOfTurnEvent
  | EndOfTurnEvent
  | TurnResumedEvent
  | TurnShiftEvent
  | BackchannelEvent
  | InterruptionEvent
  | OverlapStartEvent
  | OverlapEndEvent;

/** A sound in the other's turn that is not judged yet, and the evidence so far. */
export interface BargeIn {
  /** Whose sound it is. */
  speaker: Speaker;
  /** End of the last hop that was heard, in ms since the stream began. */
  timeMs: number;
  /** When it began, in ms since the stream began: the `startMs` of its verdict. */
  startMs: number;
  /** From its beginning to its last loud hop, in ms. */
  durationMs: number;
  /** Sound together with the other so far, in ms. */
  overlapMs: number;
  /** Probability so far that it is no backchannel: 1 less the mean backchannel probability of its loud hops. */
  probability: number;
}

/** Probabilities of one hop. Pairs are `[user, agent]`. */
export interface Frame {
  /** Number of the hop since the stream began, from 0. */
  index: number;
  /** Chance that each speaker speaks in each 0.2 s bin of the next 2 s, `[speaker, bin]`. */
  bins: [user: number[], agent: number[]];
  /** Share of each speaker in the next 0 to 600 ms. */
  pNow: Pair;
  /** Share of each speaker in the next 600 to 2000 ms. */
  pFuture: Pair;
  /** Chance that each speaker's turn is at its end. */
  eot: Pair;
  /** Chance that what each speaker says is a backchannel. */
  backchannel: Pair;
  /** Chance that each speaker speaks in this hop. */
  vad: Pair;
  /** Chance that both speak in this hop. */
  overlap: number;
}
