// What is above the timeline: filters by kind, failures and text, and the handles of the axis.
import { html, live, nothing } from "../lit.js";
import { icon } from "../components/icon.js";
import { number } from "../format.js";
import { glyph } from "./glyphs.js";

export function toolbar(waterfall, { counts, useful, on, kinds }) {
  const { onlyFailures, text, window } = waterfall;
  return html`<div class="card-head tl-tools" role="toolbar" aria-label="What the timeline shows">
    <h2>Timeline</h2>
    <div class="tl-kinds" role="group" aria-label="Kinds of effects">
      ${Object.entries(kinds).map(([kind, label]) =>
        counts.has(kind) && kind !== "other" ? chip(waterfall, kind, label, counts.get(kind)) : nothing,
      )}
    </div>
    <button
      class="tl-chip"
      aria-pressed=${String(onlyFailures)}
      @click=${() => waterfall.set({ onlyFailures: !onlyFailures })}
    >
      ${icon("alert")}Failures
    </button>
    <label class="tl-search">
      ${icon("search")}<span class="visually-hidden">Filter effects by text</span>
      <input
        class="input"
        type="search"
        placeholder="Filter"
        .value=${live(text)}
        @input=${(event) => waterfall.set({ text: event.target.value })}
        @keydown=${(event) => event.key === "Escape" && leave(event, waterfall)}
      />
    </label>
    <span class="grow"></span>
    ${useful || on
      ? html`<label class="check small" title="Draw long stretches without work short">
          <input type="checkbox" .checked=${live(on)} @change=${() => waterfall.set({ compress: !on })} />
          Skip idle time
        </label>`
      : nothing}
    <div class="row tl-zoom" role="group" aria-label="Zoom">
      ${tool("minus", "Zoom out", () => waterfall.zoomBy(false))}
      ${tool("plus", "Zoom in", () => waterfall.zoomBy(true))}
      ${window
        ? html`<button class="button small" @click=${() => waterfall.zoomTo(null)}>Reset zoom</button>`
        : nothing}
    </div>
  </div>`;
}

function leave(event, waterfall) {
  event.stopPropagation();
  waterfall.set({ text: "" });
  event.target.blur();
}

function chip(waterfall, kind, label, count) {
  return html`<button
    class="tl-chip"
    aria-pressed=${String(!waterfall.hidden.has(kind))}
    aria-label=${`${label}, ${count}`}
    @click=${() => waterfall.toggleKind(kind)}
  >
    ${glyph(kind)}${label}<span class="count">${number(count)}</span>
  </button>`;
}

function tool(name, label, run) {
  return html`<button class="button quiet small icon-only" aria-label=${label} title=${label} @click=${run}>
    ${icon(name)}
  </button>`;
}
