// The status of an execution: a shape, a colour and a word.
import { html } from "../lit.js";
import { icon } from "./icon.js";

export const STATUSES = ["running", "waiting", "parked", "failed", "completed", "cancelled"];

const MEANING = {
  running: "It computes, or waits for an effect that is under way",
  waiting: "It waits for a time or a message",
  parked: "It waits for a person's decision",
  completed: "It returned a result",
  failed: "It ended with an error",
  cancelled: "It was cancelled or terminated",
};

export function isFinal(status) {
  return status === "completed" || status === "failed" || status === "cancelled";
}

export function statusName(status) {
  return status.charAt(0).toUpperCase() + status.slice(1);
}

export function statusBadge(status, { filled = false } = {}) {
  return html`<span
    class="badge ${filled ? "filled" : ""}"
    data-status=${status}
    title=${MEANING[status] ?? status}
    >${icon(MEANING[status] ? status : "info")}${statusName(status)}</span
  >`;
}
