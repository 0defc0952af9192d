// Time travel: the execution as it was at each of its effects and lines, from a replay.
import { html, nothing } from "../lit.js";
import { empty } from "../components/empty.js";
import { icon } from "../components/icon.js";
import { notice, problemNotice } from "../components/notice.js";
import { count, number } from "../format.js";
import { errorText, outcomeText, span } from "./words.js";
import { glyph } from "./glyphs.js";
import { readLabel } from "./labels.js";
import { controls, unitSwitch } from "./travel/controls.js";
import { Journey } from "./travel/journey.js";
import { scale } from "./travel/scale.js";
import { short, stackView } from "./travel/stack.js";
import { hintOf, variables } from "./travel/variables.js";
import "./travel/path-source.js";

const DEPTH_MAX = 3;
const PATIENCE_S = 2; // how long a replay may take before it is said how long it takes
const WRITE_MS = 400; // how long one stays somewhere before the address says so

export class TravelTab {
  name = "path";
  label = "Time travel";

  constructor(page) {
    this.page = page;
    this.journey = new Journey(page.app, page.id, () => this.changed());
    this.unit = "effects";
    this.task = undefined; // the chosen task; null: the code that runs, undefined: not chosen
    this.frame = null; // the chosen frame; null: the innermost of the user's
    this.opened = new Set(); // variables whose parts are shown
    this.shownFor = null; // the place that task and frame were chosen at
    this.rows = { key: "", byPosition: new Map() };
    this.writer = 0;
  }

  get count() {
    return null;
  }

  // --- what one does -----------------------------------------------------------------------------

  set(changes) {
    Object.assign(this, changes);
    this.page.app.update();
  }

  step(by, unit = this.unit) {
    this.journey.step(by, this.journey.hasLines ? unit : "effects");
  }

  end(last) {
    const { journey, unit } = this;
    if (last) journey.move(journey.last());
    else journey.move(journey.stops(unit) ? journey.placeOf(0, unit) : null);
  }

  // Go to the point that an entry of the journal answers.
  goTo(wanted) {
    this.journey.goTo(wanted);
    this.start();
  }

  changed() {
    if (this.shownFor !== this.journey.place) {
      Object.assign(this, { task: undefined, frame: null, shownFor: this.journey.place });
    }
    if (this.journey.moved) this.write();
    this.page.app.update();
  }

  write() {
    clearTimeout(this.writer);
    this.writer = setTimeout(() => this.page.tab === this.name && this.page.writeQuery(), WRITE_MS);
  }

  // What the address says about the place.
  get query() {
    const { journey } = this;
    const { place } = journey;
    if (!journey.moved || !place || place.kind === "raised") return {};
    return place.kind === "line" ? { line: place.n } : { at: journey.points[place.n]?.position };
  }

  readQuery(query) {
    const asked = { line: query.get("line"), position: query.get("at") };
    const [name, text] = Object.entries(asked).find(([, value]) => /^\d{1,9}$/.test(value ?? "")) ?? [];
    if (name) this.journey.goTo({ [name]: Number(text) });
  }

  start() {
    if (this.journey.state === "new") this.journey.load();
  }

  keys(binding) {
    const { journey } = this;
    const on = (event) =>
      this.page.tab === this.name && journey.state === "ready" && !event.target.closest("[role=tablist], [role=grid], [role=tree], virtual-rows");
    const plain = (event) => on(event) && !event.shiftKey;
    const shifted = (event) => on(event) && event.shiftKey;
    const add = (keys, shown, label, run, when) => ({ ...binding(keys, label, run), shown, on: when });
    return [
      add("ArrowRight", "→", "Time travel: the next effect", () => this.step(1), plain),
      add("ArrowLeft", "←", "Time travel: the effect before", () => this.step(-1), plain),
      add("ArrowRight", "Shift →", "Time travel: the next line", () => this.step(1, "lines"), shifted),
      add("ArrowLeft", "Shift ←", "Time travel: the line before", () => this.step(-1, "lines"), shifted),
      add("Home", "Home", "Time travel: to the beginning", () => this.end(false), on),
      add("End", "End", "Time travel: to the end", () => this.end(true), on),
    ];
  }

  onSliderKey = (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.step(by, event.shiftKey ? "lines" : this.unit);
  };

  // --- what is where -----------------------------------------------------------------------------

