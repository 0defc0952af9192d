// What the execution published last, live: what changed is marked, and earlier versions are kept as
// long as the page is open.
import { html, keyed, nothing } from "../lit.js";
import { brief, number } from "../format.js";
import { empty } from "../components/empty.js";
import { ago } from "../components/time.js";
import { changes } from "./changes.js";
import { valueCard } from "./value-card.js";

const HISTORY_MAX = 30;
const CHANGES_SHOWN = 6;

export class StateTab {
  name = "state";
  label = "State";

  constructor(page) {
    this.page = page;
    this.views = new Set();
    this.seen = null; // the state that was looked at last
    this.history = []; // what changed, newest first
  }

  get count() {
    return this.page.feed.state?.version ?? null;
  }

  // Note what changed, whether or not the tab is open.
  look() {
    const { state } = this.page.feed;
    if (!state || state.version === null || state === this.seen) return;
    if (this.seen && this.seen.version !== null && state.version > this.seen.version) {
      const found = changes(this.seen.value, state.value);
      this.history = [{ version: state.version, at: state.at, found }, ...this.history].slice(0, HISTORY_MAX);
    }
    this.seen = state;
  }

  render() {
    const { app, feed } = this.page;
    const { state } = feed;
    if (!state) return html`<p class="muted">Loading the state</p>`;
    if (state.version === null) {
      return empty({
        icon: "pulse",
        title: "Nothing published",
        text: "What the workflow hands to publish(...) is shown here as it changes.",
      });
    }
    const note = html`<span class="muted small">version ${number(state.version)}, ${ago(app, state.at)}</span>`;
    const options = { views: this.views, redraw: () => app.update(), open: 4, note };
    return html`<div class="two-columns">
      ${keyed(this.history[0]?.version, html`<div class=${this.history.length ? "flash" : ""}>${valueCard("State", state.value, options)}</div>`)}
      ${this.changed()}
    </div>`;
  }

  changed() {
    return html`<section class="card" aria-label="Changes">
      <div class="card-head"><h3>Changes</h3><span class="muted small">since this page was opened</span></div>
      <div class="card-body">
        ${this.history.length === 0
          ? html`<span class="muted">None so far.</span>`
          : html`<ol class="changes">${this.history.map((one, n) => this.change(one, n === 0))}</ol>`}
      </div>
    </section>`;
  }

  change({ version, at, found }, latest) {
    return html`<li class=${latest ? "flash" : ""}>
      <div class="small"><strong>Version ${number(version)}</strong> <span class="muted">${ago(this.page.app, at)}</span></div>
      ${found.slice(0, CHANGES_SHOWN).map(
        ({ path, before, after }) => html`<div class="change">
          <code class="j-key">${path || "value"}</code>
          ${before === undefined ? nothing : html`<del>${brief(before, 60)}</del>`}
          ${after === undefined ? html`<span class="muted">gone</span>` : html`<ins>${brief(after, 60)}</ins>`}
        </div>`,
      )}
      ${found.length > CHANGES_SHOWN ? html`<div class="muted small">${found.length - CHANGES_SHOWN} more</div>` : nothing}
    </li>`;
  }
}
