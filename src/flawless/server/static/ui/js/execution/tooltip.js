// What a row says while the pointer rests on it.
import { html, nothing, render } from "../lit.js";
import { clock } from "../format.js";
import { triesOf } from "./segments.js";
import { errorText, lengthText, outcomeText, span, stateText } from "./words.js";

const TRIES_SHOWN = 4;
const AWAY = 14; // pixels between the pointer and the tooltip

export class Tooltip {
  constructor() {
    this.element = null;
    this.row = null;
  }

  show(row, event, waterfall) {
    if (!this.element) {
      this.element = document.createElement("div");
      this.element.className = "tl-tip";
      this.element.setAttribute("aria-hidden", "true"); // the row itself says all of it
      document.body.append(this.element);
    }
    if (this.row !== row) render(body(row, waterfall), this.element);
    this.row = row;
    this.element.hidden = false;
    this.place(event);
  }

  place(event) {
    const { offsetWidth, offsetHeight } = this.element;
    const left = Math.min(event.clientX + AWAY, window.innerWidth - offsetWidth - AWAY);
    const below = event.clientY + AWAY * 1.4;
    const top = below + offsetHeight > window.innerHeight ? event.clientY - offsetHeight - AWAY : below;
    this.element.style.setProperty("left", `${Math.max(AWAY, left)}px`);
    this.element.style.setProperty("top", `${Math.max(AWAY, top)}px`);
  }

  hide() {
    this.element?.remove();
    this.element = null;
    this.row = null;
  }
}

function body(row, waterfall) {
  const { now } = waterfall.compute();
  const { timeline } = waterfall;
  const at = new Date(timeline.beganMs + row.begin / 1000).toISOString();
  const tries = triesOf(row);
  return html`<div class="tl-tip-head"><strong>${row.before}<bdi>${row.title}</bdi></strong></div>
    <dl>
      <dt>At</dt>
      <dd>+${span(row.begin)} <span class="muted">${clock(at)}</span></dd>
      ${row.point ? nothing : html`<dt>Took</dt><dd>${lengthText(row, now)} <span class="muted">${stateText(row, now)}</span></dd>`}
      ${tries.slice(0, TRIES_SHOWN).map(
        (one, n) => html`<dt>Attempt ${n + 1}</dt>
          <dd class="is-bad">${errorText(one)}${one.next > one.at ? html` <span class="muted">then waits ${span(one.next - one.at)}</span>` : nothing}</dd>`,
      )}
      ${tries.length > TRIES_SHOWN ? html`<dt></dt><dd class="muted">${tries.length - TRIES_SHOWN} more attempts failed</dd>` : nothing}
      ${outcomeText(row) ? html`<dt>${row.failed ? "Error" : "Outcome"}</dt><dd class=${row.failed ? "is-bad" : ""}>${outcomeText(row)}</dd>` : nothing}
      ${row.undone ? html`<dt>Retry</dt><dd>taken back by a later retry</dd>` : nothing}
    </dl>`;
}
