// Requests to the API: with a token or a session, and repeated after failures where that is safe.

import { FlawlessError, FOREIGN, refusal, unreachable } from "./problems.js";
import { alive, jittered, pause } from "./waiting.js";

/** How long an answer may take that waits for nothing. */
const ANSWER_MS = 15_000;
const PAUSE_MS = 200;
const PAUSE_MS_MAX = 5_000;

export class Requests {
  #root;
  #token;
  #retryMs;
  /** What a session sends with everything that is no GET; null until the server wanted it. */
  #csrf = null;

  constructor(root, token, retryS) {
    this.#root = root;
    this.#token = token;
    this.#retryMs = retryS * 1_000;
  }

  /** The address of a path of the API. */
  url(path, query = {}) {
    const url = new URL(`api/v1${path}`, this.#root);
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) {
        if (one !== undefined && one !== null && one !== "") url.searchParams.append(name, one);
      }
    }
    return url;
  }

  /** The headers that say who asks. */
  async headers() {
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    return token ? { Authorization: `Bearer ${token}` } : {};
  }

  get(path, { query, waitS = 0, signal } = {}) {
    return this.#repeat({ method: "GET", url: this.url(path, query), waitS, signal }, true);
  }

  /** `repeatable`: the body carries an id, by which the server knows a repeated request. */
  post(path, body, { waitS = 0, signal, repeatable = false } = {}) {
    return this.#repeat({ method: "POST", url: this.url(path), body, waitS, signal }, repeatable);
  }

  async #repeat(request, repeatable) {
    const until = Date.now() + this.#retryMs;
    for (let tries = 0; ; tries++) {
      try {
        return await this.#once(request);
      } catch (error) {
        if (request.signal?.aborted || !(error instanceof FlawlessError)) throw error;
        if (error.type === "csrf-required" && (await this.#learnCsrf())) continue;
        // A server that is too busy has done nothing; after other failures nobody knows.
        if (!error.again || !(repeatable || error.status === 429)) throw error;
        const ms = jittered(Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** tries));
        const pauseMs = Math.max(ms, error.retryAfterMs);
        if (Date.now() + pauseMs > until) throw error;
        await pause(pauseMs, request.signal);
        request.signal?.throwIfAborted();
      }
    }
  }

  async #once({ method, url, body, waitS, signal }) {
    const cut = new AbortController();
    const stop = () => cut.abort();
    const timer = setTimeout(stop, ANSWER_MS + waitS * 1_000);
    signal?.addEventListener("abort", stop);
    let response;
    let text;
    try {
      signal?.throwIfAborted();
      const headers = { Accept: "application/json", ...(await this.headers()) };
      if (body !== undefined) headers["Content-Type"] = "application/json";
      if (this.#csrf !== null && method !== "GET") headers["X-Flawless-CSRF"] = this.#csrf;
      const init = { method, headers, body: written(body), signal: cut.signal };
      response = await fetch(url, { ...init, credentials: "same-origin", cache: "no-store" });
      if (!response.ok) throw await refusal(response);
      text = await response.text();
      alive.dispatchEvent(new Event(url.origin));
    } catch (error) {
      if (error instanceof FlawlessError) throw error;
      signal?.throwIfAborted();
      throw unreachable(url, error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
    try {
      return JSON.parse(text);
    } catch (cause) {
      const detail = `${url.origin} did not answer with JSON: is it a Flawless server?`;
      throw new FlawlessError({ type: FOREIGN, detail, status: response.status }, { cause });
    }
  }

  /** A page with a session asks once what the session sends along; true if there is news. */
  async #learnCsrf() {
    const before = this.#csrf;
    this.#csrf = (await this.#once({ method: "GET", url: this.url("/whoami"), waitS: 0 })).csrf;
    return this.#csrf !== null && this.#csrf !== before;
  }
}

function written(body) {
  if (body === undefined) return undefined;
  try {
    return JSON.stringify(body);
  } catch (cause) {
    throw new FlawlessError({ type: "input-invalid", detail: `this is no JSON: ${cause}` }, { cause });
  }
}
