// The inbox: effects that wait for a person's decision.
import { html, nothing, repeat } from "../lit.js";
import { empty } from "../components/empty.js";
import { icon } from "../components/icon.js";
import { problemNotice } from "../components/notice.js";
import { ago } from "../components/time.js";
import { listen } from "../events.js";
import { resolve, why } from "../inbox/resolve.js";

const PAGE = 50;
const SOON_MS = 400; // many changes are one look
const POLL_MS = 3_000;

export class InboxPage {
  title = "Inbox";

  constructor(app) {
    this.app = app;
    this.items = [];
    this.next = null;
    this.pages = 1; // how many are shown
    this.loaded = false;
    this.problem = null;
    this.loads = 0;
    this.soon = null;
    this.poll = null;
  }

  connected() {
    this.load();
    this.stop = listen(this.app, "events", {
      onEvent: ({ type, data }) => this.#event(type, data),
      onRefused: () => {
        this.poll = setInterval(() => this.load(), POLL_MS);
      },
    });
  }

  disconnected() {
    this.stop();
    clearTimeout(this.soon);
    clearInterval(this.poll);
    this.loads += 1;
  }

  async load() {
    const load = ++this.loads;
    const items = [];
    let next = null;
    try {
      for (let page = 0; page < this.pages && (page === 0 || next !== null); page += 1) {
        const found = await this.app.api.get("inbox", { limit: PAGE, before: next });
        items.push(...found.items);
        next = found.next;
      }
      if (load !== this.loads) return;
      [this.items, this.next, this.loaded, this.problem] = [items, next, true, null];
    } catch (error) {
      if (load !== this.loads) return;
      this.problem = error;
    }
    this.app.update();
  }

  render() {
    return html`<div class="page-head">
        <h1>Inbox</h1>
        <p class="lead">
          Effects that only a person can decide about. Their executions wait, and cost nothing
          meanwhile.
        </p>
      </div>
      ${this.problem ? problemNotice(this.problem, () => this.load()) : nothing} ${this.#list()}`;
  }

  #list() {
    if (!this.loaded) {
      if (this.problem) return nothing;
      return html`<div class="card card-body" aria-busy="true"><span class="skeleton"></span></div>`;
    }
    if (this.items.length === 0) {
      return html`<div class="card">
        ${empty({
          icon: "inbox",
          title: "Nothing waits for a decision",
          text: html`When the engine stops in the middle of an effect that must not happen twice, as one
          with <code>on_interrupt="park"</code>, nobody knows whether it happened. You are then
          asked here.`,
        })}
      </div>`;
    }
    return html`<ul class="card inbox" aria-label="Waiting for a decision">
        ${repeat(
          this.items,
          (item) => `${item.execution} ${item.effect}`,
          (item) => this.#item(item),
        )}
      </ul>
      ${this.next === null
        ? nothing
        : html`<div class="more-row">
            <button type="button" class="button" @click=${() => this.#more()}>Show more</button>
          </div>`}`;
  }

  #item(item) {
    const { app } = this;
    const refusal = app.refusal("operate");
    const attributes = Object.entries(item.attributes ?? {});
    return html`<li class="inbox-item">
      <span class="inbox-icon" data-status="parked">${icon("parked")}</span>
      <div class="grow">
        <div class="inbox-title"><code>${item.label}</code></div>
        <div class="row wrap muted">
          <a href=${app.href(["executions", item.execution])}>${item.workflow}</a>
          <span class="mono small truncate">${item.execution}</span>
          ${attributes.map(([name, value]) => html`<span class="chip">${name}=${value}</span>`)}
        </div>
        <div class="small muted">${why(item)}</div>
      </div>
      <div class="inbox-since muted small">${ago(app, item.at)}</div>
      <button
        type="button"
        class="button"
        ?disabled=${refusal !== ""}
        title=${refusal}
        aria-label=${`Decide about ${item.label} of ${item.execution}`}
        @click=${() => this.#decide(item)}
      >
        Decide
      </button>
    </li>`;
  }

  async #decide(item) {
    await resolve(this.app, item);
    this.load();
  }

  #more() {
    this.pages += 1;
    this.load();
  }

  // Only what is parked, or was, matters here.
  #event(type, data) {
    const shown = new Set(this.items.map((item) => item.execution));
    const matters =
      type === "reset" ||
      data.executions?.some((one) => one.status === "parked" || shown.has(one.id));
    if (!matters || this.soon !== null) return;
    this.soon = setTimeout(() => {
      this.soon = null;
      this.load();
      this.app.health.soon();
    }, SOON_MS);
  }
}
