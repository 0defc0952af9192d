// How the engine is, asked now and then: the counts in the navigation and over the list.

const POLL_MS = 10_000;
const AGAIN_MS = 1_000; // the soonest after the last time
const WAITING_MAX = 99;

export class Health {
  constructor(app) {
    this.app = app;
    this.latest = null;
    this.problem = null; // why the last look failed
    this.askedMs = 0;
    this.timer = null;
  }

  start() {
    this.refresh();
    setInterval(() => document.visibilityState === "visible" && this.refresh(), POLL_MS);
  }

  // Look again soon: something has happened. Many calls become one look.
  soon() {
    if (this.timer !== null) return;
    const left = Math.max(0, this.askedMs + AGAIN_MS - Date.now());
    this.timer = setTimeout(() => {
      this.timer = null;
      this.refresh();
    }, left);
  }

  async refresh() {
    this.askedMs = Date.now();
    try {
      this.latest = await this.app.api.get("health");
      this.problem = null;
      if (this.app.connection !== "live") this.app.connected("polling");
      if (this.app.session.role === null) this.app.session.load(); // nobody answered before
    } catch (error) {
      // An engine in trouble answers 503, with how it is as far as it knows.
      this.problem = error;
      if (error.unreachable) this.app.connected("lost");
    }
    this.app.update();
  }

  // What the engine says is wrong with it; empty while it is well, or cannot be asked.
  get trouble() {
    return this.problem?.fields?.problem ?? "";
  }

  count(status) {
    return this.latest?.executions[status] ?? 0;
  }

  get all() {
    return Object.values(this.latest?.executions ?? {}).reduce((sum, one) => sum + one, 0);
  }

  // How many executions wait for a person's decision, as the navigation writes it.
  get waiting() {
    const count = this.count("parked");
    return count > WAITING_MAX ? `${WAITING_MAX}+` : count === 0 ? "" : String(count);
  }
}
