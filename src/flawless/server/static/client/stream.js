// One subscription to a stream of events, over as many connections as it takes.

import { EventParser } from "./parser.js";
import { FlawlessError, FOREIGN, refusal, unreachable } from "./problems.js";
import { inBrowser, TURN_MS, turnsAt } from "./turns.js";
import { alive, jittered, pause } from "./waiting.js";

/** Between two connections: the first pause, unless the server names another. */
const RECONNECT_MS = 1_000;
const RECONNECT_MS_MAX = 10_000;
/** Servers send a sign of life each 15 s: after this long without one, the connection is dead. */
const SILENT_MS_MAX = 40_000;
/** A page that comes back to life distrusts a connection that was silent for longer than this. */
const DOUBTFUL_MS = 20_000;
/** A page nobody sees lets go of its streams after this long. */
const HIDDEN_MS = 10_000;
/** How servers answer who comes back after the `end`. */
const NO_CONTENT = 204;
const FOREVER_MS = 2 ** 31 - 1;

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
        if (this.#unseen && this.#id) {
          await this.#pause(FOREVER_MS);
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
        await this.#pause(retryMs);
      }
      return false;
    } finally {
      clearTimeout(this.#hiddenTimer);
      off.abort();
      onConnection({ state: "closed" });
    }
  }

  /** Wait, unless something says that there is reason to go on. */
  #pause(ms) {
    this.#wake = new AbortController(); // what was heard before the connection broke does not count
    return pause(ms, this.#wake.signal, this.#options.signal);
  }

  /** Connect once the server has room, and read until the connection ends. */
  async #once(onConnection) {
    const cut = (this.#cut = new AbortController());
    this.#openedAt = 0;
    const free = await turnsAt(this.#url).take(() => this.#giveWay(), cut.signal);
    try {
      if (cut.signal.aborted) return { ended: false, error: null };
      const response = await this.#open(cut.signal);
      if (response === null) return { ended: true, error: null };
      onConnection({ state: "open" });
      return { ended: await this.#read(response), error: null };
    } catch (error) {
      return { ended: false, error };
    } finally {
      free();
      cut.abort("over");
    }
  }

  /** Ask for the stream; null when it has ended before, with the event that was the last one here. */
  async #open(signal) {
    const { headers = {}, credentials = "same-origin" } = this.#options;
    const all = { Accept: "text/event-stream", ...(await given(headers)) };
    if (this.#id) all["Last-Event-ID"] = this.#id;
    const init = { headers: all, credentials, cache: "no-store", signal };
    const response = await this.#unlessSilent(fetch(this.#url, init));
    if (!response.ok) throw await refusal(response);
    if (response.status === NO_CONTENT && this.#id) return null;
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      throw new FlawlessError({ type: FOREIGN, detail: `${this.#url} is no stream of events` });
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
      this.#id = parser.lastId;
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
    alive.addEventListener(new URL(this.#url).origin, () => this.#wake.abort(), { signal });
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
    throw new FlawlessError({ type: FOREIGN, detail: `${url} sends no JSON` }, { cause });
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