  // The row of the timeline that an entry belongs to.
  rowOf(position) {
    const { timeline } = this.page.feed;
    const key = `${timeline.beganMs} ${timeline.entries.length}`;
    if (key !== this.rows.key) {
      const byPosition = new Map();
      for (const row of timeline.rows) for (const one of row.positions) byPosition.set(one, row);
      this.rows = { key, byPosition };
    }
    return this.rows.byPosition.get(position);
  }

  // The row of the timeline that one stands at, while this is shown.
  get here() {
    const { journey, page } = this;
    if (page.tab !== this.name || journey.state !== "ready" || !journey.place) return null;
    if (journey.place.kind === "raised") return page.feed.timeline.end?.row.key ?? null;
    const point = journey.points[journey.pointAt(journey.place)];
    return point ? (this.rowOf(point.position)?.key ?? null) : null;
  }

  told(point) {
    const row = point.kind === null ? undefined : this.rowOf(point.position);
    if (row) return row;
    return readLabel(point.label.replace(/^wait for /, ""));
  }

  get kindOf() {
    const kindOf = (point) => {
      const told = this.told(point);
      return told.failed ? "bad" : told.kind;
    };
    return Object.assign(kindOf, { version: this.page.feed.timeline.entries.length });
  }

  // What is shown of the stack: `{stack, tasks, chosen, known}`.
  standing() {
    const { journey } = this;
    const view = journey.view();
    const stack = view ? view.stack : journey.frames(journey.place);
    const tasks = view?.tasks ?? [];
    const hasCode = stack.length > 0;
    let task = this.task;
    if (task === undefined) task = hasCode ? null : (tasks.find((one) => one.stack.some((f) => f.user))?.name ?? null);
    const shown = task === null ? stack : (tasks.find((one) => one.name === task)?.stack ?? stack);
    const own = Math.max(0, shown.findIndex((frame) => frame.user));
    const known = view !== undefined || journey.placed;
    return { stack, shown, tasks, known, chosen: { task, frame: this.frame ?? own, hasCode } };
  }

  // --- drawing -----------------------------------------------------------------------------------

  render() {
    this.start();
    const { journey } = this;
    if (journey.state === "failed") return this.failed(journey.problem);
    if (journey.state !== "ready") return this.loading();
    if (!journey.place) return this.nowhere();
    return html`<section class="card tt" aria-label="Time travel">
      ${this.head()} ${this.notices()} ${this.now()} ${journey.path.traced || journey.placed ? this.body() : this.untraced()}
    </section>`;
  }

  loading() {
    return html`<div class="card tt-loading" role="status">
      <span class="spinner"></span>
      <div>
        <strong>${this.stage()}</strong>
        <p class="muted">A fresh guest runs along the journal, to see what the workflow saw. Nothing is done again.</p>
      </div>
    </div>`;
  }

  // What is being done, and for how long once that is long.
  stage() {
    const { journey, page } = this;
    const entries = page.feed.length ? ` ${count(page.feed.length, "entry", "entries")}` : "";
    const seconds = Math.floor((Date.now() - journey.beganMs) / 1000);
    const patience = seconds < PATIENCE_S ? "" : `, for ${seconds} s`;
    return `Replaying${entries}${journey.linesProblem ? " without its lines" : ""}${patience}`;
  }

  failed(problem) {
    const again = () => this.journey.load();
    if (!problem.type?.endsWith("too-long")) return problemNotice(problem, again);
    return notice({
      kind: "warn",
      title: "Too long to be replayed here",
      detail: problem.message,
      hint: `On the command line it has more time: flawless replay ${this.page.id}, or flawless debug ${this.page.id}`,
      action: html`<button class="button small" @click=${again}>Try again</button>`,
    });
  }

  nowhere() {
    const { error } = this.journey.path;
    if (error) return this.broken(error);
    return empty({ icon: "branch", title: "Nothing to see yet", text: "The workflow has not asked for anything, nor run a line of its code." });
  }

  head() {
    const { journey } = this;
    return html`<div class="tt-head">
      <div class="tt-tools">
        ${controls(this)}${unitSwitch(this)}<span class="tt-position number" role="status">${this.position()}</span>
        <span class="grow"></span>${this.news()}
      </div>
      ${scale(journey, {
        unit: this.unit,
        kindOf: this.kindOf,
        label: `${this.position()}: ${this.title()}`,
        onStop: (stop) => journey.move(journey.placeOf(stop, this.unit)),
        onKey: this.onSliderKey,
      })}
    </div>`;
  }

