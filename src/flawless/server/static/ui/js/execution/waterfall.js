// The timeline of an execution: which rows are shown, on which axis, which one is chosen.
import { html, nothing, ref, styled } from "../lit.js";
import { count, number } from "../format.js";
import { axisFor } from "./axis.js";
import { KINDS, QUIET_KINDS } from "./labels.js";
import { patterns } from "./bars.js";
import { endOf } from "./segments.js";
import { outcomeText } from "./words.js";
import { gridLines, ruler } from "./ruler.js";
import { rowLine } from "./row-line.js";
import { toolbar } from "./toolbar.js";
import { Overview } from "./overview.js";
import { Tooltip } from "./tooltip.js";
import "./virtual-rows.js";

const ROW_HEIGHT = 30;
const ROW_HEIGHT_NARROW = 46;
const NARROW = 620;
const EDGE = 12; // room at either side of the axis, so that nothing sticks to it
const ZOOM = 1.6;
const OVERVIEW_ROWS = 24; // fewer rows are all in sight
const BODY_HEIGHT_MAX = 540;

export class Waterfall {
  // `page` has `app`, `feed`, `selected` (the key of a row, or null) and `select(key)`.
  constructor(page) {
    this.page = page;
    this.hidden = new Set(QUIET_KINDS);
    this.onlyFailures = false;
    this.text = "";
    this.compress = null; // null: where it is useful
    this.window = null; // [from, to]: what one has zoomed to
    this.dragged = null; // [from, to] in pixels, while one drags
    this.width = 600;
    this.narrow = false;
    this.tooltip = new Tooltip();
    this.overview = new Overview(this);
    this.element = null;
    this.resized = new ResizeObserver(() => this.measure());
    this.cache = { key: "" };
  }

  get timeline() {
    return this.page.feed.timeline;
  }

  // Now, in microseconds since the run began; the end of a run that is over.
  get now() {
    const { end, last, beganMs } = this.timeline;
    if (end) return end.at;
    if (!this.timeline.invoked) return 0;
    const { detail } = this.page.feed;
    // Where a run has ended but its last entries are on their way, time does not go on.
    const nowMs = this.page.feed.ended ? Date.parse(detail.updated_at) : this.page.app.now();
    return Math.max(last, (nowMs - beganMs) * 1000);
  }

  // --- what is shown -----------------------------------------------------------------------------

  // The rows of the journal, and those under way of which it does not tell yet.
  allRows() {
    const { detail } = this.page.feed;
    return [...this.timeline.rows, ...this.timeline.underWay(detail?.in_flight ?? [])];
  }

  compute() {
    const now = this.now;
    const settled = this.timeline.end !== null;
    const key = [
      this.timeline.beganMs,
      this.timeline.entries.length,
      settled || now,
      [...this.hidden],
      this.onlyFailures,
      this.text,
      this.compress,
      this.window,
      this.width,
    ].join("|");
    if (key === this.cache.key) return this.cache;
    const all = this.allRows();
    const to = Math.max(now, this.timeline.last);
    const until = all.reduce((last, row) => (row.end === null ? Math.max(last, row.until ?? 0) : last), to);
    const found = axisFor(all, 0, until, now, this.compress, this.window);
    const counts = new Map();
    for (const row of all) counts.set(row.kind, (counts.get(row.kind) ?? 0) + 1);
    const rows = all.filter((row) => this.isShown(row, now));
    this.cache = { key, now, all, rows, counts, until, ...found };
    return this.cache;
  }

  isShown(row, now) {
    if (row.kind === "run") return !this.onlyFailures && !this.text && !this.window;
    if (this.hidden.has(row.kind)) return false;
    if (this.onlyFailures && !isTrouble(row)) return false;
    if (this.window && (endOf(row, now) < this.window[0] || row.begin > this.window[1])) return false;
    return !this.text || matches(row, this.text);
  }

  // --- what one does with it ---------------------------------------------------------------------

  toggleKind(kind) {
    if (this.hidden.has(kind)) this.hidden.delete(kind);
    else this.hidden.add(kind);
    this.page.app.update();
  }

  set(changes) {
    Object.assign(this, changes);
    this.page.app.update();
  }

  // Go to the next row, or the one before.
  step(by) {
    const { rows } = this.compute();
    if (rows.length === 0) return;
    const chosen = rows.findIndex((row) => row.key === this.page.selected);
    const at = chosen < 0 && by < 0 ? rows.length : chosen;
    const next = Math.min(rows.length - 1, Math.max(0, at + by));
    this.page.select(rows[next].key);
    this.reveal(next);
    this.tellChosen(rows[next]);
  }

  // Who comes by keyboard is told what the pointer tells others, unless the details are open.
  tellChosen(row) {
    this.tooltip.hide();
    const line = document.getElementById(`row-${row.key}`);
    if (this.page.opened || !line) return;
    const { left, bottom } = line.getBoundingClientRect();
    this.tooltip.show(row, { clientX: left + 32, clientY: bottom - 12 }, this);
  }

  reveal(place) {
    this.element?.querySelector("virtual-rows")?.reveal(place);
  }

  // See a stretch of time; null for all of it.
  zoomTo(window) {
    const { until } = this.compute();
    if (window) {
      const from = Math.max(0, Math.min(...window));
      const to = Math.min(until, Math.max(...window));
      window = to - from < 1 || (from <= 0 && to >= until) ? null : [from, to];
    }
    this.set({ window });
  }

