// A source in which one sees where a replay stands: `<path-source .shown=${...}>`.
//
// The lines are drawn once for a file; where one stands is a class that goes from line to line, so
// that a step costs the same in a file of any length. The element scrolls by itself.
import { html, nothing, render } from "../../lit.js";
import { count } from "../../format.js";
import { lines } from "../../highlighting.js";

const HEAT_MAX = 5;
const AROUND = 3; // lines that stay in sight above and below

class PathSource extends HTMLElement {
  #shown = null;
  #rows = [];
  #marked = [];

  // `{source, file, counts, missed, now, look, callers, hint, what, onLine}`: `now` is the line one stands
  // at, `what` says of what the counts are: "executed".
  set shown(shown) {
    const before = this.#shown;
    this.#shown = shown;
    if (before?.source !== shown.source || before.counts !== shown.counts) this.#draw();
    this.#mark(before?.now !== shown.now || before?.source !== shown.source);
  }

  connectedCallback() {
    this.addEventListener("click", this.#clicked);
    if (this.#shown) this.#mark(true);
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.#clicked);
  }

  #draw() {
    const { source, file, counts, missed, what } = this.#shown;
    const most = Math.max(1, ...counts.values());
    render(
      html`<ol>
        ${lines(source, file).map((tokens, place) => line(tokens, place + 1, counts.get(place + 1) ?? 0, most, missed, what))}
      </ol>`,
      this,
    );
    this.#rows = [...this.querySelectorAll("li")];
    this.#marked = [];
  }

  #mark(moved) {
    for (const row of this.#marked) {
      row.classList.remove("now", "bad", "caller");
      row.removeAttribute("aria-current");
      row.querySelector("code").removeAttribute("data-hint");
    }
    const { now, look, callers, hint } = this.#shown;
    const at = this.#rows[now - 1];
    const others = callers.map((number) => this.#rows[number - 1]).filter((row) => row && row !== at);
    for (const row of others) row.classList.add("caller");
    if (at) {
      at.classList.add("now");
      at.classList.toggle("bad", look === "bad");
      at.setAttribute("aria-current", "step");
      if (hint) at.querySelector("code").dataset.hint = hint;
    }
    this.#marked = at ? [at, ...others] : others;
    if (at && moved) this.#reveal(at);
  }

  #reveal(row) {
    const room = AROUND * row.offsetHeight;
    const top = row.offsetTop - room;
    const bottom = row.offsetTop + row.offsetHeight + room;
    if (top < this.scrollTop || bottom > this.scrollTop + this.clientHeight) {
      this.scrollTop = row.offsetTop - this.clientHeight / 2;
    }
  }

  #clicked = (event) => {
    const row = event.target.closest("li[data-heat]");
    if (!row || getSelection()?.type === "Range") return;
    this.#shown.onLine?.(Number(row.value), event.shiftKey);
  };
}

function line(tokens, number, times, most, missed, what = "executed") {
  const text = tokens.map(([kind, part]) => (kind ? html`<span class=${kind}>${part}</span>` : part));
  const heat = times === 0 ? 0 : 1 + Math.round(((HEAT_MAX - 1) * Math.log(times)) / Math.max(1, Math.log(most)));
  const title = times ? `${what[0].toUpperCase()}${what.slice(1)} ${count(times, "time")}. Click to go there; with Shift, backwards` : nothing;
  return html`<li
    value=${number}
    class=${missed.has(number) ? "missed" : nothing}
    data-heat=${heat || nothing}
    title=${title}
  >
    <span class="times" aria-label=${times ? `${what} ${count(times, "time")}` : nothing}>${times ? `${count(times, "×", "×").replace(" ", "")}` : nothing}</span>
    <code>${text}</code>
  </li>`;
}

customElements.define("path-source", PathSource);
