// What happened in one run of an execution: rows, made of the entries of its journal as they come.
//
// Pure: entries as the HTTP API gives them go in, in order and in pieces of any size; rows come out.
// Several entries may be one row: an effect that was entered, called, started and observed is one
// thing to whoever looks. All times are microseconds since the run began.
//
// A row has
// - `kind`, `before`, `title`, `link`: what it is (see labels.js), and `key`, which stays its own;
// - `begin` and `end` (null while it is open), `until` for sleeps;
// - `state`: open, ok, failed, dropped, timeout, cancelled or parked; `point` for what takes no time;
// - `failed`, `value` or `error` once it has an outcome, `seen` when the workflow saw that;
// - `attempts` that failed, `parks` with the decisions about it;
// - `live` while the engine performs it, `undone` when a retry took it back, `positions` of its entries, `note` in a few words.
import { readLabel } from "./labels.js";

const END_STATES = { completed: "ok", failed: "failed", cancelled: "cancelled", continued: "ok" };

export class Timeline {
  constructor() {
    this.rows = [];
    this.entries = [];
    // The end of the run, or null: `{kind, at, entry}`.
    this.end = null;
    this.invoked = null;
    // The row of the run as a whole.
    this.root = null;
    // The first moment, in milliseconds since the epoch; fractions are microseconds.
    this.beganMs = 0;
    // The last moment of which an entry tells.
    this.last = 0;
    this.failures = 0;
    this._byEffect = new Map();
    this._live = [];
    this._occurrences = new Map();
    this._previous = 0;
    this._sleeping = null;
    this._lastKind = "";
  }

  // Take further entries, in order; those that were given before are passed over.
  add(entries) {
    for (const entry of entries) {
      if (entry.position < this.entries.length) continue;
      this.entries.push(entry);
      this._add(entry);
    }
  }

  // Return microseconds since the beginning for a moment as the API writes it.
  elapsed(text) {
    return Math.round((moment(text) - this.beganMs) * 1000);
  }

  // Return the row of an effect's newest occurrence.
  rowOf(effect) {
    return this._byEffect.get(effect) ?? null;
  }

  _add(entry) {
    const at = entry.elapsed_us;
    this.last = Math.max(this.last, at);
    if (this._sleeping && !ASIDES.has(entry.kind)) this._wake(at);
    const handle = HANDLERS[entry.kind];
    if (handle) handle.call(this, entry, at);
    else this._point(entry, { ...readLabel(String(entry.label ?? entry.kind)), note: "" });
    if (ASIDES.has(entry.kind)) return;
    // What the workflow asks for next begins when it had the answer to what it asked before.
    this._previous = this._sleeping ? Math.max(at, this._sleeping.until) : at;
    this._lastKind = entry.kind;
  }

  _wake(at) {
    const row = this._sleeping;
    row.end = Math.min(at, row.until);
    row.state = at < row.until ? "cancelled" : "ok";
    this._sleeping = null;
  }

  // --- one handler for each kind of entry: see HANDLERS ------------------------------------------

  _invoked(entry) {
    this.invoked = entry;
    this.beganMs = moment(entry.at);
    this.root = makeRow({ kind: "run", before: "", title: entry.workflow }, 0);
    Object.assign(this.root, { key: "run", value: entry.input, positions: [entry.position] });
    this.rows.push(this.root);
  }

  _clockRead(entry) {
    this._point(entry, { kind: "clock", before: "", title: "clock", note: entry.at });
  }

  _logged(entry) {
    const level = entry.level >= 40 ? "error" : entry.level >= 30 ? "warning" : "";
    const row = this._point(entry, {
      kind: "log",
      before: `${entry.level_name} `,
      title: entry.message,
      note: entry.logger,
    });
    row.level = level;
  }

  _entered(entry, at) {
    let row = this._byEffect.get(entry.effect);
    if (row && row.end === null) row.state = "open";
    else row = this._begin(entry, at);
    row.positions.push(entry.position);
  }

  _called(entry, at) {
    let row = this._byEffect.get(entry.effect);
    if (!row || row.seen !== null) row = this._begin(entry, Math.min(this._previous, at));
    this._see(row, entry, at);
  }

  _started(entry, at) {
    const row = this._begin(entry, at);
    row.positions.push(entry.position);
    row.started = true;
    if (entry.until_us !== undefined) row.until = entry.until_us;
  }

  _arrived(entry, at) {
    const row = this._byEffect.get(entry.effect) ?? this._begin({ ...entry, label: "" }, this._previous);
    row.positions.push(entry.position);
    this._outcome(row, entry, at);
  }

