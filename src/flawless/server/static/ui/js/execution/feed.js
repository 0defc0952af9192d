// All that is known of one execution, kept up to date: by a stream of events while it lives, by
// asking now and then where there is none.
import { listen } from "../events.js";
import { isFinal } from "../components/status-badge.js";
import { Timeline } from "./timeline.js";

const PAGE_ENTRIES = 1_000;
const POLL_MS = 1_500;
const POLL_ENDED_MS = 5_000; // somebody may retry what has ended

export class Feed {
  // `onChange` is called whenever there is something new to show.
  constructor(app, id, onChange) {
    this.app = app;
    this.id = id;
    this.onChange = onChange;
    this.detail = null;
    this.problem = null; // why there is nothing to show
    this.journalProblem = null; // why there is no journal to show
    this.timeline = new Timeline();
    this.run = null;
    this.length = 0; // entries of the journal, of which some may still be on their way
    this.logs = [];
    this.state = null;
    this.restarts = [];
    this.fresh = false; // whether the whole journal has been here once
    this.unreachable = false;
    this.stopper = null;
  }

  async start() {
    const stopper = new AbortController();
    this.stopper = stopper;
    this.loadRestarts(stopper.signal);
    await this.loadDetail(stopper.signal);
    if (this.detail) this.follow(stopper);
    else if (this.problem?.status !== 404) this.later(stopper, () => this.restart());
  }

  stop() {
    this.stopper?.abort();
    this.stopper = null;
  }

  // Begin to look again: after an action, the execution may live once more.
  restart() {
    if (!this.stopper) return;
    this.stop();
    this.start();
  }

  get ended() {
    return this.detail !== null && isFinal(this.detail.status);
  }

  // --- following ---------------------------------------------------------------------------------

  follow(stopper) {
    if (this.ended) {
      this.poll(stopper);
      return;
    }
    const query = { include: "execution,state,journal" };
    const path = `executions/${encodeURIComponent(this.id)}/events`;
    const stop = listen(this.app, path, {
      query,
      onEvent: (event) => this.onEvent(event, stopper),
      onRefused: () => this.poll(stopper),
    });
    stopper.signal.addEventListener("abort", stop);
  }

  onEvent({ type, data }, stopper) {
    if (stopper.signal.aborted) return;
    if (type === "execution") this.setDetail(data);
    else if (type === "state") this.setState(data);
    else if (type === "journal") this.addEntries(data.entries, data.run, data.length);
    else if (type === "end") {
      this.refresh(stopper.signal).finally(() => this.later(stopper, () => this.poll(stopper)));
    }
    this.onChange();
  }

  async poll(stopper) {
    if (stopper.signal.aborted) return;
    const { ended } = this;
    if (document.visibilityState === "visible" || !this.fresh) await this.refresh(stopper.signal);
    if (stopper.signal.aborted) return;
    if (!this.unreachable) this.app.connected(this.ended ? "live" : "polling");
    if (ended && !this.ended) this.restart();
    else this.later(stopper, () => this.poll(stopper));
  }

  later(stopper, run) {
    const timer = setTimeout(run, this.ended ? POLL_ENDED_MS : POLL_MS);
    stopper.signal.addEventListener("abort", () => clearTimeout(timer));
  }

  // --- asking ------------------------------------------------------------------------------------

  async refresh(signal) {
    await this.loadDetail(signal);
    if (this.problem) return;
    await Promise.all([this.loadJournal(signal), this.loadState(signal)]);
  }

  async loadDetail(signal) {
    try {
      const detail = await this.get("", null, signal);
      if (signal.aborted) return;
      this.problem = null;
      this.unreachable = false;
      this.setDetail(detail);
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 404 || !this.detail) this.problem = error;
      this.unreachable = error.unreachable === true;
      if (this.unreachable) this.app.connected("lost");
    }
    this.onChange();
  }

  async loadJournal(signal) {
    try {
      for (let from = this.timeline.entries.length; from !== null; ) {
        const page = await this.get("journal", { from, limit: PAGE_ENTRIES }, signal);
        if (page.run !== this.run && from > 0) {
          this.newRun(page.run); // it began meanwhile, and this page may be from its middle
          from = 0;
          continue;
        }
        this.addEntries(page.entries, page.run, page.length);
        from = page.next;
        this.onChange();
      }
      this.journalProblem = null;
    } catch (error) {
      if (!signal.aborted && !error.unreachable) this.journalProblem = error;
    }
    this.onChange();
  }

  async loadState(signal) {
    try {
      this.setState(await this.get("state", null, signal));
    } catch {
      // The next look tells.
    }
    this.onChange();
  }

  async loadRestarts(signal) {
    try {
      const found = await this.app.api.get("restarts", null, { signal });
      this.restarts = found.restarts;
    } catch {
      // A server without this list: the timeline does without.
    }
    this.onChange();
  }

  get(part, query, signal) {
    const path = `executions/${encodeURIComponent(this.id)}${part && `/${part}`}`;
    return this.app.api.get(path, query, { signal });
  }

  // --- keeping -----------------------------------------------------------------------------------

  setDetail(detail) {
    const replays = this.detail?.replays?.length;
    this.detail = detail;
    // It was brought back into memory: the engine may have been started anew.
    if (replays !== undefined && replays !== detail.replays?.length) this.loadRestarts(this.stopper?.signal);
    if (this.run !== null && detail.run > this.run) this.newRun(detail.run);
  }

  setState(state) {
    if (!this.state || state.version !== this.state.version) this.state = state;
  }

  addEntries(entries, run, length) {
    if (this.run !== null && run < this.run) return; // the last words of a run that is over
    if (run !== this.run) this.newRun(run);
    const had = this.timeline.entries.length;
    this.timeline.add(entries);
    this.length = Math.max(length, this.timeline.entries.length);
    for (const entry of this.timeline.entries.slice(had)) {
      if (entry.kind === "logged") this.logs.push(entry);
    }
    if (this.timeline.entries.length >= this.length) this.fresh = true;
  }

  newRun(run) {
    this.run = run;
    this.timeline = new Timeline();
    this.logs = [];
    this.length = 0;
    this.fresh = false;
  }
}
