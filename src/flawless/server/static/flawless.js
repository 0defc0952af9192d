// The browser client as its parts, for pages of the engine's own. Others get it from the engine as
// one module, at /flawless.js.

export { Flawless } from "./client/client.js";
export { Execution } from "./client/execution.js";
export { Watch } from "./client/watching.js";
export { FlawlessError } from "./client/problems.js";
export { subscribe } from "./client/stream.js";
export { newId } from "./client/waiting.js";
