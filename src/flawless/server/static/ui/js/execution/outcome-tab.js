// What went in and what came out.
import { html, nothing } from "../lit.js";
import { errorView } from "./frames.js";
import { valueCard } from "./value-card.js";

export class OutcomeTab {
  name = "outcome";
  label = "Input & result";

  constructor(page) {
    this.page = page;
    this.views = new Set();
    this.response = null; // {value} once it is here
  }

  get count() {
    return null;
  }

  render() {
    const { feed, app } = this.page;
    const { invoked, end } = feed.timeline;
    const options = { views: this.views, redraw: () => app.update() };
    return html`<div class="two-columns">
      ${invoked ? valueCard("Input", this.input(invoked.input), options) : this.missing()}
      <div class="stack">${this.outcome(end, options)}${this.responded(options)}</div>
    </div>`;
  }

  missing() {
    const text = this.page.feed.detail.start_at
      ? "The journal begins when the execution does."
      : "The input is the first entry of the journal.";
    return html`<p class="muted">${text}</p>`;
  }

  // Positional arguments under the names that the workflow gives them.
  input({ args, kwargs }) {
    if (args.length === 0) return kwargs;
    const { value } = this.page.sources.workflow(this.page.feed.detail);
    const names = (value?.parameters ?? []).filter((one) => one.kind.startsWith("positional"));
    if (names.length < args.length) return Object.keys(kwargs).length ? { args, kwargs } : args;
    return { ...Object.fromEntries(args.map((arg, n) => [names[n].name, arg])), ...kwargs };
  }

  outcome(end, options) {
    if (!end) return this.pending();
    const { entry, kind } = end;
    if (kind === "completed") return valueCard("Result", entry.result, options);
    if (kind === "continued") return valueCard("Input of the next run", this.input(entry.input), options);
    const { sources, feed } = this.page;
    return html`<section class="card" aria-label="Error">
      <div class="card-head"><h3>${kind === "failed" ? "Error" : "Cancelled"}</h3></div>
      <div class="card-body">${errorView(entry.error ?? {}, { sources, deployment: feed.detail.deployment, open: false })}</div>
    </section>`;
  }

  pending() {
    return html`<section class="card" aria-label="Result">
      <div class="card-head"><h3>Result</h3></div>
      <div class="card-body muted">It has not ended yet.</div>
    </section>`;
  }

  // What it responded stands beside the journal; asked for once there is one.
  responded(options) {
    const { feed } = this.page;
    if (!feed.timeline.entries.some((entry) => entry.kind === "responded" && !entry.failed)) return nothing;
    if (!this.response) {
      this.response = {};
      feed.get("response", null).then(
        (reply) => {
          if ("response" in reply) this.response = { value: reply.response };
          this.page.app.update();
        },
        () => (this.response = null),
      );
    }
    return "value" in this.response ? valueCard("Response", this.response.value, options) : nothing;
  }
}
