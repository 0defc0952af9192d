// The axis of time: which moment stands where, with long waits cut short.
//
// A month of sleep between two requests would make dots of all that happened. So stretches in which
// nothing is performed are drawn as `gaps`: they grow with the logarithm of their length, and keep
// their order. Without gaps the axis is plainly linear. Moments are microseconds since the run began,
// places are fractions of the width.
import { WAITING_KINDS, endOf } from "./segments.js";

// The share of the busy time that a short gap has at most, and that all of them have together.
const GAP_SHARE = 0.05;
const GAPS_SHARE = 0.8;
// Waits are worth cutting short where a few of them take most of the time. Many short ones, as between
// the rounds of a loop, are the rhythm of the execution, and tell something.
const LONG_WAITS = 12;
const LONG_WAITS_SHARE = 0.7;
const SPAN_US_LEAST = 2_000_000;
const STEPS = [1, 2, 5];
const CLOCK_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200];
const DAY_S = 86_400;

class Axis {
  // `gaps` are `{from, to}`, in order and apart; `shown` is what a gap counts as.
  constructor(from, to, gaps = [], shown = (length) => length) {
    this.from = from;
    this.to = Math.max(to, from + 1);
    this.gaps = gaps;
    this._pieces = [];
    let place = 0;
    const add = (start, end, size) => {
      if (end <= start) return;
      this._pieces.push({ start, end, place, size });
      place += size;
    };
    let at = this.from;
    for (const gap of gaps) {
      const start = Math.max(gap.from, this.from);
      const end = Math.min(gap.to, this.to);
      if (end <= start) continue;
      add(at, start, start - at);
      add(start, end, shown(gap.to - gap.from) * ((end - start) / (gap.to - gap.from)));
      at = end;
    }
    add(at, this.to, this.to - at);
    this._total = place;
  }

  // Return the place of a moment, from 0 to 1.
  place(moment) {
    if (moment <= this.from) return 0;
    if (moment >= this.to) return 1;
    const piece = find(this._pieces, (one) => one.end > moment);
    const share = (moment - piece.start) / (piece.end - piece.start);
    return (piece.place + share * piece.size) / this._total;
  }

  // Return the moment at a place.
  moment(place) {
    const wanted = Math.min(1, Math.max(0, place)) * this._total;
    const piece = find(this._pieces, (one) => one.place + one.size >= wanted);
    return piece.start + ((wanted - piece.place) / piece.size) * (piece.end - piece.start);
  }

  // Return moments for the lines of a grid, about `count` of them: at round numbers where the axis is
  // linear, at even places where it is not.
  ticks(count) {
    if (this.gaps.length > 0) return this._evenTicks(count);
    const step = roundStep(this._total / Math.max(1, count));
    const made = [];
    for (let at = Math.ceil(this.from / step) * step; at <= this.to; at += step) made.push(at);
    return made;
  }

  _evenTicks(count) {
    const places = Array.from({ length: count + 1 }, (_, n) => this.moment(n / count));
    return places.filter((at) => !this.gaps.some((gap) => gap.from < at && at < gap.to));
  }
}

// Return the stretches in which nothing but waiting happens, and what they count as.
function idleTime(rows, from, to, now) {
  const busy = [];
  for (const row of rows) {
    if (row.kind === "run") continue;
    if (row.point || (!WAITING_KINDS.has(row.kind) && row.kind !== "child")) {
      busy.push([row.begin, row.point ? row.begin : endOf(row, now)]);
      for (const park of row.parks) cut(busy, park.at, park.until ?? now);
    } else {
      busy.push([row.begin, row.begin]);
      if (row.end !== null) busy.push([row.end, row.end]);
    }
  }
  busy.sort((a, b) => a[0] - b[0]);
  const idle = [];
  let at = from;
  for (const [start, end] of busy) {
    if (start > at) idle.push({ from: at, to: start });
    at = Math.max(at, end);
  }
  if (to > at) idle.push({ from: at, to });
  return idle;
}

// A row that is parked is not busy: take that stretch out of the last one.
function cut(busy, from, to) {
  const last = busy.at(-1);
  if (from >= last[1]) return;
  busy[busy.length - 1] = [last[0], from];
  busy.push([Math.min(to, last[1]), last[1]]);
}

// Return the axis for rows; `compress` null lets it decide whether waits are cut short.
export function axisFor(rows, from, to, now, compress, window = null) {
  const idle = idleTime(rows, from, to, now);
  const span = Math.max(1, to - from);
  const idleSum = idle.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  const busySum = Math.max(span - idleSum, span * 1e-9, 1);
  const useful = span > SPAN_US_LEAST && longWaits(idle) / span > LONG_WAITS_SHARE;
  const on = compress ?? useful;
  const [first, last] = window ?? [from, to];
  if (!on) return { axis: new Axis(first, last), useful, on };
  const unit = Math.max(1000, busySum * Math.min(GAP_SHARE, GAPS_SHARE / Math.max(1, idle.length)));
  const gaps = idle.filter((gap) => gap.to - gap.from > unit * 2);
  const shown = (length) => unit * (1 + Math.log10(length / unit));
  return { axis: new Axis(first, last, gaps, shown), useful, on };
}

function longWaits(idle) {
  const lengths = idle.map((gap) => gap.to - gap.from).sort((a, b) => b - a);
  return lengths.slice(0, LONG_WAITS).reduce((sum, length) => sum + length, 0);
}

function roundStep(least) {
  const seconds = least / 1e6;
  if (seconds >= 1 && seconds <= CLOCK_STEPS_S.at(-1)) {
    return CLOCK_STEPS_S.find((step) => step >= seconds) * 1e6;
  }
  const unit = seconds > 1 ? DAY_S * 1e6 : 1;
  let step = unit;
  for (let n = 0; step < least; n += 1) step = unit * STEPS[n % 3] * 10 ** Math.floor(n / 3);
  return step;
}

// Return the first piece for which `test` holds; they are in order.
function find(pieces, test) {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(pieces[middle])) high = middle;
    else low = middle + 1;
  }
  return pieces[low];
}
