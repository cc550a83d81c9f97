// The public API.
export { analyze, steps, type Analysis, type AnalyzeOptions, type Call, type Step, type Track } from "./analyze.js";
export { ERROR_CODES, VapTurnError, type ErrorCode } from "./errors.js";
export type * from "./events.js";
export type { BackendName, Race } from "./gpu-adapter.js";
export type { HomeName } from "./home.js";
export { PcmInput, type TurnInput } from "./inputs.js";
export { listen } from "./listen.js";
export type { ListenOptions } from "./listen-options.js";
export { TurnModel, loadWasm } from "./load.js";
export type {
  BinarySource, Calibration, Expectation, Figures, LoadOptions, ModelInfo, Policy, PolicyChange, PolicyInForce, PolicyOptions, Preset,
} from "./options.js";
export { TurnPool, createPool, type CallOptions, type PoolOptions, type PoolStats } from "./pool.js";
export { PoolCall } from "./pool-call.js";
export type { CallInfo } from "./pool-messages.js";
export { decodeG711, type Encoding, type Samples } from "./samples.js";
export { TurnDetector, type DetectorInfo, type DetectorOptions, type RestoreOptions } from "./session.js";
export {
  turnEventStream, turnEvents, type SoundChunk, type SoundSource, type StreamItem, type StreamOptions, type TwoChannels,
} from "./streams.js";
export { summarise, type Summary } from "./summary.js";
export { callSvg, type PictureOptions } from "./svg.js";
export { clock, eventDetail, eventLine, eventName, summaryLines } from "./timeline.js";
export {
  TurnSession, type TurnSessionEvents, type TurnSessionInfo, type TurnSessionState, type TurnSessionStats,
} from "./turn-session.js";
export { decodeWav, type Wav } from "./wav.js";
