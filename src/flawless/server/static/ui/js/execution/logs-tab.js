// What the execution logged and printed, as it comes.
import { classMap, html, live, nothing, ref } from "../lit.js";
import { empty } from "../components/empty.js";
import { clock, count, number } from "../format.js";
import { icon } from "../components/icon.js";

const LEVELS = [
  [0, "All levels"],
  [20, "Info and above"],
  [30, "Warnings and above"],
  [40, "Errors"],
];
const LINES_MAX = 500; // lines drawn at a time; earlier ones on demand

export class LogsTab {
  name = "logs";
  label = "Logs";

  constructor(page) {
    this.page = page;
    this.level = 0;
    this.text = "";
    this.wrap = true;
    this.follow = true;
    this.shown = LINES_MAX;
    this.element = null;
  }

  get count() {
    return this.page.feed.logs.length;
  }

  get lines() {
    const wanted = this.text.toLowerCase();
    return this.page.feed.logs.filter(
      (line) =>
        line.level >= this.level &&
        (!wanted || line.message.toLowerCase().includes(wanted) || line.logger.toLowerCase().includes(wanted)),
    );
  }

  set(changes) {
    Object.assign(this, changes);
    this.page.app.update();
  }

  render() {
    if (this.page.feed.logs.length === 0) {
      const text = "What the workflow prints, and what it hands to logging, is shown here.";
      return empty({ icon: "list", title: "No logs", text });
    }
    const { lines } = this;
    const shown = lines.slice(-this.shown);
    const earlier = lines.length - shown.length;
    return html`<div class="tab-tools">
        <label class="tl-search">
          ${icon("search")}<span class="visually-hidden">Search the logs</span>
          <input class="input" type="search" placeholder="Search" .value=${live(this.text)} @input=${(event) => this.set({ text: event.target.value })} />
        </label>
        <select class="select" aria-label="Level" @change=${(event) => this.set({ level: Number(event.target.value) })}>
          ${LEVELS.map(([level, label]) => html`<option value=${level} ?selected=${level === this.level}>${label}</option>`)}
        </select>
        ${this.check("Wrap", "wrap")} ${this.check("Follow", "follow")}
        <span class="grow"></span>
        <span class="muted small" role="status">${count(lines.length, "line")}</span>
      </div>
      <div
        class=${classMap({ logs: true, wrapped: this.wrap })}
        role="log"
        aria-label="Logs"
        tabindex="0"
        @wheel=${this.scrolled}
        ${ref((element) => (this.element = element ?? null))}
      >
        ${earlier > 0
          ? html`<button class="button small quiet" @click=${() => this.set({ shown: this.shown + LINES_MAX, follow: false })}>
              Show earlier lines, ${number(earlier)} more
            </button>`
          : nothing}
        ${shown.map((line) => this.line(line))}
        ${lines.length === 0 ? html`<p class="muted">No line fits.</p>` : nothing}
      </div>`;
  }

  check(label, name) {
    return html`<label class="check small">
      <input type="checkbox" .checked=${live(this[name])} @change=${() => this.set({ [name]: !this[name] })} />${label}
    </label>`;
  }

  line(line) {
    const look = line.level >= 40 ? "bad" : line.level >= 30 ? "warn" : line.level < 20 ? "quiet" : "";
    return html`<div class="log-line ${look}">
      <time datetime=${line.at}>${clock(line.at)}</time><span class="log-level">${line.level_name}</span
      ><span class="log-logger" title=${line.logger}>${line.logger}</span><span class="log-text">${line.message}</span>
    </div>`;
  }

  // Whoever scrolls up wants to read: the newest line must not pull them away.
  scrolled = (event) => {
    if (event.deltaY < 0 && this.follow) this.set({ follow: false });
  };

  drawn() {
    if (this.follow && this.element) this.element.scrollTop = this.element.scrollHeight;
  }
}
