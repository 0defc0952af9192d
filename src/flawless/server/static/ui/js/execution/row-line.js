// One line of the timeline: what it is on the left, when it was on the right.
import { classMap, html, nothing, styled } from "../lit.js";
import { bars } from "./bars.js";
import { glyph } from "./glyphs.js";
import { endOf } from "./segments.js";
import { lengthText, outcomeText, spoken, stateText } from "./words.js";

const TRACK_NARROW = 20;
const TEXT_ROOM = 76; // pixels that a length of time may take

export function rowLine(waterfall, row, place, { now, height }) {
  const { page, narrow, width, x } = waterfall;
  const chosen = page.selected === row.key;
  return html`<div
    class=${classMap({ "tl-row": true, chosen, here: page.travel?.here === row.key, undone: row.undone, narrow })}
    id=${`row-${row.key}`}
    role="row"
    aria-rowindex=${place + 1}
    aria-selected=${String(chosen)}
    aria-label=${spoken(row, now)}
    @click=${() => page.open(row.key)}
    ${styled({ height: `${height}px` })}
  >
    <div class="tl-label" role="gridcell">
      ${glyph(row.kind)}<span class="tl-title"
        >${row.before
          ? html`<span class="tl-before" data-level=${row.level}>${row.before}</span>`
          : nothing}<bdi>${row.title}</bdi></span
      >${row.attempts.length
        ? html`<span class="tl-tries" title="failed attempts">${row.attempts.length}×</span>`
        : nothing}${brief(row, now)}
    </div>
    <div class="tl-track" role="gridcell">
      <svg width=${width} height=${narrow ? TRACK_NARROW : height} aria-hidden="true">
        ${bars(row, { x, width, now, height: narrow ? TRACK_NARROW : height })}
      </svg>
      ${timeText(row, x, width, now)}
    </div>
  </div>`;
}

function brief(row, now) {
  const waits = row.end === null && row.kind !== "run";
  const text = waits ? stateText(row, now) : outcomeText(row);
  const look = row.state === "parked" ? "warn" : row.failed ? "bad" : waits ? "live" : "";
  return html`<bdi class="tl-brief ${look}">${text}</bdi>`;
}

// The length of time stands behind the bar, or before it where there is no room.
function timeText(row, x, width, now) {
  const text = row.point || row.kind === "run" ? "" : lengthText(row, now);
  if (!text) return nothing;
  const last = row.end === null && row.until !== null ? row.until : endOf(row, now);
  const right = Math.min(width, x(last));
  const left = Math.max(0, x(row.begin));
  if (x(last) < 0 || left > width) return nothing;
  const behind = width - right > TEXT_ROOM;
  const inside = !behind && left < TEXT_ROOM;
  const at = behind ? right + 8 : inside ? right - 8 : left - 8;
  return html`<span
    class="tl-time ${behind ? "" : inside ? "inside" : "before"}"
    ${styled({ left: `${at}px` })}
    >${text}</span
  >`;
}
