// What matters most about an execution right now, above everything else.
import { html, nothing } from "../lit.js";
import { icon } from "../components/icon.js";
import { notice } from "../components/notice.js";
import { absolute, duration, ms } from "../format.js";
import { errorView } from "./frames.js";
import { decisions } from "./resolve.js";

export function banners(page) {
  const { app, feed } = page;
  const { detail } = feed;
  return html`${app.connection === "lost"
    ? notice({
        kind: "warn",
        title: "No connection to the server",
        detail: "What is shown is how things were last. It goes on by itself when the server is back.",
      })
    : nothing}
  ${detail.start_at ? begins(app, detail) : nothing} ${detail.status === "parked" ? parked(page) : nothing}
  ${detail.status === "failed" ? failed(page) : nothing} ${detail.status === "cancelled" ? cancelled(feed) : nothing}
  ${feed.journalProblem ? damaged(feed.journalProblem) : nothing}`;
}

function begins(app, detail) {
  const left = ms(detail.start_at) - app.now();
  const when = left > 0 ? `in ${duration(Math.ceil(left / 1000) * 1000)}` : "now";
  return notice({ title: `It begins ${when}`, detail: `At ${absolute(detail.start_at)}. Nothing has run yet.` });
}

function parked(page) {
  const { app, feed } = page;
  const waiting = feed.detail.parked ?? [];
  const asked = waiting.every((one) => one.asked);
  return html`<section class="notice warn" role="note" aria-label="Waits for a decision">
    ${icon("parked")}
    <div class="notice-body">
      <div class="notice-title">
        ${waiting.length === 1 ? "An effect waits for your decision" : `${waiting.length} effects wait for your decision`}
      </div>
      <div class="hint">
        ${asked
          ? "The workflow has asked for it."
          : "The engine stopped while they were performed, so nobody knows if they happened. Find out, and say so."}
      </div>
      ${decisions(app, feed.detail, () => page.changed())}
    </div>
  </section>`;
}

function failed(page) {
  const { feed, sources } = page;
  const error = feed.timeline.end?.entry.error;
  if (!error) return nothing;
  return html`<section class="notice bad" role="note" aria-label="Why it failed">
    ${icon("failed")}
    <div class="notice-body stack">
      ${errorView(error, { sources, deployment: feed.detail.deployment })}
      <div><button class="button small" @click=${() => page.travelTo()}>${icon("travel")}Go to the failing line</button></div>
    </div>
  </section>`;
}

function cancelled(feed) {
  const { end } = feed.timeline;
  if (!end) return nothing;
  const told = feed.timeline.entries.findLast((entry) => entry.kind === "cancel_observed");
  const by = end.entry.by || told?.by;
  return notice({
    title: `It was cancelled${by ? ` by ${by}` : ""}`,
    detail: end.entry.error?.message || told?.reason || "No reason was given.",
  });
}

function damaged(problem) {
  const isDamage = problem.type.endsWith("journal-damaged");
  return notice({
    kind: "bad",
    title: isDamage ? "The journal is damaged" : "The journal cannot be read",
    detail: problem.message,
    hint: isDamage
      ? "Nothing was changed, and other executions are not affected. Stop the engine, keep a copy of the data folder, and restore a backup. To do the work anew, start again with the same input."
      : problem.hint,
  });
}
