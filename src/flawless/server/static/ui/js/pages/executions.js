// The list of executions: live, searched, filtered, and acted upon in bulk.
import { html, nothing } from "../lit.js";
import { ACTIONS } from "../executions/actions.js";
import { empty } from "../components/empty.js";
import { icon } from "../components/icon.js";
import { problemNotice } from "../components/notice.js";
import { bulk } from "../executions/bulk.js";
import { EMPTY, fromQuery, isNarrow, read, toQuery } from "../executions/filter.js";
import { firstExecution } from "../executions/first.js";
import { ListModel } from "../executions/model.js";
import { Selection } from "../executions/selection.js";
import { rowPx, skeletons, table, visible } from "../executions/table.js";
import { toolbar } from "../executions/toolbar.js";
import { count, number } from "../format.js";

const TYPING_MS = 200;
const AHEAD = 30; // rows before the end at which the next page is loaded
const AT_TOP_PX = 8;

// The list as it was left, so that coming back finds it unchanged: at the same row, with the same
// rows loaded.
let left = null;

export class ExecutionsPage {
  title = "Executions";

  constructor(app) {
    this.app = app;
    this.workflows = [];
    this.documents = [];
    this.labels = new Map();
    this.selection = new Selection();
    this.cursor = null; // the id of the row the keyboard is at
    this.readers = new Set(); // why the rows must not move: "pointer", "focus"
    this.searchError = "";
    this.typing = null;
    this.wanted = null; // the filter that is typed, until it holds
    this.typed = null; // the address that typing leads to
    this.#begin();
  }

  connected() {
    this.removeKeys = this.app.keyboard.add(this.#keys());
    this.onScroll = () => this.app.update();
    window.addEventListener("scroll", this.onScroll, { passive: true });
    window.addEventListener("resize", this.onScroll, { passive: true });
    this.model.open();
    this.#loadNames();
  }

  disconnected() {
    clearTimeout(this.typing);
    this.removeKeys();
    window.removeEventListener("scroll", this.onScroll);
    window.removeEventListener("resize", this.onScroll);
    this.model.close();
    left = { address: this.address, model: this.model };
  }

  queryChanged() {
    if (this.#address() === this.address) return;
    this.model.close();
    this.selection.clear();
    this.cursor = null;
    this.#begin();
    this.model.open();
    window.scrollTo(0, history.state?.scroll ?? 0);
  }

  // --- what the toolbar asks for ------------------------------------------------------------------

  // `last` says that the text is complete; else somebody is still typing.
  search(text, last) {
    clearTimeout(this.typing);
    const found = read(text, this.wanted ?? this.filter, last);
    this.searchText = found.error ? text : found.rest;
    this.searchError = last ? found.error : "";
    this.app.update();
    if (found.error) return;
    this.wanted = found.filter;
    const go = () => {
      if (!last) this.typed = this.app.href(["executions"], toQuery(found.filter));
      this.#go(found.filter, { replace: !last });
    };
    if (last) go();
    else this.typing = setTimeout(go, TYPING_MS);
  }

  narrow(change) {
    this.#go({ ...this.filter, ...change });
  }

  clear() {
    this.#go({ ...EMPTY, status: this.filter.status });
  }

  // --- what the table asks for ----------------------------------------------------------------------

  visible() {
    const top = this.#listTop() - window.scrollY;
    return visible(this.model.rows.length, top, window.innerHeight);
  }

  reading(how, reads) {
    if (reads) this.readers.add(how);
    else this.readers.delete(how);
    this.app.update();
  }

  select(id, range) {
    this.selection.toggle(this.model.rows, id, range);
    this.app.update();
  }

  selectAll() {
    this.selection.toggleAll(this.model.rows);
    this.app.update();
  }

  deploymentName(id) {
    return this.labels.get(id) || id.slice(0, 8);
  }

  // --- drawing --------------------------------------------------------------------------------------

  render() {
    this.#hold();
    return html`<div class="page-head">
        <h1>Executions</h1>
        <div class="page-actions">${this.#startButton()}</div>
      </div>
      ${this.#isNew() ? nothing : toolbar(this)} ${this.#news()} ${this.#list()} ${this.#bulkBar()}`;
  }

  drawn() {
    const { model } = this;
    const [, end] = this.visible();
    if (model.loaded && !model.paused && end > model.rows.length - AHEAD) model.more();
  }

  // Whether nothing was started here ever: there is nothing to search yet.
  #isNew() {
    const { loaded, rows, next } = this.model;
    const all = !isNarrow(this.filter) && this.filter.status === "";
    return loaded && all && rows.length === 0 && next === null && this.searchText === "";
  }

  #startButton() {
    const refusal = this.app.refusal("operate");
    if (refusal) return nothing;
    return html`<a class="button primary" href=${this.app.href(["start"])}
      >${icon("plus")}Start execution</a
    >`;
  }

