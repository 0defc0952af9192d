/**
 * The browser's side of Flawless: start executions, send them messages, watch their state.
 *
 * One module without dependencies, for browsers, Node and Deno. Served by the engine itself:
 *
 *     import { Flawless } from "http://127.0.0.1:27288/flawless.js";
 *     const flawless = new Flawless({ token });
 *     const run = await flawless.start("shop.checkout", { input: { cart: 7 } });
 *     run.watch((state) => show(state), { onEnd: (outcome) => finish(outcome) });
 *     await run.send("address", { street: "Main St 1" });
 *
 * Whatever is repeated after a broken connection counts once: ids are made here, before sending.
 * Tokens travel in a header, never in an address.
 *
 * @module
 */

const API = "api/v1";
const PROBLEM = "urn:flawless:problem:";

/** How long an answer may take that waits for nothing. */
const ANSWER_MS = 15_000;
/** The longest a request is kept waiting for an execution. */
const POLL_S = 30;
/** How long one call is tried again after failures, unless the client is told otherwise. */
const RETRY_S = 30;
const PAUSE_MS = 200;
const PAUSE_MS_MAX = 5_000;
/** Between two connections to a stream: the first pause, unless the server names another. */
const RECONNECT_MS = 1_000;
const RECONNECT_MS_MAX = 30_000;
/** Servers send a sign of life each 15 s: after this long without one, the connection is dead. */
const SILENT_MS_MAX = 40_000;
/** A page that comes back to life distrusts a connection that was silent for longer than this. */
const DOUBTFUL_MS = 20_000;
/** A page nobody sees lets go of its streams after this long. */
const HIDDEN_MS = 10_000;
/** Browsers allow six connections to a server, over all tabs: a page streams over at most so many. */
const STREAMS_MAX = 3;
/** Where a page wants more streams, they take turns, each at least this long. */
const TURN_MS = 1_000;
const EVENT_CHARS_MAX = 64 * 1024 * 1024;
const FOREVER_MS = 2 ** 31 - 1;
/** Answers after which the same request may do better. */
const AGAIN = new Set([408, 425, 429, 500, 502, 503, 504]);

const inBrowser = typeof document === "object" && typeof globalThis.Deno === "undefined";

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
async function refusal(response) {
  let problem = null;
  try {
    problem = JSON.parse(await response.text());
  } catch {
    // no problem document: a proxy, or somebody else
  }
  if (problem === null || typeof problem !== "object" || typeof problem.type !== "string") {
    const detail = `${response.url || "the server"} answered with status ${response.status}`;
    problem = { type: "not-flawless", title: "What answers is no Flawless server", detail };
  }
  const error = new FlawlessError({ ...problem, status: response.status });
  error.again = AGAIN.has(response.status);
  error.retryAfterMs = 1_000 * Math.min(60, Number(response.headers.get("Retry-After")) || 0);
  return error;
}

function unreachable(url, cause) {
  const detail = `no answer from ${new URL(url).origin}: ${cause?.message ?? cause}`;
  const hint = "the server may be restarting; executions go on when it is back";
  const title = "No server answers";
  const error = new FlawlessError({ type: "unreachable", title, detail, hint }, { cause });
  error.again = true;
  return error;
}

/** Between half of `ms` and all of it, so that many clients do not come back at the same moment. */
const jittered = (ms) => ms * (0.5 + Math.random() / 2);

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** A fresh random id of 100 bits. Not `randomUUID`, which plain http pages do not have. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  return Array.from(bytes, (byte) => ALPHABET[byte % 32]).join("");
}

/** Wait; ends early, without an error, when `signal` is aborted. */
function pause(ms, ...signals) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const signal of signals) signal?.removeEventListener("abort", done);
      resolve(undefined);
    };
    const timer = setTimeout(done, ms);
    for (const signal of signals) {
      if (signal?.aborted) done();
      else signal?.addEventListener("abort", done);
    }
  });
}

// --- streams ------------------------------------------------------------------------------------

/** Takes server-sent events apart, however their bytes were cut. */
class EventParser {
  #rest = "";
  #type = "";
  #data = [];
  #size = 0;
  retryMs = null;

  constructor(id) {
    this.id = id;
  }

