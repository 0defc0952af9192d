// Times, lengths of time, numbers and JSON as people read them.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const ABSOLUTE = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
});
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const SHORT_DATE = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const LONG_DATE = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
});
const NUMBER = new Intl.NumberFormat();
const COMPACT = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

// Milliseconds since the epoch of an RFC 3339 time; null for none.
export function ms(timestamp) {
  if (timestamp === null || timestamp === undefined) return null;
  const value = Date.parse(timestamp);
  return Number.isNaN(value) ? null : value;
}

// "in 3 min", "12 s ago", "2 Mar": shorter than exact; `absolute` says the rest.
export function relative(timestamp, nowMs) {
  const at = ms(timestamp);
  if (at === null) return "";
  const past = nowMs - at;
  const away = Math.abs(past);
  if (away < SECOND) return "now";
  if (away >= 7 * DAY) {
    const sameYear = new Date(at).getFullYear() === new Date(nowMs).getFullYear();
    return (sameYear ? SHORT_DATE : LONG_DATE).format(at);
  }
  const text = coarse(away);
  return past < 0 ? `in ${text}` : `${text} ago`;
}

export function absolute(timestamp) {
  const at = ms(timestamp);
  return at === null ? "" : ABSOLUTE.format(at);
}

// The time of day with milliseconds, for what happens within one execution.
export function clock(timestamp) {
  const at = ms(timestamp);
  if (at === null) return "";
  return `${CLOCK.format(at)}.${String(new Date(at).getMilliseconds()).padStart(3, "0")}`;
}

function coarse(away) {
  if (away < MINUTE) return `${Math.floor(away / SECOND)} s`;
  if (away < HOUR) return `${Math.floor(away / MINUTE)} min`;
  if (away < DAY) return `${Math.floor(away / HOUR)} h`;
  return `${Math.floor(away / DAY)} d`;
}

// A length of time, to three figures or so: "840 µs", "12.3 ms", "4.20 s", "2 min 5 s", "3 d 4 h".
export function duration(lengthMs) {
  if (lengthMs === null || lengthMs === undefined || Number.isNaN(lengthMs)) return "";
  const length = Math.max(0, lengthMs);
  if (length === 0) return "0 ms";
  if (length < 1) return `${Math.round(length * 1000)} µs`;
  if (length < SECOND) return `${figures(length)} ms`;
  if (length < MINUTE) return `${figures(length / SECOND)} s`;
  if (length < HOUR) return two(length, MINUTE, "min", SECOND, "s");
  if (length < DAY) return two(length, HOUR, "h", MINUTE, "min");
  return two(length, DAY, "d", HOUR, "h");
}

// A length of time that goes on: in whole seconds, since more would only flicker.
export function elapsed(lengthMs) {
  const length = Math.max(0, lengthMs);
  return length < MINUTE ? `${Math.floor(length / SECOND)} s` : duration(length);
}

function two(length, large, largeName, small, smallName) {
  const whole = Math.floor(length / large);
  const rest = Math.floor((length % large) / small);
  return rest === 0 ? `${whole} ${largeName}` : `${whole} ${largeName} ${rest} ${smallName}`;
}

function figures(value) {
  if (value >= 100) return String(Math.floor(value));
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function number(value) {
  return NUMBER.format(value);
}

export function compact(value) {
  return value < 10_000 ? NUMBER.format(value) : COMPACT.format(value);
}

export function count(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let rest = value;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return unit === 0 ? `${rest} B` : `${figures(rest)} ${units[unit]}`;
}

export function json(value, indent = 2) {
  return JSON.stringify(value, null, indent);
}

// JSON on one line, cut to `charsMax`.
export function brief(value, charsMax = 120) {
  const text = JSON.stringify(value) ?? "";
  return text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text;
}

// The words of a shell command, quoted where they need it.
export function shell(words) {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}