  #news() {
    const { fresh, overflow } = this.model;
    if (fresh.size === 0 && !overflow) return nothing;
    return html`<div class="x-news" role="status">
      <button type="button" class="button primary small" @click=${() => this.#showNews()}>
        ${icon("up")}${overflow ? "Many new" : `${number(fresh.size)} new`}
      </button>
    </div>`;
  }

  #list() {
    const { model } = this;
    if (model.problem && model.rows.length === 0) {
      return problemNotice(model.problem, () => model.load());
    }
    if (!model.loaded || (model.loading && model.rows.length === 0)) return skeletons();
    if (model.rows.length === 0 && model.next === null) return this.#nothing();
    return html`${table(this)}${this.#foot()}`;
  }

  #nothing() {
    if (isNarrow(this.filter) || (this.filter.status !== "" && this.app.health.all > 0)) {
      const clear = () => this.#go(EMPTY);
      return html`<div class="card">
        ${empty({
          icon: "search",
          title: "No execution matches",
          text: "None that is kept here fulfils all of these conditions.",
          action: html`<button type="button" class="button" @click=${clear}>Show all</button>`,
        })}
      </div>`;
    }
    return html`<div class="card">${firstExecution(this.app, this.documents)}</div>`;
  }

  #foot() {
    const { model } = this;
    if (model.problem) return problemNotice(model.problem, () => this.#again());
    if (model.paused) {
      return html`<div class="x-foot">
        <span>No match in what was looked at so far.</span>
        <button type="button" class="button small" @click=${() => model.more()}>Look further back</button>
      </div>`;
    }
    if (model.loading) {
      return html`<div class="x-foot" role="status"><span class="spinner"></span>Loading</div>`;
    }
    if (model.next !== null) return html`<div class="x-foot"></div>`;
    return html`<div class="x-foot">${count(model.rows.length, "execution")}</div>`;
  }

  #bulkBar() {
    const { selection, app } = this;
    if (selection.size === 0) return nothing;
    const chosen = this.#chosen();
    return html`<div class="x-bulk" role="toolbar" aria-label="Actions on the selected executions">
      <span class="x-bulk-count" role="status">${number(selection.size)} selected</span>
      ${Object.entries(ACTIONS).map(([name, action]) => {
        const fitting = chosen.filter(action.applies);
        return html`<button
          type="button"
          class="button small ${action.danger ? "danger" : ""}"
          ?disabled=${fitting.length === 0 || !app.may("operate")}
          title=${app.refusal("operate")}
          @click=${() => this.#act(name, fitting)}
        >
          ${action.verb} ${fitting.length || ""}
        </button>`;
      })}
      <button
        type="button"
        class="button quiet small icon-only"
        aria-label="Clear the selection"
        @click=${() => this.#clearSelection()}
      >
        ${icon("close")}
      </button>
    </div>`;
  }

  // --- inside -------------------------------------------------------------------------------------

  #begin() {
    this.filter = fromQuery(this.app.query);
    this.address = this.#address();
    // Where typing has led, what is not complete yet stays in the box.
    if (this.typed !== this.address) this.searchText = this.filter.prefix;
    this.typed = null;
    this.searchError = "";
    const back = left?.address === this.address ? left.model : null;
    left = null;
    this.model = back ?? new ListModel(this.app, this.filter);
  }

  #address() {
    return this.app.href(["executions"], toQuery(fromQuery(this.app.query)));
  }

  #go(filter, options = {}) {
    this.wanted = null;
    this.app.navigate(this.app.href(["executions"], toQuery(filter)), options);
  }

  async #loadNames() {
    const [workflows, deployments] = await Promise.allSettled([
      this.app.api.get("workflows"),
      this.app.api.get("deployments"),
    ]);
    if (workflows.status === "fulfilled") {
      this.documents = workflows.value.workflows;
      this.workflows = this.documents.map((one) => one.name);
    }
    if (deployments.status === "fulfilled") {
      this.labels = new Map(deployments.value.deployments.map((one) => [one.id, one.label]));
    }
    this.app.update();
  }

  // Where the first row is in the document; before it is drawn, where it is about to be.
  #listTop() {
    const rows = document.querySelector(".x-rows");
    return rows === null ? 0 : rows.getBoundingClientRect().top + window.scrollY;
  }

  #isAtTop() {
    return window.scrollY <= AT_TOP_PX;
  }

  // Rows move only under somebody who looks at the top of the list and does nothing with it.
  #hold() {
    const { model } = this;
    const held = !this.#isAtTop() || this.readers.size > 0 || this.selection.size > 0;
    if (model.hold && !held) queueMicrotask(() => model.settle());
    model.hold = held;
  }

  #showNews() {
    this.readers.clear();
    window.scrollTo({ top: 0 });
    this.model.settle();
  }

  #again() {
    this.model.problem = null;
    this.model.more();
  }

  #chosen() {
    return [...this.selection.ids].map((id) => this.model.get(id)).filter(Boolean);
  }

  async #act(name, executions) {
    const changed = await bulk(this.app, name, executions);
    for (const execution of changed) this.model.take(execution);
    if (changed.length > 0) this.#clearSelection();
    this.app.health.soon();
  }

  #clearSelection() {
    this.selection.clear();
    this.app.update();
  }

  #keys() {
    const key = (keys, label, run) => ({ keys, label, group: "List of executions", run });
    const down = () => this.#move(1);
    const up = () => this.#move(-1);
    return [
      key("/", "Search", () => document.getElementById("search").focus()),
      key("j", "Next row", down),
      key("k", "Row before", up),
      key("ArrowDown", "", down),
      key("ArrowUp", "", up),
      key("Enter", "Open", () => this.#openCursor()),
      key("x", "Select", () => this.#selectCursor(false)),
      key("X", "Select up to here", () => this.#selectCursor(true)),
      key("Escape", "Clear the selection", () => this.#clearSelection()),
    ];
  }

  #move(by) {
    const { rows } = this.model;
    if (rows.length === 0) return;
    const at = rows.findIndex((one) => one.id === this.cursor);
    const seen = Math.max(0, Math.ceil((window.scrollY - this.#listTop()) / rowPx()) + 1);
    const to = at < 0 ? Math.min(rows.length - 1, this.#isAtTop() ? 0 : seen) : at + by;
    if (to < 0 || to >= rows.length) return;
    this.cursor = rows[to].id;
    const top = this.#listTop() + to * rowPx();
    const room = rowPx() * 2; // for the head of the table, and to see what comes next
    if (to === 0) window.scrollTo(0, 0);
    else if (top - room < window.scrollY) window.scrollTo(0, top - room);
    else if (top + room > window.scrollY + window.innerHeight) {
      window.scrollTo(0, top + room - window.innerHeight);
    }
    this.app.draw();
    this.#cursorLink()?.focus({ preventScroll: true });
  }

  #cursorLink() {
    return this.cursor && document.querySelector(`[data-id="${CSS.escape(this.cursor)}"] a`);
  }

  #openCursor() {
    if (document.activeElement?.matches("a, button, input, summary")) return false;
    if (this.cursor === null) return false;
    this.app.navigate(this.app.href(["executions", this.cursor]));
    return true;
  }

  #selectCursor(range) {
    if (this.cursor !== null && this.app.may("operate")) this.select(this.cursor, range);
  }
}
