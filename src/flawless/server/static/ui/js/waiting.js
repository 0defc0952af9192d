// How many decisions wait for a person: the number beside the inbox, wherever one is.

const POLL_MS = 10_000;
const COUNT_MAX = 99;

export class Waiting {
  constructor(app) {
    this.app = app;
    this.count = 0;
  }

  start() {
    this.refresh();
    setInterval(() => document.visibilityState === "visible" && this.refresh(), POLL_MS);
  }

  async refresh() {
    try {
      const health = await this.app.api.get("health");
      this.set(health.executions.parked ?? 0);
    } catch {
      // The number stays as it was; the pages tell what is wrong.
    }
  }

  set(count) {
    if (count === this.count) return;
    this.count = count;
    this.app.update();
  }

  get text() {
    return this.count > COUNT_MAX ? `${COUNT_MAX}+` : String(this.count);
  }
}