  position() {
    const { journey } = this;
    const { place } = journey;
    const effects = number(journey.points.length);
    if (place.kind === "raised") return `After ${count(journey.points.length, "effect")}`;
    if (place.kind === "line") {
      const at = journey.pointAt(place) + 1;
      return `Line ${number(place.n + 1)} of ${number(journey.path.line_count)}, behind effect ${number(at)} of ${effects}`;
    }
    return `Effect ${number(place.n + 1)} of ${effects}`;
  }

  title() {
    const { journey } = this;
    const { place } = journey;
    if (place.kind === "raised") return this.raisedHere();
    const point = journey.points[journey.pointAt(place)];
    if (!point) return "The workflow begins";
    const told = this.told(point);
    return `${told.before}${told.title}`;
  }

  // What the journal has that the replay did not see yet.
  news() {
    const { journey, page } = this;
    const more = page.feed.length - journey.path.entries;
    const other = page.feed.run !== null && page.feed.run !== journey.path.run;
    if (journey.reloading) return html`<span class="muted small row"><span class="spinner"></span>${this.stage()}</span>`;
    if (!other && more <= 0) return nothing;
    return html`<button class="button small tt-news" @click=${() => journey.load()}>
      ${icon("retry")}${other ? "A new run has begun" : count(more, "new entry", "new entries")}
    </button>`;
  }

  notices() {
    const { journey } = this;
    const { path } = journey;
    return html`${journey.problem
      ? notice({ kind: "bad", title: "It could not be replayed again", detail: journey.problem.message, hint: journey.problem.hint })
      : nothing}
    ${path.error ? this.broken(path.error) : nothing}
    ${journey.linesProblem
      ? notice({ kind: "warn", title: "Without lines", detail: "Tracing every line took too long. Effects, stacks and variables are all there.", hint: "`flawless replay ID --trace lines` waits longer." })
      : nothing}
    ${path.line_count > path.lines_kept && path.lines_kept > 0
      ? notice({ kind: "warn", title: `The slider has the first ${number(path.lines_kept)} of ${number(path.line_count)} lines`, detail: "All of them are counted." })
      : nothing}`;
  }

  broken({ type, message }) {
    const left = type === "Divergence";
    return notice({
      kind: "bad",
      title: left ? "The replay left the recorded path" : "The replay broke off",
      detail: `${type}: ${message}`,
      hint: left
        ? "What is shown is the path until there. Code and journal do not fit together: CONTRIBUTING.md tells how to find out why."
        : "What is shown is the path until there. `flawless replay ID` on the command line tells more.",
    });
  }

  // What the workflow asks for here, and what it was answered.
  now() {
    const { journey, page } = this;
    const { place } = journey;
    if (place.kind === "raised") return this.nowRaised();
    const point = journey.points[journey.pointAt(place)];
    if (!point) return html`<div class="tt-now"><span class="muted">The workflow begins: it has not asked for anything yet.</span></div>`;
    const told = this.told(point);
    const row = point.kind === null ? null : this.rowOf(point.position);
    const outcome = row ? outcomeText(row) : "";
    const entry = page.feed.timeline.entries[point.position];
    return html`<div class="tt-now ${place.kind === "line" ? "behind" : ""}">
      ${glyph(told.kind)}
      <span class="tt-asked truncate"><span class="muted">${told.before}</span><bdi>${told.title}</bdi></span>
      ${point.kind === null
        ? html`<span class="badge filled" data-status="waiting">waits here</span>`
        : outcome && !(row.kind === "log")
          ? html`<code class="tt-outcome truncate ${row.failed ? "is-bad" : ""}" title=${outcome}>→ ${outcome}</code>`
          : nothing}
      <span class="grow"></span>
      <span class="tt-facts muted small number">
        ${entry ? html`<span title=${entry.at}>+${span(entry.elapsed_us)}</span>` : nothing}
        ${row
          ? html`<button class="link small" @click=${() => page.open(row.key)}>entry ${number(point.position)}</button>`
          : html`<span>entry ${number(point.position)}</span>`}
      </span>
    </div>`;
  }

  nowRaised() {
    const error = this.page.feed.timeline.end?.entry.error;
    return html`<div class="tt-now bad">
      ${icon("failed")}<span class="tt-asked"><strong>${this.raisedHere()}</strong></span>
      ${error ? html`<code class="tt-outcome truncate is-bad" title=${errorText(error)}>${errorText(error)}</code>` : nothing}
    </div>`;
  }

  raisedHere() {
    const stopped = this.page.feed.timeline.end?.entry.error?.stopped;
    return stopped ? "The guest was stopped in this function" : "The error was raised here";
  }