  _observed(entry, at) {
    const row = this._byEffect.get(entry.effect) ?? this._begin({ ...entry, label: "" }, this._previous);
    this._see(row, entry, at);
  }

  _slept(entry, at) {
    const row = this._begin({ ...entry, label: "sleep" }, at);
    row.positions.push(entry.position);
    row.until = entry.until_us;
    this._sleeping = row;
  }

  _elapsed(entry) {
    this._point(entry, { kind: "clock", before: "", title: "wait", note: "nothing came in time" });
  }

  _dropped(entry, at) {
    const row = this._byEffect.get(entry.effect);
    if (!row) return;
    row.positions.push(entry.position);
    if (row.end !== null) return;
    row.end = at;
    row.state = this._lastKind === "elapsed" && row.kind === "receive" ? "timeout" : "dropped";
    row.note = row.state === "timeout" ? "nothing came in time" : "given up";
  }

  _published(entry) {
    this._shown(entry, "state");
  }

  _responded(entry) {
    this._shown(entry, "response");
  }

  _shown(entry, title) {
    const before = title === "state" ? "publish " : "respond ";
    const row = this._point(entry, { kind: "publish", before, title, note: "" });
    if (entry.failed) this._fail(row, entry.error);
  }

  _cancelObserved(entry, at) {
    const row = this._byEffect.get(entry.effect);
    if (row && row.end === null) {
      row.end = at;
      row.state = "cancelled";
      row.note = "given up: cancelled";
    }
    const told = this._point(entry, { kind: "decision", before: "", title: "told to end", note: "" });
    told.note = (entry.reason || "no reason given") + by(entry);
    told.state = "cancelled";
    told.cleanup = entry.until ?? null;
  }

  _parked(entry, at) {
    let row = this._byEffect.get(entry.effect);
    if (!row || row.end !== null) row = this._begin(entry, at);
    if (entry.asked) {
      row.kind = "decision";
      row.asked = true;
    }
    row.positions.push(entry.position);
    row.parks.push({ at, until: null, decision: null, by: "" });
    row.state = "parked";
    row.note = entry.asked ? "asks for a decision" : "interrupted: did it happen?";
  }

  _resolved(entry, at) {
    const row = this._byEffect.get(entry.effect);
    if (!row) return;
    row.positions.push(entry.position);
    const park = row.parks.at(-1);
    const { decision, value } = answer(row, entry);
    if (park) Object.assign(park, { until: at, decision, by: entry.by ?? "" });
    row.note = `${DECISIONS[decision] ?? decision}${by(entry)}`;
    if (entry.decision === "retry") row.state = "open";
    else this._outcome(row, { ...entry, value, failed: entry.decision === "error" }, at);
  }

  _repeated(entry) {
    this._byEffect.get(entry.effect)?.positions.push(entry.position);
  }

  _retried(entry, at) {
    for (const row of this.rows) if (row.positions[0] >= entry.resume) row.undone = true;
    this.end = null;
    if (this.root) Object.assign(this.root, { end: null, state: "open" });
    const place = entry.effect ? `goes on from effect ${entry.effect}` : "goes on";
    this._point(entry, { kind: "decision", before: "", title: "retried", note: place + by(entry) });
    for (const effect of entry.effect ? [entry.effect, ...(entry.also ?? [])] : []) {
      const before = this._byEffect.get(effect);
      if (!before) continue;
      before.undone = true;
      const row = this._begin({ effect, label: before.label, position: entry.position }, at);
      row.started = before.started;
      row.positions.push(entry.position);
    }
  }

  _ended(entry, at) {
    for (const row of this._byEffect.values()) {
      if (row.end !== null) continue;
      row.end = at;
      if (row.state === "open") row.state = "dropped";
      row.note ||= "open when the run ended";
    }
    const words = { completed: "returned", continued: "goes on as the next run" };
    const row = this._point(entry, {
      kind: "other",
      before: "",
      title: words[entry.kind] ?? entry.kind,
      note: entry.by ? by(entry).trim() : "",
    });
    row.state = END_STATES[entry.kind];
    row.final = true;
    if (entry.kind === "completed") row.value = entry.result;
    else if (entry.kind === "continued") row.value = entry.input;
    else if (entry.kind === "failed") this._fail(row, entry.error);
    else row.error = entry.error;
    if (this.root) Object.assign(this.root, { end: at, state: row.state });
    this.end = { kind: entry.kind, at, entry, row };
  }

