// Server-sent events out of bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html).

import { FlawlessError } from "./problems.js";

const EVENT_CHARS_MAX = 64 * 1024 * 1024;

/** Takes server-sent events apart, however their bytes were cut. */
export class EventParser {
  #rest = "";
  #type = "";
  #data = [];
  #size = 0;
  #id;
  /** Behind which event to go on: an id counts once the event it came with is whole. */
  lastId;
  retryMs = null;

  constructor(lastId) {
    this.#id = this.lastId = lastId;
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
        this.lastId = this.#id;
        if (this.#data.length) {
          events.push({ type: this.#type || "message", data: this.#data.join("\n"), id: this.#id });
        }
        [this.#type, this.#data, this.#size] = ["", [], 0];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") this.#type = value;
      else if (field === "data") this.#size += this.#data.push(value) && value.length;
      else if (field === "id" && !value.includes("\0")) this.#id = value;
      else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    }
    return events;
  }
}
