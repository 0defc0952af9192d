// Errors, in the words of the server where it said something.

const PROBLEM = "urn:flawless:problem:";
/** Answers after which the same request may do better. */
const AGAIN = new Set([408, 425, 429, 502, 503, 504]);
const RETRY_AFTER_S_MAX = 60;
/** The type of errors about what no Flawless server sends. */
export const FOREIGN = "not-flawless";

/** What went wrong, in the words of the server (RFC 9457) or of this module. */
export class FlawlessError extends Error {
  /** @param {Record<string, any>} problem */
  constructor(problem, options = undefined) {
    super(problem.detail || problem.title || problem.type, options);
    this.name = "FlawlessError";
    /** The kind: `execution-not-found`, `input-invalid`, `unreachable`, ... */
    this.type = String(problem.type ?? "").replace(PROBLEM, "");
    this.title = problem.title ?? "";
    this.detail = problem.detail ?? "";
    this.hint = problem.hint ?? "";
    /** The HTTP status; 0 where no answer came. */
    this.status = problem.status ?? 0;
    /** All fields of the problem, such as `path` of an input that does not fit. */
    this.problem = problem;
    /** Whether the same request may do better later, and after how long at the soonest. */
    this.again = false;
    this.retryAfterMs = 0;
  }
}

/** @param {Response} response */
export async function refusal(response) {
  let problem = null;
  try {
    problem = JSON.parse(await response.text());
  } catch {
    // no problem document: a proxy, or somebody else
  }
  if (problem === null || typeof problem !== "object" || typeof problem.type !== "string") {
    const detail = `${response.url || "the server"} answered with status ${response.status}`;
    problem = { type: FOREIGN, title: "What answers is no Flawless server", detail };
  }
  const error = new FlawlessError({ ...problem, status: response.status });
  // A gateway says 500 when it does not reach the server; the server itself means it.
  error.again = AGAIN.has(response.status) || (response.status === 500 && error.type === FOREIGN);
  error.retryAfterMs = 1_000 * Math.min(RETRY_AFTER_S_MAX, Number(response.headers.get("Retry-After")) || 0);
  return error;
}

export function unreachable(url, cause) {
  const detail = `no answer from ${new URL(url).origin}: ${cause?.message ?? cause}`;
  const hint = "the server may be restarting; executions go on when it is back";
  const title = "No server answers";
  const error = new FlawlessError({ type: "unreachable", title, detail, hint }, { cause });
  error.again = true;
  return error;
}
