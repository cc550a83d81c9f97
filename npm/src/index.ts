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
export type { BinarySource, Calibration, Figures, LoadOptions, ModelInfo, Policy, PolicyOptions } from "./options.js";
export { TurnDetector, type DetectorInfo, type DetectorOptions } from "./session.js";
export { summarise, type Summary } from "./summary.js";
export { callSvg, type PictureOptions } from "./svg.js";
export { clock, eventDetail, eventLine, eventName, summaryLines } from "./timeline.js";
export {
  TurnSession, type TurnSessionEvents, type TurnSessionInfo, type TurnSessionState, type TurnSessionStats,
} from "./turn-session.js";
export { decodeWav, type Wav } from "./wav.js";
