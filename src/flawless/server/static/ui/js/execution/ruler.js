// The ruler above the rows: moments, cut waits, restarts, replays; drag over it to zoom.
import { html, nothing, svg } from "../lit.js";
import { absolute, count, ms } from "../format.js";
import { span } from "./words.js";

const TICK_PIXELS = 96;
const HEIGHT = 34;
const DRAG_PIXELS = 4; // less is a click

export function ruler(waterfall) {
  const { width, x } = waterfall;
  const { axis, on } = waterfall.compute();
  const ticks = axis.ticks(Math.max(2, Math.floor(width / TICK_PIXELS)));
  const marks = eventsOf(waterfall);
  const told = `Time since the beginning, up to ${span(axis.to)}${on ? "; long waits are cut short" : ""}`;
  return html`<div
    class="tl-ruler"
    title="Drag to see a stretch of time; double click to see all"
    @pointerdown=${(event) => drag(event, waterfall)}
    @dblclick=${() => waterfall.zoomTo(null)}
    @wheel=${(event) => wheel(event, waterfall)}
  >
    <svg width=${width} height=${HEIGHT} role="img" aria-label=${told}>
      ${axis.gaps.map((gap) => gapMark(gap, x, width))}
      ${ticks.map(
        (at) => svg`<text class="tick-text" x=${x(at)} y="21" text-anchor=${anchor(x(at), width)}>${span(at)}</text>`,
      )}
      ${marks.map((mark) => flag(mark, x(mark.at)))}
      ${drawDrag(waterfall)}
    </svg>
  </div>`;
}

// The lines behind the rows.
export function gridLines(waterfall) {
  const { width, x } = waterfall;
  const { axis, now } = waterfall.compute();
  const ticks = axis.ticks(Math.max(2, Math.floor(width / TICK_PIXELS)));
  const line = (at, look) =>
    svg`<line class="grid-line" data-look=${look} x1=${x(at)} x2=${x(at)} y1="0" y2="100%"></line>`;
  const live = !waterfall.page.feed.ended && waterfall.timeline.invoked;
  return html`<svg class="tl-grid" width=${width} height="100%" aria-hidden="true">
    ${axis.gaps.map((gap) => gapBand(gap, x, width))} ${ticks.map((at) => line(at, "tick"))}
    ${eventsOf(waterfall).map((mark) => line(mark.at, mark.kind))}
    ${live ? line(now, "now") : nothing} ${drawDrag(waterfall)}
  </svg>`;
}

// Restarts of the engine and replays of this run, of the time that is shown.
function eventsOf(waterfall) {
  const { timeline, page } = waterfall;
  if (!timeline.invoked) return [];
  const { axis } = waterfall.compute();
  const { restarts, detail } = page.feed;
  const found = [];
  for (const one of detail?.replays ?? []) {
    const entries = one.entries === undefined ? "" : `, ${count(one.entries, "entry", "entries")}`;
    const took = one.took_us === undefined ? "" : ` in ${span(one.took_us)}`;
    const why = one.reason ? ` (${one.reason})` : "";
    found.push({ kind: "replay", at: timeline.elapsed(one.at), text: `Replayed${entries}${took}${why}` });
  }
  for (const one of restarts) {
    const how = one.clean === false ? "after a crash" : "after a stop";
    found.push({ kind: "restart", at: timeline.elapsed(one.at), text: `Engine started ${how}, ${absolute(one.at)}` });
  }
  return found.filter(({ at }) => at > 0 && at >= axis.from && at <= axis.to && at <= ended(waterfall));
}

function ended(waterfall) {
  const { end } = waterfall.timeline;
  return end ? end.at : ms(waterfall.page.feed.detail?.updated_at) === null ? 0 : Infinity;
}

function flag(mark, place) {
  const shape =
    mark.kind === "restart"
      ? svg`<path d=${`M${place} 34V1h9l-2.5 3.5L${place + 9} 8h-9`}></path>`
      : svg`<circle cx=${place} cy="31" r="3"></circle>`;
  return svg`<g class="flag" data-look=${mark.kind}><title>${mark.text}</title>
    <rect x=${place - 5} y="0" width="14" height="34" fill="transparent"></rect>${shape}</g>`;
}

function gapBand(gap, x, width) {
  const [left, right] = edges(gap, x, width);
  if (right <= left) return nothing;
  return svg`<rect class="gap-band" x=${left} y="0" width=${right - left} height="100%"></rect>`;
}

function gapMark(gap, x, width) {
  const [left, right] = edges(gap, x, width);
  if (right <= left) return nothing;
  const text = span(gap.to - gap.from);
  const middle = (left + right) / 2;
  return svg`<g class="gap"><title>${text} of waiting, cut short</title>
    <rect class="gap-band" x=${left} y="0" width=${right - left} height="34"></rect>
    ${right - left > 7 * text.length ? svg`<text x=${middle} y="10" text-anchor="middle">${text}</text>` : nothing}
  </g>`;
}

function edges(gap, x, width) {
  return [Math.max(0, x(gap.from)), Math.min(width, x(gap.to))];
}

function anchor(place, width) {
  if (place < 24) return "start";
  return place > width - 30 ? "end" : "middle";
}

// --- zooming ---------------------------------------------------------------------------------------

function drawDrag(waterfall) {
  const { dragged } = waterfall;
  if (!dragged) return nothing;
  const left = Math.min(...dragged);
  return svg`<rect class="drag" x=${left} y="0" width=${Math.abs(dragged[1] - dragged[0])} height="100%"></rect>`;
}

function drag(event, waterfall) {
  if (event.button !== 0) return;
  const box = event.currentTarget.getBoundingClientRect();
  follow(event, event.clientX - box.left, box, waterfall);
}

// Follow a pointer that is down until it is up, then zoom to what it went over.
function follow(event, from, box, waterfall) {
  const target = event.currentTarget;
  const place = (moved) => Math.min(box.width, Math.max(0, moved.clientX - box.left));
  const move = (moved) => {
    waterfall.set({ dragged: [from, place(moved)] });
  };
  const done = (moved) => {
    target.removeEventListener("pointermove", move);
    const to = place(moved);
    waterfall.dragged = null;
    if (moved.type === "pointerup" && Math.abs(to - from) > DRAG_PIXELS) {
      waterfall.zoomTo([waterfall.momentAt(from), waterfall.momentAt(to)]);
    } else waterfall.set({});
  };
  target.setPointerCapture(event.pointerId);
  target.addEventListener("pointermove", move);
  target.addEventListener("pointerup", done, { once: true });
  target.addEventListener("pointercancel", done, { once: true });
}

function wheel(event, waterfall) {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  const box = event.currentTarget.getBoundingClientRect();
  waterfall.zoomBy(event.deltaY < 0, (event.clientX - box.left) / box.width);
}