  /** @param {string} text @returns {{type: string, data: string, id: string}[]} */
  push(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    if (this.#rest.length + this.#size > EVENT_CHARS_MAX) {
      throw new FlawlessError({ type: "event-too-large", detail: "an event of the stream is too large" });
    }
    const events = [];
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length) {
          events.push({ type: this.#type || "message", data: this.#data.join("\n"), id: this.id });
        }
        [this.#type, this.#data, this.#size] = ["", [], 0];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") this.#type = value;
      else if (field === "data") this.#size += this.#data.push(value) && value.length;
      else if (field === "id" && !value.includes("\0")) this.id = value;
      else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    }
    return events;
  }
}

/** Lets at most so many streams be open to one server; those beyond take turns. */
class Turns {
  #open = new Set();
  #waiting = [];

  /** Wait for a turn; `giveWay` is called when somebody else waits for one. */
  async take(giveWay, signal) {
    const turn = { giveWay, asked: false };
    if (!inBrowser || this.#open.size < STREAMS_MAX) {
      this.#open.add(turn);
    } else {
      await new Promise((resolve) => {
        const entry = { turn, resolve };
        this.#waiting.push(entry);
        signal.addEventListener("abort", () => {
          this.#waiting = this.#waiting.filter((other) => other !== entry);
          resolve(undefined);
        });
        this.#ask();
      });
    }
    return () => {
      if (!this.#open.delete(turn)) return;
      const next = this.#waiting.shift();
      if (next) this.#open.add(next.turn);
      next?.resolve(undefined);
      this.#ask();
    };
  }

  #ask() {
    let missing = this.#waiting.length;
    for (const turn of this.#open) {
      if (missing-- <= 0) return;
      if (!turn.asked) turn.giveWay();
      turn.asked = true;
    }
  }
}

/** @type {Map<string, Turns>} */
const turnsOf = new Map();

function turnsAt(url) {
  const origin = new URL(url).origin;
  if (!turnsOf.has(origin)) turnsOf.set(origin, new Turns());
  return turnsOf.get(origin);
}

/** What a listener threw: its caller's business, whatever it is. */
class ListenerFailed {
  constructor(cause) {
    this.cause = cause;
  }
}

/** One subscription: a connection after the other, until the stream has ended. */
class Stream {
  #url;
  #options;
  #id;
  #reconnectMs = RECONNECT_MS;
  #failures = 0;
  /** Ends the connection of now, with the reason why. */
  #cut = new AbortController();
  /** Ends the pause of now. */
  #wake = new AbortController();
  #openedAt = 0;
  #heardAt = 0;
  #hiddenTimer = undefined;

  constructor(url, options) {
    this.#url = String(new URL(url, globalThis.location?.href));
    this.#options = options;
    this.#id = options.lastEventId ?? "";
  }

