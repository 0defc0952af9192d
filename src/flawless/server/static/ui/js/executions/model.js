// The executions that are loaded: pages from the API, and what changes from the stream.
//
// While somebody reads (`hold`), what is new waits in `fresh`, so that nothing moves; what does not
// belong in the list any more stays, marked as gone.
import { listen } from "../events.js";
import { toParameters } from "./filter.js";

const PAGE = 100;
const FRESH_MAX = 500; // more new ones than this are not kept: the list is loaded anew
const ROWS_LIVE_MAX = 5_000; // the same for what has arrived on top since it was loaded
const EMPTY_PAGES_MAX = 20; // pages without a match in a row, until one has to ask to go on
const POLL_MS = 3_000;

export class ListModel {
  constructor(app, filter) {
    this.app = app;
    this.filter = filter;
    this.rows = [];
    this.known = new Map(); // id -> execution, of `rows`
    this.gone = new Set(); // ids that do not fit the status any more
    this.fresh = new Map(); // id -> execution, newer than what is shown
    this.overflow = false; // more is new than `fresh` keeps
    this.arrived = 0;
    this.next = null;
    this.loaded = false;
    this.loading = false;
    this.paused = false; // many pages without a match: go on only when asked
    this.problem = null;
    this.hold = false;
    this.loads = 0;
    this.stop = null;
    this.poll = null;
  }

  // Load the first page, and listen from now on.
  open() {
    if (!this.loaded) this.load();
    const { status, ...query } = toParameters(this.filter, this.app.now());
    this.stop = listen(this.app, "events", {
      query,
      onEvent: ({ type, data }) => this.#event(type, data),
      onRefused: () => this.#startPolling(),
    });
  }

  close() {
    this.stop?.();
    clearInterval(this.poll);
    this.stop = this.poll = null;
  }

  // Forget all, and begin with the newest.
  async load() {
    const load = ++this.loads;
    this.loading = true;
    this.problem = null;
    this.app.update();
    try {
      const page = await this.#page(null);
      if (load !== this.loads) return;
      this.rows = [];
      this.known = new Map();
      this.#forgetNews();
      this.gone.clear();
      this.arrived = 0;
      this.loaded = true;
      this.#append(page);
    } catch (error) {
      if (load === this.loads) this.problem = error;
    }
    if (load === this.loads) {
      this.loading = false;
      this.app.update();
    }
  }

  // Load what is older than the last row, until there is something.
  async more() {
    if (this.loading || this.next === null || this.problem) return;
    const load = this.loads;
    this.loading = true;
    this.paused = false;
    this.app.update();
    const before = this.rows.length;
    try {
      for (let pages = 0; this.rows.length === before && this.next !== null; pages += 1) {
        if (pages === EMPTY_PAGES_MAX) {
          this.paused = true;
          break;
        }
        const page = await this.#page(this.next);
        if (load !== this.loads) return;
        this.#append(page);
      }
    } catch (error) {
      if (load === this.loads) this.problem = error;
    }
    if (load === this.loads) {
      this.loading = false;
      this.app.update();
    }
  }

  // Look at the newest page again and take over what has changed.
  async refresh() {
    if (!this.loaded || this.loading) return;
    const load = this.loads;
    try {
      const page = await this.#page(null);
      if (load !== this.loads) return;
      const oldest = page.executions.at(-1);
      const meets = page.next === null || !this.rows.length || isNewer(this.rows[0], oldest);
      if (meets) this.#apply(page.executions);
      else if (this.hold) this.overflow = true;
      else await this.load();
      this.app.update();
    } catch (error) {
      if (this.poll !== null && error.unreachable) this.app.connected("lost");
    }
  }

  get freshCount() {
    return this.fresh.size;
  }

  // Show what is new, and take away what is gone.
  settle() {
    if (this.overflow || this.arrived > ROWS_LIVE_MAX) {
      this.load();
      return;
    }
    if (this.fresh.size === 0 && this.gone.size === 0) return;
    const rows = this.rows.filter((row) => !this.gone.has(row.id));
    for (const id of this.gone) this.known.delete(id);
    for (const execution of this.fresh.values()) {
      insert(rows, execution);
      this.known.set(execution.id, execution);
    }
    this.arrived += this.fresh.size;
    this.rows = rows;
    this.gone.clear();
    this.fresh.clear();
    this.app.update();
  }

  get(id) {
    return this.known.get(id);
  }

  // Take over one execution, as an action has answered it: an event may have told later news.
  take(execution) {
    const row = this.known.get(execution?.id);
    if (row !== undefined && execution.updated_at >= row.updated_at) this.#apply([execution]);
  }

  // --- inside -----------------------------------------------------------------------------------

  #page(before) {
    const query = { ...toParameters(this.filter, this.app.now()), limit: PAGE, before };
    return this.app.api.get("executions", query);
  }

  #append(page) {
    for (const execution of page.executions) {
      if (this.known.has(execution.id)) continue;
      this.known.set(execution.id, execution);
      this.rows.push(execution);
    }
    this.next = page.next;
  }

  #event(type, data) {
    if (type === "reset") this.refresh(); // at the beginning, and when one was too far behind
    if (type === "changes") this.#apply(data.executions);
    this.app.health.soon();
  }

  #apply(executions) {
    for (const execution of executions) {
      const fits = this.filter.status === "" || execution.status === this.filter.status;
      const row = this.known.get(execution.id);
      if (row !== undefined) {
        Object.assign(row, execution);
        if (fits) this.gone.delete(row.id);
        else this.gone.add(row.id);
      } else if (fits && this.#isInRange(execution)) this.#add(execution);
      else this.fresh.delete(execution.id);
    }
    if (!this.hold) this.settle();
    this.app.update();
  }

  // Whether it stands among what is loaded; if not, it comes with a later page.
  #isInRange(execution) {
    return this.next === null || !this.rows.length || isNewer(execution, this.rows.at(-1));
  }

  #add(execution) {
    this.fresh.set(execution.id, execution);
    if (this.fresh.size > FRESH_MAX) {
      this.fresh.clear();
      this.overflow = true;
    }
  }

  #forgetNews() {
    this.fresh.clear();
    this.overflow = false;
  }

  #startPolling() {
    if (this.poll !== null) return;
    this.app.connected("polling");
    this.poll = setInterval(
      () => document.visibilityState === "visible" && this.refresh(),
      POLL_MS,
    );
  }
}

function isNewer(one, other) {
  if (one.created_at !== other.created_at) return one.created_at > other.created_at;
  return one.id > other.id;
}

// Rows are sorted, newest first; what is new mostly belongs at the top.
function insert(rows, execution) {
  let place = 0;
  while (place < rows.length && isNewer(rows[place], execution)) place += 1;
  rows.splice(place, 0, execution);
}
