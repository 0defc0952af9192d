// The page of one execution: how it stands, what happened in it, and what one can do about it.
import { html, nothing } from "../lit.js";
import { empty } from "../components/empty.js";
import { problemNotice } from "../components/notice.js";
import { Actions } from "../execution/actions.js";
import { banners } from "../execution/banners.js";
import { ChildrenTab } from "../execution/children-tab.js";
import { CodeTab } from "../execution/code-tab.js";
import { drawer } from "../execution/drawer.js";
import { Feed } from "../execution/feed.js";
import { crumbs, header } from "../execution/header.js";
import { JournalTab } from "../execution/journal-tab.js";
import { LogsTab } from "../execution/logs-tab.js";
import { MessagesTab } from "../execution/messages-tab.js";
import { OutcomeTab } from "../execution/outcome-tab.js";
import { Sources } from "../execution/sources.js";
import { StateTab } from "../execution/state-tab.js";
import { tabs } from "../execution/tabs.js";
import { TravelTab } from "../execution/travel-tab.js";
import { Waterfall } from "../execution/waterfall.js";

export class ExecutionPage {
  constructor(app, { id }) {
    this.app = app;
    this.id = id;
    this.feed = new Feed(app, id, () => this.fed());
    this.sources = new Sources(app);
    this.waterfall = new Waterfall(this);
    this.actions = new Actions(this);
    this.state = new StateTab(this);
    this.journal = new JournalTab(this);
    this.logs = new LogsTab(this);
    this.travel = new TravelTab(this);
    this.tabs = [
      new OutcomeTab(this),
      this.travel,
      this.state,
      this.logs,
      new MessagesTab(this),
      new ChildrenTab(this),
      this.journal,
      new CodeTab(this),
    ];
    this.selected = null; // the key of a row
    this.opened = false; // whether its details are shown
    this.readQuery();
  }

  get title() {
    return this.feed.detail ? `${this.id}, ${this.feed.detail.status}` : this.id;
  }

  connected() {
    this.feed.start();
    this.forget = this.app.keyboard.add(this.keys());
  }

  disconnected() {
    this.feed.stop();
    this.forget();
    this.waterfall.tooltip.hide();
  }

  // --- what the address says ---------------------------------------------------------------------

  readQuery() {
    const { query } = this.app;
    this.tab = query.get("tab") ?? this.tabs[0].name;
    const effect = query.get("effect");
    this.opened = effect !== null;
    if (effect !== null) this.selected = effect;
    if (this.tab === this.travel.name) this.travel.readQuery(query);
  }

  queryChanged() {
    this.readQuery();
  }

  // Keep in the address what is looked at, so that it can be sent to somebody.
  writeQuery() {
    const query = {
      tab: this.tab === this.tabs[0].name ? null : this.tab,
      effect: this.opened ? this.selected : null,
      ...(this.tab === this.travel.name ? this.travel.query : {}),
    };
    history.replaceState(history.state, "", this.app.href(["executions", this.id], query));
    this.app.update();
  }

  // --- what one does -----------------------------------------------------------------------------

  choose(name) {
    this.tab = name;
    this.writeQuery();
  }

  select(key) {
    this.selected = key;
    this.writeQuery();
  }

  open(key) {
    this.waterfall.tooltip.hide();
    this.selected = key;
    this.opened = true;
    this.writeQuery();
  }

  close() {
    this.opened = false;
    this.writeQuery();
    document.querySelector(".tl-rows")?.focus({ preventScroll: true });
  }

  showEntry(position) {
    this.choose(this.journal.name);
    this.journal.show(position);
    document.getElementById("tab-panel")?.scrollIntoView({ block: "nearest" });
  }

  // Show the execution as it was at an entry of the journal; without one, where it failed or waits.
  travelTo(position = null) {
    this.choose(this.travel.name);
    this.travel.goTo(position === null ? null : { position });
    requestAnimationFrame(() => document.querySelector(".ex-tabs")?.scrollIntoView({ block: "start" }));
  }

  // After an action the execution may live again, and is to be looked at anew.
  changed() {
    this.feed.restart();
  }

  fed() {
    this.state.look();
    this.app.update();
  }

  keys() {
    const group = "This execution";
    const binding = (keys, label, run) => ({ keys, label, group, run });
    return [
      binding("j", "The next effect", () => this.waterfall.step(1)),
      binding("k", "The effect before", () => this.waterfall.step(-1)),
      {
        ...binding("Enter", "Open the effect", () => this.selected && this.open(this.selected)),
        on: ({ target }) => this.selected !== null && !target.closest("button, a, summary, [role=tree]"),
      },
      { ...binding("Escape", "Close it", () => this.close()), on: () => this.opened },
      binding("/", "Filter the timeline", () => document.querySelector(".timeline input[type=search]")?.focus()),
      binding("f", "Only failures, or all", () => this.waterfall.set({ onlyFailures: !this.waterfall.onlyFailures })),
      binding("+", "Zoom in", () => this.waterfall.zoomBy(true)),
      binding("-", "Zoom out", () => this.waterfall.zoomBy(false)),
      binding("0", "See all of the time", () => this.waterfall.zoomTo(null)),
      ...this.travel.keys(binding),
      ...this.tabs.map((tab, n) => binding(String(n + 1), tab.label, () => this.choose(tab.name))),
    ];
  }

  // --- drawing -----------------------------------------------------------------------------------

  render() {
    const { app, feed } = this;
    if (feed.problem && (!feed.detail || feed.problem.status === 404)) return this.missing(feed.problem);
    if (!feed.detail) return html`${crumbs(app, this.id)}<div class="ex-loading" role="status" aria-label="Loading">
      <span class="skeleton"></span><span class="skeleton"></span><span class="skeleton"></span>
    </div>`;
    const row = this.opened ? this.waterfall.compute().all.find((one) => one.key === this.selected) : null;
    return html`${crumbs(app, this.id)}
      ${header(app, feed.detail, { deadline: feed.timeline.invoked?.deadline, actions: this.actions.render() })}
      ${banners(this)}
      <div class="ex-main ${row ? "with-drawer" : ""}">
        <div class="ex-column">
          ${this.waterfall.render()} ${tabs(this.tabs, this.tab, (name) => this.choose(name))}
        </div>
        ${row ? drawer(this, row) : nothing}
      </div>`;
  }

  missing(problem) {
    const { app } = this;
    if (problem.status !== 404) return html`${crumbs(app, this.id)}${problemNotice(problem, () => this.feed.restart())}`;
    return html`${crumbs(app, this.id)}${empty({
      icon: "search",
      title: "There is no such execution",
      text: html`No execution has the id <code>${this.id}</code> in this engine's data. It may have been started on
        another server, or with another --data folder.`,
      action: html`<div class="row">
        <a class="button" href=${app.href(["executions"], { prefix: this.id.slice(0, 8) })}>Look for similar ids</a>
        <a class="button primary" href=${app.href(["executions"])}>All executions</a>
      </div>`,
    })}`;
  }

  drawn() {
    this.waterfall.drawn();
    if (this.tab === this.logs.name) this.logs.drawn();
  }
}