  async run() {
    const { signal, onConnection = () => {} } = this.#options;
    const stop = () => (this.#cut.abort("stopped"), this.#wake.abort());
    const off = new AbortController();
    signal?.addEventListener("abort", stop, { signal: off.signal });
    this.#observe(off.signal);
    try {
      while (!signal?.aborted) {
        this.#wake = new AbortController();
        if (this.#unseen && this.#id) {
          await pause(FOREVER_MS, this.#wake.signal, signal);
          continue;
        }
        const { ended, error } = await this.#once(onConnection);
        if (ended) return true;
        if (error instanceof ListenerFailed) throw error.cause;
        const reason = this.#cut.signal.reason;
        if (signal?.aborted || ["turn", "hidden", "doubtful"].includes(reason)) continue;
        if (error !== null && !error.again) throw error;
        const ms = Math.min(RECONNECT_MS_MAX, this.#reconnectMs * 2 ** this.#failures++);
        const retryMs = Math.max(jittered(ms), error?.retryAfterMs ?? 0);
        onConnection({ state: "lost", error, retryMs });
        await pause(retryMs, this.#wake.signal, signal);
      }
      return false;
    } finally {
      clearTimeout(this.#hiddenTimer);
      off.abort();
      onConnection({ state: "closed" });
    }
  }

  /** Connect once the server has room, and read until the connection ends. */
  async #once(onConnection) {
    const cut = (this.#cut = new AbortController());
    this.#openedAt = 0;
    const free = await turnsAt(this.#url).take(() => this.#giveWay(), cut.signal);
    try {
      if (cut.signal.aborted) return { ended: false, error: null };
      const response = await this.#open(cut.signal);
      onConnection({ state: "open" });
      return { ended: await this.#read(response), error: null };
    } catch (error) {
      return { ended: false, error };
    } finally {
      free();
      cut.abort("over");
    }
  }

  async #open(signal) {
    const { headers = {}, credentials = "same-origin" } = this.#options;
    const all = { Accept: "text/event-stream", ...(await given(headers)) };
    if (this.#id) all["Last-Event-ID"] = this.#id;
    const init = { headers: all, credentials, cache: "no-store", signal };
    const response = await this.#unlessSilent(fetch(this.#url, init));
    if (!response.ok) throw await refusal(response);
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      throw new FlawlessError({ type: "not-flawless", detail: `${this.#url} is no stream of events` });
    }
    this.#openedAt = Date.now();
    if (this.#asked) this.#giveWay();
    if (this.#unseen) this.#leaveSoon();
    return response;
  }

  async #read(response) {
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    const parser = new EventParser(this.#id);
    for (;;) {
      const { done, value } = await this.#unlessSilent(reader.read());
      if (done) return false;
      this.#failures = 0;
      const events = parser.push(decoder.decode(value, { stream: true }));
      this.#reconnectMs = parser.retryMs ?? this.#reconnectMs;
      for (const { type, data, id } of events) {
        if (this.#cut.signal.aborted) return false;
        await this.#tell({ type, id, data: parsed(data, this.#url) });
        this.#id = id;
        if (type === "end") return true;
      }
    }
  }

  async #tell(event) {
    try {
      await this.#options.onEvent(event);
    } catch (error) {
      throw new ListenerFailed(error);
    }
  }

  /** Wait for what the network brings; a network that brings nothing at all is given up. */
  async #unlessSilent(promise) {
    const timer = setTimeout(() => this.#cut.abort("silent"), SILENT_MS_MAX);
    try {
      return await promise;
    } catch (error) {
      throw unreachable(this.#url, error);
    } finally {
      clearTimeout(timer);
      this.#heardAt = Date.now();
    }
  }

  #asked = false;

  #giveWay() {
    this.#asked = this.#openedAt === 0;
    const ms = this.#openedAt + TURN_MS - Date.now();
    const cut = this.#cut;
    if (!this.#asked) setTimeout(() => cut.abort("turn"), Math.max(0, ms));
  }

  #leaveSoon() {
    clearTimeout(this.#hiddenTimer);
    this.#hiddenTimer = setTimeout(() => this.#cut.abort("hidden"), HIDDEN_MS);
  }

  get #unseen() {
    return inBrowser && document.visibilityState === "hidden" && !this.#options.whileHidden;
  }

  /** Notice a network that is back, and whether the page is seen. */
  #observe(signal) {
    const back = (surely) => {
      this.#wake.abort();
      if (surely || Date.now() - this.#heardAt > DOUBTFUL_MS) this.#cut.abort("doubtful");
    };
    globalThis.addEventListener?.("online", () => back(true), { signal });
    if (!inBrowser) return;
    const look = () => {
      clearTimeout(this.#hiddenTimer);
      if (this.#unseen) this.#leaveSoon();
      else back(false);
    };
    document.addEventListener("visibilitychange", look, { signal });
    globalThis.addEventListener("pageshow", look, { signal });
  }
}

const given = (value) => (typeof value === "function" ? value() : value);

function parsed(text, url) {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FlawlessError({ type: "not-flawless", detail: `${url} sends no JSON` }, { cause });
  }
}

/**
 * Read a stream of server-sent events until it ends, through lost connections: reconnects with
 * growing, jittered pauses, goes on after the last event it saw, notices a network that is back and
 * a page that is seen again, and a connection that is dead though nobody closed it. A page that is
 * hidden for 10 s lets go of its streams until it is seen, unless `whileHidden` is set.
 *
 * `onEvent` gets `{type, data, id}` with `data` parsed from JSON, and is awaited before the next.
 * Resolves with true after an `end` event, with false when `signal` is aborted. Rejects with a
 * `FlawlessError` where trying again is of no use (not found, not allowed), and with what `onEvent`
 * throws.
 *
 * @param {string | URL} url
 * @param {import("./flawless.d.ts").SubscribeOptions} options
 * @returns {Promise<boolean>}
 */
export function subscribe(url, options) {
  return new Stream(url, options).run();
}
