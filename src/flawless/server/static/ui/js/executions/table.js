// The list itself: only the rows that can be seen are in the document, however many are loaded.
import { html, nothing, repeat, styled } from "../lit.js";
import { icon } from "../components/icon.js";
import { statusBadge } from "../components/status-badge.js";
import { age, ago } from "../components/time.js";

const OVERSCAN = 12; // rows beyond each edge of the window
const NARROW = window.matchMedia("(max-width: 640px)");
const ROW_PX = 44;
const ROW_PX_NARROW = 64;
const SKELETONS = 12;

export function rowPx() {
  return NARROW.matches ? ROW_PX_NARROW : ROW_PX;
}

// Which rows are drawn: `[first, end)`, from where the list's top is in the window.
export function visible(count, top, height) {
  const first = Math.max(0, Math.floor(-top / rowPx()) - OVERSCAN);
  const end = Math.min(count, Math.ceil((height - top) / rowPx()) + OVERSCAN);
  return [Math.min(first, count), Math.max(end, 0)];
}

export function table(page) {
  const { rows } = page.model;
  const [first, end] = page.visible();
  const shown = rows.slice(first, end);
  const selectable = page.app.may("operate");
  return html`<div
    class="x-table card ${selectable ? "selectable" : ""}"
    role="table"
    aria-label="Executions"
    aria-rowcount=${page.model.next === null ? rows.length + 1 : -1}
    @pointerenter=${(event) => event.pointerType === "mouse" && page.reading("pointer", true)}
    @pointerleave=${() => page.reading("pointer", false)}
    @focusin=${() => page.reading("focus", true)}
    @focusout=${() => page.reading("focus", false)}
  >
    ${head(page, selectable)}
    <div
      class="x-rows"
      role="rowgroup"
      ${styled({ height: `${rows.length * rowPx()}px` })}
    >
      <div class="x-window" role="presentation" ${styled({ transform: `translateY(${first * rowPx()}px)` })}>
        ${repeat(
          shown,
          (execution) => execution.id,
          (execution, place) => row(page, execution, first + place, selectable),
        )}
      </div>
    </div>
  </div>`;
}

function head(page, selectable) {
  const { rows } = page.model;
  const { size } = page.selection;
  return html`<div class="x-head" role="row" aria-rowindex="1">
    ${selectable
      ? html`<div class="x-check" role="columnheader">
          <input
            type="checkbox"
            aria-label="Select all that are loaded"
            .checked=${size > 0 && size >= rows.length}
            .indeterminate=${size > 0 && size < rows.length}
            @change=${() => page.selectAll()}
          />
        </div>`
      : nothing}
    <div class="x-status" role="columnheader">Status</div>
    <div class="x-workflow" role="columnheader">Workflow</div>
    <div class="x-id" role="columnheader">Id</div>
    <div class="x-attributes" role="columnheader">Attributes</div>
    <div class="x-deployment" role="columnheader">Deployment</div>
    <div class="x-started" role="columnheader">Started</div>
    <div class="x-duration" role="columnheader">Duration</div>
  </div>`;
}

function row(page, execution, place, selectable) {
  const { app, selection, model } = page;
  const { id } = execution;
  const classes = [
    "x-row",
    selection.has(id) ? "selected" : "",
    model.gone.has(id) ? "gone" : "",
    page.cursor === id ? "cursor" : "",
  ].join(" ");
  return html`<div class=${classes} role="row" aria-rowindex=${place + 2} data-id=${id}>
    ${selectable
      ? html`<div class="x-check" role="cell">
          <input
            type="checkbox"
            aria-label=${`Select ${id}`}
            .checked=${selection.has(id)}
            @click=${(event) => page.select(id, event.shiftKey)}
          />
        </div>`
      : nothing}
    <div class="x-status" role="cell">${statusBadge(execution.status)}${wakes(app, execution)}</div>
    <div class="x-workflow" role="cell">
      <a class="stretched truncate" href=${app.href(["executions", id])} title=${execution.workflow}
        >${execution.workflow}</a
      >
    </div>
    <div class="x-id" role="cell">
      ${execution.parent
        ? html`<span class="x-child" title=${`Child of ${execution.parent.id}`}>${icon("branch")}</span>`
        : nothing}
      <span class="mono truncate" title=${id}>${id}</span>
    </div>
    <div class="x-attributes" role="cell">${attributes(execution)}</div>
    <div class="x-deployment truncate" role="cell" title=${execution.deployment}>
      ${page.deploymentName(execution.deployment)}
    </div>
    <div class="x-started" role="cell">${ago(app, execution.created_at)}</div>
    <div class="x-duration number" role="cell">${age(app, execution)}</div>
  </div>`;
}

// Until when it waits, where it waits for a time.
function wakes(app, execution) {
  const until = execution.start_at ?? execution.wake_at;
  if (!until || execution.status !== "waiting") return nothing;
  const text = execution.start_at ? "begins" : "until";
  return html`<span class="x-wakes" title=${text}>${ago(app, until)}</span>`;
}

function attributes(execution) {
  const all = Object.entries(execution.attributes ?? {});
  if (all.length === 0) return nothing;
  const text = all.map(([name, value]) => `${name}=${value}`);
  return html`<span class="x-pairs" title=${text.join("\n")}
    >${text.slice(0, 2).map((one) => html`<span class="chip"><span class="truncate">${one}</span></span>`)}${all.length >
    2
      ? html`<span class="muted small">+${all.length - 2}</span>`
      : nothing}</span
  >`;
}

export function skeletons() {
  const line = html`<div class="x-row" aria-hidden="true">
    <div class="x-status"><span class="skeleton"></span></div>
    <div class="x-workflow"><span class="skeleton"></span></div>
    <div class="x-id"><span class="skeleton"></span></div>
    <div class="x-started"><span class="skeleton"></span></div>
  </div>`;
  return html`<div class="x-table card" aria-busy="true">
    <p class="visually-hidden" role="status">Loading executions</p>
    ${Array.from({ length: SKELETONS }, () => line)}
  </div>`;
}
