// Moments and lengths of time. They are drawn again each second, with the page.
import { html, nothing } from "../lit.js";
import { absolute, duration, elapsed, ms, relative } from "../format.js";
import { isFinal } from "./status-badge.js";

// A moment as people say it; the exact one is in its title.
export function ago(app, timestamp) {
  if (!timestamp) return nothing;
  return html`<time datetime=${timestamp} title=${absolute(timestamp)}
    >${relative(timestamp, app.now())}</time
  >`;
}

export function moment(timestamp) {
  if (!timestamp) return nothing;
  return html`<time datetime=${timestamp}>${absolute(timestamp)}</time>`;
}

// How long an execution took, or has taken until now, in milliseconds.
function ageMs(app, execution) {
  const began = ms(execution.created_at);
  const until = isFinal(execution.status) ? ms(execution.updated_at) : app.now();
  return began === null || until === null ? null : Math.max(0, until - began);
}

export function age(app, execution) {
  const length = ageMs(app, execution);
  if (length === null) return "";
  return isFinal(execution.status) ? duration(length) : elapsed(length);
}
