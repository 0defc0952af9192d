// One execution: everything that can be asked of it or done to it.

import { FlawlessError } from "./problems.js";
import { subscribe } from "./stream.js";
import { newId } from "./waiting.js";
import { Feed, Watch } from "./watching.js";

/** The longest a request is kept waiting for an execution. */
const POLL_S = 30;
const FINAL = new Set(["completed", "failed", "cancelled"]);

export class Execution {
  #requests;
  #feeds;

  /** Not called by users: see `Flawless.start` and `Flawless.execution`. */
  constructor(requests, feeds, id, started = null) {
    this.#requests = requests;
    this.#feeds = feeds;
    /** The id. */
    this.id = id;
    /** The server's answer to the start, with `new`; null where it was not started here. */
    this.started = started;
  }

  #path(tail = "") {
    if (!/^[A-Za-z0-9]/.test(this.id)) {
      const detail = `${JSON.stringify(this.id)} is no id of an execution`;
      throw failure("input-invalid", "There is no such id", detail, { path: "id" });
    }
    return `/executions/${encodeURIComponent(this.id)}${tail}`;
  }

  /**
   * How it stands: its whole document.
   * @returns {Promise<import("./flawless.d.ts").ExecutionDocument>}
   */
  get(options = {}) {
    return this.#requests.get(this.#path(), options);
  }

  /**
   * What its workflow has published last: `{value, version, at}`, all null if nothing.
   * @returns {Promise<import("./flawless.d.ts").State>}
   */
  state(options = {}) {
    return this.#requests.get(this.#path("/state"), options);
  }

  /**
   * Send a message, which the workflow receives once. False: one with this id came before.
   * @param {string} name
   * @param {any} [payload]
   * @param {{id?: string, signal?: AbortSignal}} [options]
   * @returns {Promise<boolean>}
   */
  async send(name, payload = null, { id, signal } = {}) {
    const body = { name, payload, id: id ?? newId() };
    const options = { signal, repeatable: true };
    const sent = await this.#requests.post(this.#path("/messages"), body, options);
    return id === undefined || sent.new;
  }

  /**
   * Wait for the result, for ever or `waitS` seconds; a failure is thrown as what it was.
   * @param {{waitS?: number, signal?: AbortSignal}} [options]
   */
  async result({ waitS, signal } = {}) {
    return this.#value(await this.outcome({ waitS: waitS ?? Infinity, signal }), waitS);
  }

  /**
   * Wait for what the workflow responds, or for its result if it ends without that.
   * @param {{waitS?: number, signal?: AbortSignal}} [options]
   */
  async response({ waitS, signal } = {}) {
    const found = await this.#poll("/response", waitS ?? Infinity, signal, (one) => {
      return "response" in one || FINAL.has(one.status);
    });
    return "response" in found ? found.response : this.#value(found, waitS);
  }

  /**
   * How it stands, waiting up to `waitS` seconds for its end.
   * @param {{waitS?: number, signal?: AbortSignal}} [options]
   * @returns {Promise<import("./flawless.d.ts").Outcome>}
   */
  outcome({ waitS = 0, signal } = {}) {
    return this.#poll("/result", waitS, signal, (one) => FINAL.has(one.status));
  }

  /** All entries of its journal, for `for await`. */
  journal(options = {}) {
    return this.#pages("/journal", "entries", options);
  }

  /** All that it has logged and printed, for `for await`. */
  logs(options = {}) {
    return this.#pages("/logs", "logs", options);
  }

  /**
   * Ask it to end; its workflow may clean up.
   * @param {{reason?: string, graceS?: number, by?: string, id?: string}} [options]
   */
  cancel({ reason = "", graceS, by = "", id = newId(), signal } = {}) {
    const body = { reason, by, id, ...(graceS === undefined ? {} : { grace_s: graceS }) };
    return this.#requests.post(this.#path("/cancel"), body, { signal, repeatable: true });
  }

  /**
   * End it at once, without cleaning up.
   * @param {{reason?: string, by?: string, id?: string}} [options]
   */
  terminate({ reason = "", by = "", id = newId(), signal } = {}) {
    const body = { reason, by, id };
    return this.#requests.post(this.#path("/terminate"), body, { signal, repeatable: true });
  }

  /**
   * A token that opens this execution and nothing else: `{token, expires_at, rights}`.
   * @param {{rights?: string[], ttlS?: number, messages?: string[]}} [options]
   * @returns {Promise<import("./flawless.d.ts").Capability>}
   */
  capability({ rights = ["state", "send"], ttlS = 3_600, messages, signal } = {}) {
    const body = { rights, ttl_s: ttlS, ...(messages === undefined ? {} : { messages }) };
    return this.#requests.post(this.#path("/capability"), body, { signal, repeatable: true });
  }

  /**
   * Tell `listener(value, state)` what the workflow has published, now and at each change, until
   * it ends (`onEnd(outcome)`), the watch is stopped, or `signal` is aborted. Lost connections are
   * made again (`onConnection`). Without a listener, iterate: `for await (const state of watch)`.
   * @param {(value: any, state: import("./flawless.d.ts").State) => void} [listener]
   * @param {import("./flawless.d.ts").WatchOptions} [options]
   * @returns {Watch}
   */
  watch(listener, options = {}) {
    let feed = this.#feeds.get(this.id);
    if (feed === undefined) {
      const open = (hooks) => this.events(hooks.onEvent, { include: ["state"], ...hooks });
      const closed = () => this.#feeds.get(this.id) === feed && this.#feeds.delete(this.id);
      feed = new Feed(open, closed);
      this.#feeds.set(this.id, feed);
    }
    return new Watch(feed, listener, options);
  }

  /**
   * Read its stream of events as it is: see `subscribe`.
   * @param {(event: import("./flawless.d.ts").StreamEvent) => unknown} onEvent
   */
  events(onEvent, { include = ["execution", "state"], ...options } = {}) {
    const url = this.#requests.url(this.#path("/events"), { include: include.join(",") });
    return subscribe(url, { ...options, onEvent, headers: () => this.#requests.headers() });
  }

  async #poll(tail, waitS, signal, found) {
    const until = Date.now() + waitS * 1_000;
    for (;;) {
      const left = Math.max(0, Math.min(POLL_S, (until - Date.now()) / 1_000));
      const options = { query: { wait: left }, waitS: left, signal };
      const one = await this.#requests.get(this.#path(tail), options);
      if (found(one) || Date.now() >= until) return one;
    }
  }

  #value(outcome, waitS) {
    if (outcome.status === "completed") return outcome.result;
    const { module = "", type = "", message = outcome.status } = outcome.error ?? {};
    if (outcome.status === "failed") {
      const detail = `${this.id}: ${type}: ${message}`;
      throw failure("execution-failed", "The workflow raised", detail, { outcome, module });
    }
    if (outcome.status === "cancelled") {
      const detail = `execution ${this.id} was cancelled: ${message}`;
      throw failure("execution-cancelled", "The execution was cancelled", detail, { outcome });
    }
    const detail = `execution ${this.id} has not ended within ${waitS} s; it goes on`;
    throw failure("result-timeout", "The execution goes on", detail, { outcome });
  }

  async *#pages(tail, name, { from = 0, signal } = {}) {
    let place = from;
    let path = this.#path(tail);
    let run = null;
    while (place !== null) {
      let page = await this.#requests.get(path, { query: { from: place }, signal });
      if (run !== null && page.run !== run) {
        // The next run began meanwhile: the rest of this one is under its own name.
        path = `/executions/${encodeURIComponent(this.id)}~${run}${tail}`;
        page = await this.#requests.get(path, { query: { from: place }, signal });
      }
      run = page.run;
      yield* page[name];
      place = page.next;
    }
  }
}

function failure(type, title, detail, fields) {
  return new FlawlessError({ type, title, detail, ...fields });
}
