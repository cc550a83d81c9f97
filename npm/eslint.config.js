// Lints the package, its tests, the page and the browser tests; run from the repository root (npm run lint).
import js from "@eslint/js";
import tseslint from "typescript-eslint";

const node = ["process", "console", "Buffer", "URL", "performance", "setTimeout", "fetch", "Response", "TextEncoder",
  "setImmediate", "structuredClone", "ReadableStream", "AbortController", "AbortSignal", "WebAssembly"];
const browser = ["document", "window", "URL", "fetch", "performance", "Blob", "DOMParser", "setTimeout", "addEventListener", "location", "navigator"];
const audio = ["AbortController", "AbortSignal", "AudioBufferSourceNode", "AudioContext", "AudioWorkletNode", "ChannelMergerNode",
  "DOMException", "ErrorEvent", "MediaStream", "OfflineAudioContext", "OscillatorNode", "RTCPeerConnection", "WebAssembly", "Worker", "crossOriginIsolated"];
const page = ["clearTimeout", "setInterval", "clearInterval", "requestAnimationFrame", "matchMedia", "getComputedStyle", "ResizeObserver",
  "Path2D", "AudioBuffer", "AnalyserNode", "GainNode", "MediaStreamAudioSourceNode", "StereoPannerNode"];
const serviceWorker = ["self", "caches", "fetch", "URL", "Response"];
const readonly = (names) => Object.fromEntries(names.map((name) => [name, "readonly"]));

export default tseslint.config(
  { ignores: ["npm/dist/**", "npm/node_modules/**"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: ["npm/src/**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { project: "npm/tsconfig.json", tsconfigRootDir: `${import.meta.dirname}/..` } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/consistent-type-imports": "error",
    },
  },
  { files: ["**/*.js", "npm/bench/{day,pool}.mjs"], languageOptions: { globals: readonly(node) } },
  { files: ["www/*.js"], ignores: ["www/serve.js", "www/static.js", "www/sw.js"], languageOptions: { globals: readonly([...browser, ...audio, ...page]) } },
  { files: ["www/sw.js"], languageOptions: { globals: readonly(serviceWorker) } },
  { files: ["npm/examples/*/*.js", "tests/consumers/*.js"], languageOptions: { globals: readonly([...node, ...browser, ...audio, ...page, "setImmediate", "MutationObserver"]) } },
  { files: ["tests/browser/**", "npm/bench/worklet.mjs"], languageOptions: { globals: readonly([...node, ...browser, ...audio, "getComputedStyle"]) } },
);
