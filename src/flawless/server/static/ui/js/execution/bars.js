// The bars of rows, as SVG: presentation attributes only, for the page allows no inline styles.
import { nothing, svg } from "../lit.js";
import { segmentsOf, triesOf } from "./segments.js";

const BAR = 12; // the height of a bar
const THIN = 4;
const LEAST = 2; // nothing is narrower, so that everything can be seen
const DOT = 3.5;

// The patterns and lines that all rows share; once in the page.
export function patterns() {
  return svg`<defs>
    <pattern id="bar-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <rect width="6" height="6" class="hatch-ground" /><rect width="2.4" height="6" class="hatch-line" />
    </pattern>
    <pattern id="bar-parked" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <rect width="6" height="6" class="parked-ground" /><rect width="3" height="6" class="parked-line" />
    </pattern>
  </defs>`;
}

// Return the drawing of a row. `x(moment)` is its place in pixels, of `width` in all.
export function bars(row, { x, width, now, height }) {
  const middle = height / 2;
  if (row.point) return inSight(x(row.begin), width) ? point(row, x(row.begin), middle) : nothing;
  return svg`${segmentsOf(row, now).map((one) => segment(row, one, x, width, middle))}
    ${triesOf(row).map((one) => cross(x(one.at), width, middle))}
    ${row.kind === "run" || row.end === null ? nothing : ending(row, x(row.end), width, middle)}`;
}

function segment(row, { from, to, look }, x, width, middle) {
  const left = Math.max(-4, x(from));
  const right = Math.min(width + 4, x(to));
  if (right < 0 || left > width) return nothing;
  const tall = look === "pause" || look === "unseen" || look === "run" ? THIN : BAR;
  return svg`<rect
    class="bar"
    data-look=${look}
    data-kind=${row.kind}
    data-state=${row.state}
    data-live=${row.live}
    x=${left}
    y=${middle - tall / 2}
    width=${Math.max(LEAST, right - left)}
    height=${tall}
    rx=${tall === THIN ? 2 : 3}
  ></rect>`;
}

function point(row, place, middle) {
  if (row.kind === "log" || row.kind === "clock") {
    return svg`<line class="tick" data-kind=${row.kind} data-level=${row.level} x1=${place} x2=${place} y1=${middle - 5} y2=${middle + 5}></line>`;
  }
  return svg`<circle class="dot" data-kind=${row.kind} data-state=${row.state} cx=${place} cy=${middle} r=${DOT}></circle>`;
}

// Where an attempt failed.
function cross(place, width, middle) {
  if (!inSight(place, width)) return nothing;
  return svg`<path class="cross" d=${`M${place - 3} ${middle - 3}l6 6m0 -6l-6 6`}></path>`;
}

function ending(row, place, width, middle) {
  if (row.state !== "failed" || !inSight(place, width)) return nothing;
  return cross(Math.max(3, place), width, middle);
}

function inSight(place, width) {
  return place >= -4 && place <= width + 4;
}
