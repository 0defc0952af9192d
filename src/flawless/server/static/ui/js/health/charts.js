// Which charts the health page has.
import { bytes, compact, duration } from "../format.js";

// How many a second: counts of samples are of their own interval.
const rate = (name) => (sample) => sample[name] / sample.interval_s;
const level = (name) => (sample) => sample[name];

function perSecond(value) {
  if (value === 0 || value >= 10) return compact(Math.round(value));
  return value.toFixed(value >= 1 ? 1 : 2);
}

const whole = (value) => compact(Math.round(value));
const lengthMs = (value) => duration(value);

export const CHARTS = [
  {
    title: "Executions",
    unit: "per second",
    format: perSecond,
    series: [
      { label: "started", value: rate("started") },
      { label: "ended", value: rate("ended") },
    ],
  },
  {
    title: "Steps",
    unit: "per second",
    format: perSecond,
    series: [
      { label: "done", value: rate("steps") },
      { label: "retried", value: rate("retries") },
    ],
  },
  {
    title: "Commit time",
    format: lengthMs,
    series: [
      { label: "p50", value: level("commit_ms_p50") },
      { label: "p95", value: level("commit_ms_p95") },
    ],
  },
  {
    title: "Step time",
    format: lengthMs,
    series: [
      { label: "p50", value: level("step_ms_p50") },
      { label: "p95", value: level("step_ms_p95") },
    ],
  },
  {
    title: "Backlog",
    format: whole,
    series: [
      { label: "queued", value: level("queued") },
      { label: "effects under way", value: level("in_flight") },
    ],
  },
  {
    title: "Guests",
    format: whole,
    series: [
      { label: "alive", value: level("guests") },
      { label: "executions in memory", value: level("in_memory") },
    ],
  },
  {
    title: "Replays",
    unit: "per second",
    format: perSecond,
    series: [
      { label: "replays", value: rate("replays") },
      { label: "evictions", value: rate("evictions") },
    ],
  },
  {
    title: "Journals",
    unit: "per second",
    format: bytes,
    series: [{ label: "written", value: rate("journal_bytes") }],
  },
  {
    title: "Memory",
    format: bytes,
    series: [{ label: "resident", value: level("memory_bytes") }],
  },
  {
    title: "Lateness of the event loop",
    format: lengthMs,
    series: [{ label: "at worst", value: level("lag_ms") }],
  },
];
