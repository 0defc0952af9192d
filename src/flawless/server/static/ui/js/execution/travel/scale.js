// The slider over the path: a range input over ticks that tell where which effects are.
import { guard, html, live, svg } from "../../lit.js";

const BUCKETS = 360; // ticks that are drawn at most: further ones would stand on each other
const DENSE = 150;
const RANKS = ["clock", "log", "other", "publish", "sleep", "decision", "send", "receive", "child", "http", "step", "bad"];

// `kindOf(point)` is the kind of an effect, or `bad`.
export function scale(journey, { unit, kindOf, label, onStop, onKey }) {
  const stops = journey.stops(unit);
  const at = journey.stopOf(journey.place, unit);
  return html`<div class="scale ${stops > DENSE ? "dense" : ""}" data-unit=${unit}>
    ${guard([journey.path, journey.points, unit, kindOf.version], () => ticks(journey, unit, stops, kindOf))}
    <input
      type="range"
      class="scale-range"
      min="0"
      max=${Math.max(0, stops - 1)}
      step="1"
      .value=${live(String(at))}
      ?disabled=${stops < 2}
      aria-label=${unit === "lines" ? "Executed line" : "Effect"}
      aria-valuetext=${label}
      @input=${(event) => onStop(Number(event.target.value))}
      @keydown=${onKey}
    />
  </div>`;
}

function ticks(journey, unit, stops, kindOf) {
  const last = Math.max(1, stops - 1);
  const found = new Map();
  const put = (stop, kind) => {
    const bucket = Math.round((BUCKETS * stop) / last);
    const rank = RANKS.indexOf(kind);
    if (!found.has(bucket) || rank > RANKS.indexOf(found.get(bucket))) found.set(bucket, kind);
  };
  for (const point of journey.points) {
    put(unit === "lines" ? Math.max(0, point.lines_before - 1) : point.number, kindOf(point));
  }
  if (journey.raised) put(stops - 1, "bad");
  return html`<svg class="scale-ticks" viewBox=${`0 0 ${BUCKETS} 10`} preserveAspectRatio="none" aria-hidden="true">
    <line class="scale-rail" x1="0" x2=${BUCKETS} y1="5" y2="5"></line>
    ${[...found].map(([bucket, kind]) =>
      kind === "clock" || kind === "log"
        ? svg`<line class="scale-tick" data-kind=${kind} x1=${bucket} x2=${bucket} y1="3.6" y2="6.4"></line>`
        : svg`<line class="scale-tick" data-kind=${kind} x1=${bucket} x2=${bucket} y1="1.6" y2="8.4"></line>`,
    )}
  </svg>`;
}