  // Return rows for effects under way of which the journal does not tell yet, and note in the others
  // which tries have failed. `inFlight` is that of the execution's document.
  underWay(inFlight) {
    for (const row of this._live) row.live = false;
    this._live = [];
    const added = [];
    for (const item of inFlight) {
      const began = this.elapsed(item.began_at);
      let row = this._byEffect.get(item.effect);
      if (!row || row.end !== null) {
        if (row && row.end >= began) continue; // it has ended meanwhile
        row = makeRow(readLabel(item.label), Math.max(0, began));
        row.effect = item.effect;
        row.label = item.label;
        row.key = keyOf(item.effect, (this._occurrences.get(item.effect) ?? 0) + 1);
        added.push(row);
      }
      row.live = true;
      row.attempts = item.attempts.map((one) => ({ ...one, elapsed_us: this.elapsed(one.at) }));
      this._live.push(row);
    }
    return added;
  }

  // --- rows ------------------------------------------------------------------------------------

  _begin(entry, at) {
    const effect = entry.effect ?? 0;
    const row = makeRow(readLabel(entry.label ?? ""), at);
    row.effect = effect;
    row.label = entry.label ?? "";
    const nth = (this._occurrences.get(effect) ?? 0) + 1;
    row.key = effect ? keyOf(effect, nth) : `p${entry.position}`;
    if (effect) {
      this._occurrences.set(effect, nth);
      this._byEffect.set(effect, row);
    }
    this.rows.push(row);
    return row;
  }

  _point(entry, told) {
    const row = makeRow(told, entry.elapsed_us);
    Object.assign(row, { key: `p${entry.position}`, end: row.begin, point: true, state: "ok" });
    row.note = told.note;
    row.positions.push(entry.position);
    this.rows.push(row);
    return row;
  }

  _see(row, entry, at) {
    row.positions.push(entry.position);
    if (!row.label && entry.label) {
      // Its outcome came before any entry told what it is.
      Object.assign(row, readLabel(entry.label), { label: entry.label });
    }
    if (row.end === null) this._outcome(row, entry, at);
    row.seen = at;
  }

  _outcome(row, entry, at) {
    row.end = at;
    row.attempts = entry.attempts ?? [];
    if (entry.failed) this._fail(row, entry.error);
    else {
      row.state = "ok";
      row.value = entry.value;
    }
  }

  _fail(row, error) {
    row.state = "failed";
    row.failed = true;
    row.error = error ?? {};
    this.failures += 1;
  }
}

// What happened to an effect while the workflow could not see it.
const ASIDES = new Set(["arrived", "parked", "resolved", "repeated"]);

const DECISIONS = {
  ok: "decided: it happened",
  error: "decided: it failed",
  retry: "decided: perform it again",
  again: "decided: try it again",
};

const proto = Timeline.prototype;
const HANDLERS = {
  invoked: proto._invoked,
  clock_read: proto._clockRead,
  logged: proto._logged,
  entered: proto._entered,
  called: proto._called,
  started: proto._started,
  arrived: proto._arrived,
  observed: proto._observed,
  slept: proto._slept,
  polled: proto._slept,
  elapsed: proto._elapsed,
  dropped: proto._dropped,
  published: proto._published,
  responded: proto._responded,
  cancel_observed: proto._cancelObserved,
  parked: proto._parked,
  resolved: proto._resolved,
  repeated: proto._repeated,
  retried: proto._retried,
  completed: proto._ended,
  failed: proto._ended,
  cancelled: proto._ended,
  continued: proto._ended,
};

function keyOf(effect, nth) {
  return nth > 1 ? `e${effect}.${nth}` : `e${effect}`;
}

// Return milliseconds since the epoch, with microseconds as a fraction.
export function moment(text) {
  const micros = /\.\d{3}(\d{3})/.exec(text);
  return Date.parse(text) + (micros ? Number(micros[1]) / 1000 : 0);
}

// Make a row; all have the same members, so that engines keep them in one shape.
export function makeRow(told, begin) {
  return {
    key: "",
    kind: told.kind,
    before: told.before,
    title: told.title,
    link: told.link ?? null,
    label: "",
    effect: 0,
    begin,
    end: null,
    until: null,
    seen: null,
    started: false,
    point: false,
    state: "open",
    failed: false,
    value: undefined,
    error: undefined,
    attempts: [],
    parks: [],
    asked: false,
    live: false,
    undone: false,
    final: false,
    level: "",
    cleanup: null,
    note: "",
    positions: [],
  };
}

// Return what was decided; where the workflow asked, its value says that to the workflow.
function answer(row, entry) {
  const { decision, value } = entry;
  if (!row.asked || decision !== "ok" || value === null || typeof value !== "object") {
    return { decision, value };
  }
  return value.retry === true ? { decision: "again", value } : { decision, value: value.ok };
}

function by(entry) {
  return entry.by ? ` (by ${entry.by})` : "";
}
