// The journal itself: every entry, as the API gives it.
import { html, live, nothing, styled } from "../lit.js";
import { icon } from "../components/icon.js";
import { brief, clock, count } from "../format.js";
import { download } from "./value-card.js";
import { span } from "./words.js";
import "../components/json-view.js";
import "./virtual-rows.js";

const HEIGHT = 28;
const ROWS_MAX = 14; // in sight at a time
const COMMON = new Set(["position", "kind", "at", "elapsed_us", "label", "effect"]);

export class JournalTab {
  name = "journal";
  label = "Journal";

  constructor(page) {
    this.page = page;
    this.text = "";
    this.chosen = null; // the position of the entry that is shown in full
    this.found = { key: "", entries: [] };
    this.texts = new WeakMap(); // what is searched in, by entry: made once
  }

  get count() {
    return this.page.feed.length || null;
  }

  get entries() {
    const { entries, beganMs } = this.page.feed.timeline;
    if (!this.text) return entries;
    const key = `${beganMs}|${entries.length}|${this.text}`;
    if (key !== this.found.key) {
      const wanted = this.text.toLowerCase();
      this.found = { key, entries: entries.filter((entry) => this.searched(entry).includes(wanted)) };
    }
    return this.found.entries;
  }

  searched(entry) {
    const known = this.texts.get(entry);
    if (known !== undefined) return known;
    const text = JSON.stringify(entry).toLowerCase();
    this.texts.set(entry, text);
    return text;
  }

  set(changes) {
    Object.assign(this, changes);
    this.page.app.update();
  }

  // Show the entry at a position, wherever it is.
  show(position) {
    this.set({ text: "", chosen: position });
    requestAnimationFrame(() => document.querySelector(".journal-rows")?.reveal(position));
  }

  render() {
    const { entries } = this;
    const chosen = this.page.feed.timeline.entries[this.chosen];
    return html`<div class="tab-tools">
        <label class="tl-search">
          ${icon("search")}<span class="visually-hidden">Search the journal</span>
          <input class="input" type="search" placeholder="Search" .value=${live(this.text)} @input=${(event) => this.set({ text: event.target.value })} />
        </label>
        <span class="muted small" role="status">${count(entries.length, "entry", "entries")}</span>
        <span class="grow"></span>
        <button class="button small" @click=${this.keep} ?disabled=${!this.page.feed.fresh}>${icon("file")}Download as JSON</button>
      </div>
      <div class="journal ${chosen ? "split" : ""}">
        <virtual-rows
          class="journal-rows card"
          role="grid"
          aria-label="Journal"
          aria-rowcount=${entries.length}
          tabindex="0"
          @keydown=${this.onKey}
          ${styled({ height: `${Math.min(ROWS_MAX, Math.max(1, entries.length)) * HEIGHT + 2}px` })}
          .source=${{
            count: entries.length,
            height: HEIGHT,
            row: (place) => this.line(entries[place], place),
          }}
        ></virtual-rows>
        ${chosen ? this.whole(chosen) : nothing}
      </div>`;
  }

  line(entry, place) {
    return html`<div
      class="journal-line ${this.chosen === entry.position ? "chosen" : ""}"
      role="row"
      aria-rowindex=${place + 1}
      aria-selected=${String(this.chosen === entry.position)}
      @click=${() => this.set({ chosen: entry.position })}
      ${styled({ height: `${HEIGHT}px` })}
    >
      <span role="gridcell" class="number muted">${entry.position}</span>
      <span role="gridcell" class="number muted nowrap" title=${clock(entry.at)}>+${span(entry.elapsed_us)}</span>
      <span role="gridcell" class="journal-kind">${entry.kind}</span>
      <span role="gridcell" class="number muted">${entry.effect || ""}</span>
      <span role="gridcell" class="truncate"><span class="journal-label">${entry.label ?? ""}</span> <code class="muted">${rest(entry)}</code></span>
    </div>`;
  }

  whole(entry) {
    return html`<section class="card journal-entry" aria-label=${`Entry ${entry.position}`}>
      <div class="card-head">
        <h3>Entry ${entry.position}</h3><span class="grow"></span>
        ${entry.position ? html`<button class="button small" @click=${() => this.page.travelTo(entry.position)}>${icon("travel")}Go to this point</button>` : nothing}
        <button class="button quiet small icon-only" aria-label="Close the entry" @click=${() => this.set({ chosen: null })}>${icon("close")}</button>
      </div>
      <div class="card-body"><json-view .value=${entry} open="3"></json-view></div>
    </section>`;
  }

  onKey = (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: ROWS_MAX, PageUp: -ROWS_MAX }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const { entries } = this;
    const at = entries.findIndex((entry) => entry.position === this.chosen);
    const next = Math.min(entries.length - 1, Math.max(0, at + by));
    if (!entries[next]) return;
    this.set({ chosen: entries[next].position });
    event.currentTarget.reveal(next);
  };

  keep = () => {
    const { feed } = this.page;
    const { entries } = feed.timeline;
    const kept = { execution: feed.detail, run: feed.run, entries };
    download(`${feed.detail.id}.journal.json`, JSON.stringify(kept, null, 1));
  };
}

// What an entry tells beside what all tell, on one line.
function rest(entry) {
  const fields = Object.entries(entry).filter(([name]) => !COMMON.has(name));
  return fields.map(([name, value]) => `${name}=${brief(value, 80)}`).join(" ");
}
