// All about one row of the timeline, beside it.
import { html, nothing } from "../lit.js";
import { copyButton } from "../components/copy.js";
import { icon } from "../components/icon.js";
import { clock, json } from "../format.js";
import { errorView } from "./frames.js";
import { glyph } from "./glyphs.js";
import { decideButton } from "./resolve.js";
import { STATES, errorText, lengthText, span, stateText } from "./words.js";
import "../components/json-view.js";

const TRIES_SHOWN = 50;

export function drawer(page, row) {
  const { waterfall } = page;
  const { now } = waterfall.compute();
  const label = `${row.before}${row.title}`;
  return html`<aside class="drawer" aria-label=${`Effect: ${label}`} data-key=${row.key} @keydown=${(event) => leave(event, page)}>
    <header class="drawer-head">
      ${glyph(row.kind)}
      <h2 class="grow">
        <span class="muted">${row.before}</span><bdi>${row.title}</bdi>
      </h2>
      ${button("up", "The one before", () => waterfall.step(-1))}${button("down", "The next one", () => waterfall.step(1))}
      ${button("close", "Close", () => page.close())}
    </header>
    <div class="drawer-body">
      <div class="row wrap drawer-state">${state(row, now)}${links(page, row)}</div>
      ${row.undone ? html`<p class="muted">A later retry took this back: it no longer counts.</p>` : nothing}
      <dl class="facts">${facts(page, row, now)}</dl>
      ${parked(page, row)} ${outcome(page, row)} ${attempts(row)} ${past(row)} ${raw(page, row)}
    </div>
  </aside>`;
}

function button(name, label, run) {
  return html`<button class="button quiet small icon-only" aria-label=${label} title=${label} @click=${run}>${icon(name)}</button>`;
}

function leave(event, page) {
  if (event.key !== "Escape") return;
  event.stopPropagation();
  page.close();
}

function state(row, now) {
  const look = row.failed ? "failed" : row.state === "parked" ? "parked" : row.end === null ? "running" : "completed";
  const text = row.point && !row.failed ? "recorded" : stateText(row, now) || STATES[row.state];
  return html`<span class="badge filled" data-status=${row.state === "dropped" ? "cancelled" : look}>${text}</span>`;
}

function links(page, row) {
  const { app, feed } = page;
  const child = row.link ?? (row.kind === "child" && row.effect ? `${feed.detail.id}.${row.effect}` : null);
  return html`${row.positions.length && row.kind !== "run" && !row.undone && !row.final
    ? html`<button class="button small" @click=${() => page.travelTo(row.positions[0])}>${icon("travel")}Go to this point</button>`
    : nothing}
  ${child
    ? html`<a class="button small" href=${app.href(["executions", child])}>Open ${child}</a>`
    : nothing}
  ${feed.detail.status === "failed" && row.effect > 0 && !row.undone && app.may("operate")
    ? html`<button class="button small" @click=${() => page.actions.retry(row.effect)}>${icon("retry")}Retry from here</button>`
    : nothing}`;
}

function facts(page, row, now) {
  const { timeline } = page.feed;
  const at = (us) => html`+${span(us)} <span class="muted">${clock(new Date(timeline.beganMs + us / 1000).toISOString())}</span>`;
  const fact = (name, value) => html`<dt>${name}</dt><dd>${value}</dd>`;
  return [
    row.effect ? fact("Effect", html`<span class="number">${row.effect}</span>`) : nothing,
    row.kind === "log" ? fact("Logger", html`<code>${row.note}</code>`) : nothing,
    fact(row.point ? "At" : "Began", at(row.begin)),
    row.point || row.end === null ? nothing : fact("Ended", at(row.end)),
    row.point ? nothing : fact(row.end !== null ? "Took" : row.until === null ? "For" : "Takes", lengthText(row, now)),
    row.seen !== null && row.end !== null && row.seen - row.end > 1_000 ? fact("Seen by the workflow", at(row.seen)) : nothing,
    row.until !== null && row.end === null ? fact("Until", at(row.until)) : nothing,
    row.cleanup ? fact("Cleans up until", row.cleanup) : nothing,
    row.note && row.kind !== "log" ? fact("Note", row.note) : nothing,
  ];
}

// What waits for a decision is decided right here.
function parked(page, row) {
  const { app, feed } = page;
  const item = (feed.detail.parked ?? []).find((one) => one.effect === row.effect && row.state === "parked");
  if (!item) return nothing;
  return html`<div class="notice warn">
    ${icon("parked")}
    <div class="notice-body stack">
      <span>${item.asked ? "The workflow asks for a decision." : "The engine stopped while this was performed. Nobody knows if it happened."}</span>
      <div>${decideButton(app, feed.detail, item, () => page.changed())}</div>
    </div>
  </div>`;
}

function outcome(page, row) {
  const { sources, feed } = page;
  if (row.error !== undefined) {
    return html`<h3>Error</h3>${errorView(row.error, { sources, deployment: feed.detail.deployment })}`;
  }
  if (row.value === undefined) return nothing;
  const name = row.kind === "run" ? "Input" : row.kind === "receive" ? "Message" : "Value";
  return html`<div class="row"><h3 class="grow">${name}</h3>${copyButton(() => json(row.value), `Copy the ${name.toLowerCase()}`)}</div>
    <div class="value-box"><json-view .value=${row.value} open="3"></json-view></div>`;
}

function attempts(row) {
  if (row.attempts.length === 0) return nothing;
  const shown = row.attempts.slice(-TRIES_SHOWN);
  const first = row.attempts.length - shown.length;
  return html`<h3>Failed attempts</h3>
    <ol class="attempts">
      ${shown.map(
        (one, n) => html`<li>
          <div><strong>${first + n + 1}</strong> <span class="is-bad">${errorText(one)}</span></div>
          <div class="muted small">
            at +${span(one.elapsed_us)}${one.pause_us ? `, then waited ${span(one.pause_us)}` : ""}${
              one.elapsed_us < row.begin ? ", before a retry of the execution" : ""
            }
          </div>
        </li>`,
      )}
    </ol>`;
}

// The decisions that were made about it.
function past(row) {
  if (row.parks.length === 0) return nothing;
  return html`<h3>Decisions</h3>
    <ol class="attempts">
      ${row.parks.map(
        (park) => html`<li>
          Waited from +${span(park.at)}${park.until === null ? ", and still does" : ` for ${span(park.until - park.at)}`}
          ${park.decision ? html`<div class="muted small">${park.decision}${park.by ? `, by ${park.by}` : ""}</div>` : nothing}
        </li>`,
      )}
    </ol>`;
}

function raw(page, row) {
  const { feed } = page;
  const entries = row.positions.map((position) => feed.timeline.entries[position]).filter(Boolean);
  if (entries.length === 0) return html`<p class="muted small">The journal tells of it when it has ended.</p>`;
  return html`<h3>In the journal</h3>
    <p class="row wrap small">
      ${row.positions.map(
        (position) => html`<button class="button small" aria-label=${`Show entry ${position} of the journal`} @click=${() => page.showEntry(position)}>${position}</button>`,
      )}
    </p>
    ${row.effect && row.kind === "step"
      ? html`<p class="muted small">Of the arguments a journal keeps a fingerprint only: the workflow computes them again in a replay.</p>`
      : nothing}
    <details class="plain"><summary>Entries as they are</summary>
      <div class="value-box">${entries.map((entry) => html`<json-view .value=${entry} open="1"></json-view>`)}</div>
    </details>`;
}
