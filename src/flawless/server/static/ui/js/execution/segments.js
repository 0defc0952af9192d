// How a row looks on the axis: stretches of time that differ in what was going on.
//
// A segment is `{from, to, look}`: `work`, `wait` (a sleep, a message, a decision, a child), `tried`
// (an attempt that failed), `pause` (before the next one), `parked`, `unseen` (the outcome is there,
// and the workflow has not looked), `ahead` (still to come). A mark is `{at, look, text}`.

// Kinds that only wait: what happens meanwhile happens elsewhere.
export const WAITING_KINDS = new Set(["sleep", "receive", "decision"]);

// Return the last moment of a row, as seen at `now`.
export function endOf(row, now) {
  if (row.end !== null) return Math.max(row.end, row.begin);
  return Math.max(row.begin, now);
}

// Return the segments of a row at `now`, in microseconds since the run began.
export function segmentsOf(row, now) {
  if (row.point) return [];
  const end = endOf(row, now);
  const made = [];
  const add = (from, to, look) => {
    if (to > from || look === "work" || look === "wait") made.push({ from, to: Math.max(from, to), look });
  };
  let from = row.begin;
  for (const tried of triesOf(row)) {
    add(from, tried.at, "tried");
    add(tried.at, Math.min(tried.next, end), "pause");
    from = Math.min(tried.next, end);
  }
  for (const park of row.parks) {
    add(from, park.at, "work");
    add(park.at, park.until ?? end, "parked");
    from = park.until ?? end;
  }
  if (row.kind === "run") return [{ from: row.begin, to: end, look: "run" }];
  const plain = WAITING_KINDS.has(row.kind) ? "wait" : "work";
  if (from < end || made.length === 0) add(from, end, plain);
  if (row.until !== null && row.end === null && row.until > end) add(end, row.until, "ahead");
  if (row.seen !== null && row.end !== null) add(end, row.seen, "unseen");
  return made;
}

// Return the failed tries of a row's own time, with the moment at which the next one began.
export function triesOf(row) {
  const own = row.attempts.filter((one) => one.elapsed_us >= row.begin);
  return own.map((one) => ({
    at: one.elapsed_us,
    // Journals written before pauses were kept do not tell when the next try began.
    next: one.elapsed_us + (one.pause_us ?? 0),
    type: one.type,
    message: one.message,
  }));
}

// Return how long a row took or takes, in microseconds; null for what takes no time.
export function lengthOf(row, now) {
  if (row.point) return null;
  if (row.until !== null && row.end === null) return row.until - row.begin;
  return endOf(row, now) - row.begin;
}
