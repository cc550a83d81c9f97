// The public API.
export { analyze, steps, type Analysis, type AnalyzeOptions, type Call, type Step, type Track } from "./analyze.js";
export { POLICY_LIMITS, POLICY_ORDER } from "./common/contract.js";
export { ERROR_CODES, VapTurnError, type ErrorCode } from "./common/errors.js";
export type * from "./common/events.js";
export type {
  BinarySource, Calibration, CalibrationPoint, ConversationOptions, Expectation, Figures, ModelInfo, Policy, PolicyChange,
  PolicyInForce, PolicyOptions, Preset, TimeoutPoint,
} from "./common/options.js";
export type { Encoding, Samples } from "./common/samples.js";
export { TurnDetector, type DetectorInfo, type DetectorOptions, type RestoreOptions } from "./detector.js";
export type { BackendName, Race } from "./gpu/adapter.js";
export type { RunIn } from "./live/runner.js";
export { PcmInput, type TurnInput } from "./live/inputs.js";
export { listen } from "./live/listen.js";
export type { ListenOptions } from "./live/listen-options.js";
export {
  TurnSession, type TurnSessionEvents, type TurnSessionInfo, type TurnSessionState, type TurnSessionStats,
} from "./live/turn-session.js";
export { PoolCall } from "./pool/call.js";
export type { CallInfo } from "./pool/messages.js";
export { TurnPool, createPool, type CallOptions, type PoolOptions, type PoolStats } from "./pool/pool.js";
export { summarise, type Summary } from "./report/summary.js";
export { callSvg, type PictureOptions } from "./report/svg.js";
export { clock, eventDetail, eventLine, eventName, summaryLines } from "./report/timeline.js";
export {
  turnEventStream, turnEvents, type SoundChunk, type SoundSource, type StreamItem, type StreamOptions, type TwoChannels,
} from "./streams.js";
export { decodeG711, decodeWav, type Wav } from "./wasm/decode.js";
export { TurnModel, loadWasm, type LoadOptions } from "./wasm/load.js";
