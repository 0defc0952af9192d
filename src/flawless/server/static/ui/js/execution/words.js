// What is said about a row: in its line, in the tooltip, and to screen readers.
import { brief, count, duration } from "../format.js";
import { lengthOf, triesOf } from "./segments.js";

export const STATES = {
  open: "under way",
  ok: "done",
  failed: "failed",
  dropped: "given up",
  timeout: "timed out",
  cancelled: "cancelled",
  parked: "waits for a decision",
};

const BRIEF_CHARS = 160;

// A length of time in microseconds.
export function span(us) {
  return duration(us / 1000);
}

export function errorText(error) {
  const message = String(error?.message ?? "").replaceAll("\n", " ");
  return message ? `${error.type ?? "Error"}: ${message}` : String(error?.type ?? "Error");
}

// What came of a row, in a few words.
export function outcomeText(row) {
  if (row.error !== undefined) return errorText(row.error);
  if (row.note && row.kind !== "clock") return row.note;
  if (row.value === undefined || row.value === null) return row.kind === "clock" ? row.note : "";
  if (row.kind === "receive" && typeof row.value === "object" && "payload" in row.value) {
    return brief(row.value.payload, BRIEF_CHARS);
  }
  if (row.kind === "http" && typeof row.value === "object" && "status" in row.value) {
    return String(row.value.status);
  }
  if (row.kind === "run") return callText(row.value);
  return brief(row.value, BRIEF_CHARS);
}

// The arguments of a workflow as they are written in a call.
function callText(input) {
  const args = input.args.map((value) => brief(value, 60));
  const named = Object.entries(input.kwargs).map(([name, value]) => `${name}=${brief(value, 60)}`);
  return `(${[...args, ...named].join(", ")})`;
}

export function lengthText(row, now) {
  const length = lengthOf(row, now);
  return length === null ? "" : span(length);
}

export function stateText(row, now) {
  if (row.point) return row.state === "failed" ? "failed" : "";
  if (row.kind === "sleep" && row.end === null) {
    return row.until > now ? `wakes in ${span(row.until - now)}` : "wakes now";
  }
  const tries = triesOf(row).length;
  const attempt = tries && row.end === null ? `, attempt ${tries + 1}` : "";
  return `${STATES[row.state]}${attempt}`;
}

// A whole row for screen readers.
export function spoken(row, now) {
  const tries = row.attempts.length ? `, ${count(row.attempts.length, "failed attempt")}` : "";
  const took = row.point ? "" : `, ${lengthText(row, now)}`;
  const state = stateText(row, now);
  const outcome = outcomeText(row);
  const parts = [`${row.before}${row.title}`, state, outcome].filter(Boolean).join(", ");
  return `${parts}${took}${tries}${row.undone ? ", taken back by a retry" : ""}`;
}
