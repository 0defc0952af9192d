// The client: where the server is, who asks, and what can be asked of the engine as a whole.

import { Execution } from "./execution.js";
import { Requests } from "./requests.js";
import { subscribe } from "./stream.js";
import { newId } from "./waiting.js";
import { tell } from "./watching.js";

/** How long one call is tried again after failures. */
const RETRY_S = 30;

export class Flawless {
  #requests;
  #feeds = new Map();

  /**
   * `url` is where the engine is, by default where this module came from; `token`, or a function
   * that gives it, goes with each request. Pages of the engine's own origin may rely on a session.
   * @param {import("./flawless.d.ts").FlawlessOptions} [options]
   */
  constructor({ url = new URL(".", import.meta.url), token, retryS = RETRY_S } = {}) {
    const root = new URL(url, globalThis.location?.href);
    if (!root.pathname.endsWith("/")) root.pathname += "/";
    this.#requests = new Requests(root, token, retryS);
    /** Where the engine is. */
    this.url = root.href;
  }

  /**
   * Start an execution. The id is made here, if none is given, so that a start that is repeated
   * after a lost answer is the same execution. With `waitS`, wait for its response or its end.
   * @param {string} workflow
   * @param {import("./flawless.d.ts").StartOptions} [options]
   * @returns {Promise<Execution>}
   */
  async start(workflow, options = {}) {
    const { input = null, id = newId(), waitS = 0, deadlineS, attributes, startAt, delayS } = options;
    const body = {
      workflow,
      input,
      id,
      wait_s: waitS,
      deadline_s: deadlineS,
      attributes,
      start_at: startAt instanceof Date ? startAt.toISOString() : startAt,
      delay_s: delayS,
    };
    const how = { waitS, signal: options.signal, repeatable: true };
    const started = await this.#requests.post("/executions", body, how);
    if (options.id === undefined) started.new = true;
    return new Execution(this.#requests, this.#feeds, started.id, started);
  }

  /**
   * A handle of the execution with this id. Nothing is asked yet.
   * @param {string} id
   * @returns {Execution}
   */
  execution(id) {
    return new Execution(this.#requests, this.#feeds, id);
  }

  /**
   * One page of executions, newest first: `{executions, next}`; `next` is the next `before`.
   * @param {import("./flawless.d.ts").ListFilters} [filters]
   */
  list(filters = {}) {
    const { signal, ...query } = filters;
    return this.#requests.get("/executions", { query: queryOf(query), signal });
  }

  /**
   * All executions that fulfil the filters, for `for await`.
   * @param {import("./flawless.d.ts").ListFilters} [filters]
   */
  async *executions(filters = {}) {
    let before = filters.before;
    do {
      const page = await this.list({ ...filters, before });
      yield* page.executions;
      before = page.next;
    } while (before !== null);
  }

  /**
   * Tell `listener(executions)` which executions have changed, as they are now. `onReset()` is
   * called when the list has to be loaded again: at the beginning, and after a long absence.
   * Resolves when `signal` is aborted.
   * @param {(executions: import("./flawless.d.ts").ExecutionDocument[]) => void} listener
   * @param {import("./flawless.d.ts").ChangesOptions} [options]
   */
  changes(listener, { onReset, onConnection, signal, ...filters } = {}) {
    const onEvent = ({ type, data }) => {
      if (type === "changes") tell(listener, data.executions);
      if (type === "reset") tell(onReset);
    };
    const headers = () => this.#requests.headers();
    const url = this.#requests.url("/events", queryOf(filters));
    return subscribe(url, { onEvent, onConnection, signal, headers });
  }

  /** What can be started, with signatures as JSON Schema. */
  async workflows(options = {}) {
    return (await this.#requests.get("/workflows", options)).workflows;
  }

  /** Who asks: name, role, rights. */
  whoami(options = {}) {
    return this.#requests.get("/whoami", options);
  }

  /** What waits for a person's decision. */
  inbox({ signal, ...query } = {}) {
    return this.#requests.get("/inbox", { query, signal });
  }
}

/** Filters as the API takes them: `{attributes: {city: "Rome"}, createdAfter: date, ...}`. */
function queryOf({ attributes = {}, createdAfter, createdBefore, ...query }) {
  return {
    ...query,
    created_after: createdAfter instanceof Date ? createdAfter.toISOString() : createdAfter,
    created_before: createdBefore instanceof Date ? createdBefore.toISOString() : createdBefore,
    attribute: Object.entries(attributes).map(([name, value]) => `${name}=${value}`),
  };
}
