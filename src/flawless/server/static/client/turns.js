// Browsers allow six connections to one server, over all tabs, unless it speaks HTTP/2. Streams would
// take them all, and requests wait for ever: so a page streams over few, which are shared in turns.

export const inBrowser = typeof document === "object" && typeof globalThis.Deno === "undefined";

const STREAMS_MAX = 3;
/** Where a page wants more streams, they take turns, each at least this long. */
export const TURN_MS = 1_000;

/** Lets at most so many streams be open to one server; those beyond take turns. */
export class Turns {
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

export function turnsAt(url) {
  const origin = new URL(url).origin;
  if (!turnsOf.has(origin)) turnsOf.set(origin, new Turns());
  return turnsOf.get(origin);
}
