// Notices on a page: what is wrong, and what to do about it.
import { html, nothing } from "../lit.js";
import { icon } from "./icon.js";

export function notice({ kind = "", title, detail = "", hint = "", action = nothing }) {
  return html`<div class="notice ${kind}" role=${kind === "bad" ? "alert" : "note"}>
    ${icon(kind === "" ? "info" : "alert")}
    <div class="notice-body">
      <div class="notice-title">${title}</div>
      ${detail && detail !== title ? html`<div>${detail}</div>` : nothing}
      ${hint ? html`<div class="hint small">${hint}</div>` : nothing}
    </div>
    ${action}
  </div>`;
}

// The notice for an error of the API, with a button that tries again.
export function problemNotice(problem, retry = null) {
  const action = retry
    ? html`<button class="button small" @click=${retry}>Try again</button>`
    : nothing;
  const { message, hint } = problem;
  return notice({
    kind: "bad",
    title: problem.title || message,
    detail: problem.detail || message,
    hint,
    action,
  });
}
