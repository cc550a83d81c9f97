// Lints the package, its tests, the page and the browser tests; run from the repository root (npm run lint).
import js from "@eslint/js";
import tseslint from "typescript-eslint";

const node = ["process", "console", "Buffer", "URL", "performance", "setTimeout", "fetch", "Response", "TextEncoder"];
const browser = [
  "document", "window", "navigator", "URL", "fetch", "performance", "Blob", "setTimeout", "clearTimeout", "setInterval", "clearInterval",
  "requestAnimationFrame", "matchMedia", "getComputedStyle", "ResizeObserver", "Path2D", "AudioContext", "AudioBuffer",
  "AudioBufferSourceNode", "AnalyserNode", "GainNode", "MediaStreamAudioSourceNode", "StereoPannerNode",
];
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
  { files: ["**/*.js"], ignores: ["www/*.js"], languageOptions: { globals: readonly(node) } },
  { files: ["www/serve.js"], languageOptions: { globals: readonly(node) } },
  { files: ["www/sw.js"], languageOptions: { globals: readonly(serviceWorker) } },
  { files: ["www/*.js"], ignores: ["www/serve.js", "www/sw.js"], languageOptions: { globals: readonly(browser) } },
  { files: ["tests/browser/**/*.js"], languageOptions: { globals: readonly([...node, ...browser]) } },
);
