// Requests to the HTTP API. What goes wrong is a Problem, whatever it was: the server's own words
// (RFC 9457), a gateway's page, or no answer at all.

const API = new URL("../api/v1/", document.baseURI);
const REQUEST_MS_MAX = 70_000; // more than the longest wait for a result

export class Problem extends Error {
  constructor(status, fields) {
    super(fields.detail || fields.title || `status ${status}`);
    this.status = status; // 0: the server could not be reached
    this.type = fields.type || "about:blank";
    this.title = fields.title || "";
    this.detail = fields.detail || "";
    this.hint = fields.hint || "";
    this.path = fields.path || ""; // the field that does not fit
    this.fields = fields;
  }

  get unreachable() {
    return this.status === 0;
  }

  // Whether the server is one that does not have this endpoint at all.
  get missing() {
    return this.status === 404 && this.type === "about:blank";
  }
}

export class Api {
  // `onAuthentication` is called when the server wants to know who asks.
  constructor({ onAuthentication = () => {} } = {}) {
    this.onAuthentication = onAuthentication;
    this.csrf = null;
    this.ready = Promise.resolve(); // what changes something waits for it: it tells the `csrf`
    this.skewMs = 0; // how far the server's clock is ahead of this one
  }

  url(path, query = null) {
    const url = new URL(path.replace(/^\//, ""), API);
    for (const [name, value] of pairs(query)) url.searchParams.append(name, value);
    return url;
  }

  get(path, query = null, { signal } = {}) {
    return this.#ask("GET", path, { query, signal });
  }

  post(path, body = {}, { signal } = {}) {
    return this.#ask("POST", path, { body, signal });
  }

  // Bytes as they are, such as a component.
  send(path, blob, type, query = null) {
    return this.#ask("POST", path, { query, blob, type });
  }

  delete(path, { signal } = {}) {
    return this.#ask("DELETE", path, { signal });
  }

  // What is no JSON, such as metrics.
  text(path) {
    return this.#ask("GET", path, { read: (text) => text });
  }

  // The server's time now, in milliseconds.
  now() {
    return Date.now() + this.skewMs;
  }

  async #ask(method, path, { query, body, blob, type, signal, read = parsed }) {
    if (method !== "GET") await this.ready;
    const headers = { Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (blob !== undefined) headers["Content-Type"] = type;
    if (this.csrf !== null && method !== "GET") headers["X-Flawless-CSRF"] = this.csrf;
    const timeout = AbortSignal.timeout(REQUEST_MS_MAX);
    const askedMs = Date.now();
    let response;
    let text;
    try {
      response = await fetch(this.url(path, query), {
        method,
        headers,
        body: body === undefined ? blob : JSON.stringify(body),
        credentials: "same-origin",
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      text = await response.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem(0, {
        title: "The server cannot be reached",
        detail: "The server cannot be reached",
        hint: "Is `flawless up` running? This page goes on by itself when it is back.",
      });
    }
    this.#learnTime(response, askedMs);
    if (response.ok) return read(text);
    if (response.status === 401) this.onAuthentication();
    throw new Problem(response.status, problemOf(response, text));
  }

  // The server wrote the time, in whole seconds, at some moment since it was asked: only what lies
  // outside of that is a difference between the clocks.
  #learnTime(response, askedMs) {
    const at = Date.parse(response.headers.get("Date") ?? "");
    if (Number.isNaN(at)) return;
    const isSame = at > askedMs - 2000 && at < Date.now() + 2000;
    this.skewMs = isSame ? 0 : at - askedMs;
  }
}

function parsed(text) {
  return text === "" ? null : JSON.parse(text);
}

function problemOf(response, text) {
  const fallback = { title: `The server answered ${response.status} ${response.statusText}`.trim() };
  try {
    const fields = JSON.parse(text);
    return typeof fields === "object" && fields !== null ? fields : fallback;
  } catch {
    return fallback;
  }
}

// Names and values of a query; a list repeats its name, null and "" leave theirs out.
function* pairs(query) {
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") yield [name, one];
    }
  }
}
