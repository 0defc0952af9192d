// The head of the page: what this execution is, how it stands, where it comes from.
import { html, nothing } from "../lit.js";
import { copyButton } from "../components/copy.js";
import { icon } from "../components/icon.js";
import { isFinal, statusBadge } from "../components/status-badge.js";
import { age, ago, moment } from "../components/time.js";
import { absolute, duration, ms, relative } from "../format.js";

const RUNS_LINKED = 6;

export function crumbs(app, id) {
  return html`<nav class="crumbs" aria-label="Where this is">
    <a href=${app.href(["executions"])}>Executions</a>${icon("chevron")}<span class="truncate" aria-current="page"
      >${id}</span
    >
  </nav>`;
}

export function header(app, detail, { deadline = null, actions }) {
  return html`<header class="ex-head">
    <div class="ex-title">
      ${statusBadge(detail.status, { filled: true })}
      <h1 class="truncate">${detail.workflow}</h1>
      <span class="ex-id"><code class="truncate">${detail.id}</code>${copyButton(detail.id, "Copy the id")}</span>
      <div class="page-actions">${actions}</div>
    </div>
    <dl class="ex-facts">${facts(app, detail, deadline)}</dl>
    ${attributes(app, detail)}
  </header>`;
}

function facts(app, detail, deadline) {
  const ended = isFinal(detail.status);
  const waitsToBegin = Boolean(detail.start_at);
  return [
    fact(waitsToBegin ? "Created" : "Started", moment(detail.created_at), ago(app, detail.created_at)),
    waitsToBegin ? fact("Begins", moment(detail.start_at), ago(app, detail.start_at)) : nothing,
    ended ? fact("Ended", moment(detail.updated_at), ago(app, detail.updated_at)) : nothing,
    waitsToBegin ? nothing : fact(ended ? "Took" : "For", html`<span class="number">${age(app, detail)}</span>`),
    !ended && detail.wake_at && !waitsToBegin ? fact("Wakes", wakes(app, detail.wake_at)) : nothing,
    deadline && !ended ? fact("Deadline", moment(deadline), relative(deadline, app.now())) : nothing,
    fact("Run", runs(app, detail)),
    detail.parent ? fact("Parent", parent(app, detail.parent)) : nothing,
    fact(
      "Deployment",
      html`<a href=${app.href(["deployments", detail.deployment])}><code>${detail.deployment}</code></a>`,
    ),
  ];
}

function fact(name, value, title = nothing) {
  return html`<div class="fact">
    <dt>${name}</dt>
    <dd>${value}${title === nothing ? nothing : html` <span class="muted">${title}</span>`}</dd>
  </div>`;
}

function wakes(app, at) {
  const left = ms(at) - app.now();
  const text = left <= 0 ? "now" : `in ${duration(left < 60_000 ? Math.ceil(left / 1000) * 1000 : left)}`;
  return html`<time datetime=${at} title=${absolute(at)}>${text}</time>`;
}

// Links to the other runs of the id: the newest has the id itself, the others a number behind it.
function runs(app, detail) {
  const [latest, earlier] = detail.id.split("~");
  const links = [];
  for (let run = detail.run - 1; run >= 1 && links.length < RUNS_LINKED; run -= 1) {
    links.push(html`<a href=${app.href(["executions", `${latest}~${run}`])} title=${`Run ${run} of ${latest}`}>${run}</a>`);
  }
  return html`<span class="ex-runs"
    ><strong class="number">${detail.run}</strong>${
      links.length ? html` <span class="muted">earlier:</span> ${links}${detail.run - 1 > RUNS_LINKED ? " …" : ""}` : nothing
    }${earlier ? html` <a href=${app.href(["executions", latest])}>latest run</a>` : nothing}</span
  >`;
}

function parent(app, { id, effect }) {
  return html`<a href=${app.href(["executions", id], { effect: `e${effect}` })}
    ><code>${id}</code></a
  > <span class="muted">effect ${effect}</span>`;
}

function attributes(app, detail) {
  const pairs = Object.entries(detail.attributes ?? {});
  if (pairs.length === 0) return nothing;
  return html`<ul class="row wrap ex-attributes" aria-label="Attributes">
    ${pairs.map(
      ([name, value]) => html`<li>
        <a
          class="chip"
          href=${app.href(["executions"], { attribute: `${name}=${value}` })}
          title=${`Executions with ${name} = ${value}`}
          >${icon("tag")}<span class="truncate">${name} = ${value}</span></a
        >
      </li>`,
    )}
  </ul>`;
}