  // Zoom around a place of the axis, from 0 to 1.
  zoomBy(closer, place = 0.5) {
    const { axis } = this.compute();
    const share = closer ? 1 / ZOOM : ZOOM;
    const at = (edge) => place + (edge - place) * share;
    const { until } = this.compute();
    const from = at(0) < 0 ? axis.from - (axis.to - axis.from) * -at(0) : axis.moment(at(0));
    const to = at(1) > 1 ? axis.to + (axis.to - axis.from) * (at(1) - 1) : axis.moment(at(1));
    this.zoomTo([Math.max(0, from), Math.min(until, to)]);
  }

  measure() {
    const rows = this.element?.querySelector("virtual-rows");
    if (!rows) return;
    const narrow = rows.clientWidth < NARROW;
    const label = narrow ? 0 : this.element.querySelector(".tl-corner").offsetWidth;
    const width = Math.max(80, rows.clientWidth - label);
    if (width === this.width && narrow === this.narrow) return;
    Object.assign(this, { width, narrow });
    this.page.app.update();
  }

  // --- drawing -----------------------------------------------------------------------------------

  attach = (element) => {
    if (element === undefined) {
      this.resized.disconnect();
      this.tooltip.hide();
      return;
    }
    this.element = element;
    this.resized.observe(element);
  };

  // Called when the page has been drawn.
  drawn() {
    this.measure();
    this.overview.draw();
  }

  // The place of a moment in pixels of the track.
  x = (moment) => EDGE + this.cache.axis.place(moment) * (this.width - 2 * EDGE);

  momentAt(pixels) {
    return this.cache.axis.moment((pixels - EDGE) / (this.width - 2 * EDGE));
  }

  render() {
    if (this.page.feed.detail.start_at) return this.notBegun();
    const { rows, all, now, counts, useful, on } = this.compute();
    const height = this.narrow ? ROW_HEIGHT_NARROW : ROW_HEIGHT;
    const overview = all.length > OVERVIEW_ROWS;
    return html`<section class="card timeline" aria-label="Timeline" ${ref(this.attach)}>
      ${toolbar(this, { counts, rows, all, useful, on, kinds: KINDS })}
      <div class="tl-head">
        <div class="tl-corner">${this.corner(rows, all)}</div>
        ${ruler(this)}
      </div>
      ${overview ? this.overview.render() : nothing}
      <div class="tl-body" @pointerover=${this.hover} @pointerout=${this.unhover}>
        ${gridLines(this)}
        <virtual-rows
          class="tl-rows"
          role="grid"
          aria-label="Effects"
          aria-rowcount=${rows.length}
          tabindex="0"
          aria-activedescendant=${this.page.selected ? `row-${this.page.selected}` : ""}
          @keydown=${this.onKey}
          .source=${{
            count: rows.length,
            height,
            follow: !this.page.feed.ended,
            row: (place) => rowLine(this, rows[place], place, { now, height }),
          }}
          @scroll=${() => this.overview.mark()}
          ${styled({ height: `${Math.min(BODY_HEIGHT_MAX, rows.length * height)}px` })}
        ></virtual-rows>
        ${rows.length === 0 ? this.nothingShown(all) : nothing}
      </div>
      <svg class="tl-patterns" aria-hidden="true" width="0" height="0">${patterns()}</svg>
    </section>`;
  }

  notBegun() {
    return html`<section class="card timeline" aria-label="Timeline">
      <div class="card-head"><h2>Timeline</h2></div>
      <p class="tl-empty muted">It fills when the execution begins.</p>
    </section>`;
  }

  corner(rows, all) {
    const { feed } = this.page;
    const coming = feed.length - this.timeline.entries.length;
    if (coming > 0) return html`<span role="status">Loading, ${count(coming, "entry", "entries")} to come</span>`;
    if (rows.length === all.length) return count(all.length, "row");
    return `${number(rows.length)} of ${count(all.length, "row")}`;
  }

  nothingShown(all) {
    if (all.length === 0) {
      return html`<p class="tl-empty muted">
        ${this.page.feed.journalProblem ? "The journal cannot be shown." : "Nothing has happened yet."}
      </p>`;
    }
    return html`<p class="tl-empty muted">
      No effect is left by these filters.
      <button class="button small" @click=${() => this.showAll()}>Show all</button>
    </p>`;
  }

  showAll() {
    this.hidden = new Set(QUIET_KINDS);
    this.set({ onlyFailures: false, text: "", window: null });
  }

  onKey = (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 }[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.step(by);
  };

  hover = (event) => {
    const line = event.target.closest?.(".tl-row");
    if (!line || event.pointerType === "touch") return;
    const row = this.cache.rows.find((one) => `row-${one.key}` === line.id);
    if (row) this.tooltip.show(row, event, this);
  };

  unhover = (event) => {
    if (!event.relatedTarget?.closest?.(".tl-row")) this.tooltip.hide();
  };
}

function isTrouble(row) {
  return row.failed || row.attempts.length > 0 || row.state === "parked" || row.level === "error";
}

function matches(row, text) {
  const wanted = text.toLowerCase();
  const told = `${row.before}${row.title} ${row.link ?? ""} ${outcomeText(row)}`;
  return told.toLowerCase().includes(wanted);
}