  untraced() {
    return html`<div class="tt-untraced">${empty({
      icon: "layers",
      title: "Effects only",
      text: "The guest of this execution is not Python, so a replay shows no lines and no variables of it. What it asked for, and what it was answered, is all here.",
    })}</div>`;
  }

  body() {
    const { journey } = this;
    const standing = this.standing();
    const { shown, tasks, chosen, known } = standing;
    const frame = shown[chosen.frame];
    if (!frame) return html`<div class="tt-body">${this.silent(known)}</div>`;
    return html`<div class="tt-body">
      <div class="tt-code">${this.source(frame, shown, chosen)}</div>
      <div class="tt-side ${known ? "" : "stale"}" aria-busy=${String(!known)}>
        <h3>${tasks.length ? "Tasks and stack" : "Stack"}</h3>
        ${stackView(shown, tasks, {
          chosen,
          failing: journey.place.kind === "raised",
          onChoose: ({ task, frame: n }) => this.set({ task, frame: n }),
        })}
        ${journey.placed
          ? html`<p class="muted small tt-placed">${PLACED}</p>`
          : html`<div class="tt-vars-head">
                <h3 class="grow">Variables <span class="muted">of ${frame.function}</span></h3>
                ${frame.variables?.some((one) => one.change) ? html`<span class="muted small">${this.against()}</span>` : nothing}
              </div>
              ${this.variables(frame, known)}`}
      </div>
    </div>`;
  }

  against() {
    const { kind } = this.journey.place;
    return html`<i class="tt-key"></i>${kind === "line" ? "since the line before" : "since the effect before"}`;
  }

  silent(known) {
    const below = this.journey.placed
      ? "Rust's standard library asked for this (a look at the clock, a line that is printed), and nobody knows where: the effects before and after it tell."
      : "The guest asked for this below any code of the workflow: Python itself looked at the clock, or asyncio waited.";
    const text = known ? below : "Looking";
    return html`<p class="muted tt-silent">${text}</p>`;
  }

  variables(frame, known) {
    const { viewProblem, place } = this.journey;
    if (viewProblem && viewProblem.place === place) return problemNotice(viewProblem.problem, () => this.journey.look());
    if (!known || frame.variables === undefined) {
      return html`<div class="tt-wait" aria-label="Loading"><span class="skeleton"></span><span class="skeleton"></span></div>`;
    }
    return variables(frame.variables, {
      opened: this.opened,
      depthMax: DEPTH_MAX,
      name: `Variables of ${frame.function}`,
      onToggle: (path, level) => {
        if (!this.opened.delete(path)) this.opened.add(path);
        this.journey.deepen(level);
        this.page.app.update();
      },
    });
  }

  // The file of the chosen frame, with what was executed of it.
  source(frame, stack, chosen) {
    const { journey, page } = this;
    const { value, problem } = page.sources.file(page.feed.detail.deployment, frame.file);
    if (!value) {
      return html`<p class="muted tt-silent">${problem ? `No source: ${problem.message}` : "Loading the source"}</p>`;
    }
    const file = journey.files.get(frame.file);
    const times = file?.counts.get(frame.line);
    const failing = journey.place.kind === "raised";
    const text = value.source.split("\n")[frame.line - 1] ?? "";
    return html`<div class="tt-file">
        <code class="truncate">${short(frame.file)}</code><span class="muted small nowrap">line ${number(frame.line)}</span>
        <span class="grow"></span>
        ${times ? html`<span class="muted small nowrap">${journey.placed ? count(times, "effect") : `executed ${count(times, "time")}`}</span>` : nothing}
      </div>
      <path-source
        class="source"
        tabindex="0"
        role="region"
        aria-label=${`Source of ${frame.file}`}
        .shown=${{
          source: value.source,
          file: frame.file,
          counts: file?.counts ?? NONE,
          missed: file?.missed ?? NO_LINES,
          now: frame.line,
          look: failing ? "bad" : "",
          callers: stack.filter((one, n) => n !== chosen.frame && one.user && one.file === frame.file).map((one) => one.line),
          hint: hintOf(text, frame.variables),
          what: journey.placed ? "asked for" : "executed",
          onLine: (line, back) => journey.move(journey.passing(frame.file, line, back)),
        }}
      ></path-source>`;
  }
}

const PLACED = "Rust guests tell where their effects are, and nothing of their variables and lines. What was asked for here, and answered, is above.";
const NONE = new Map();
const NO_LINES = new Set();
