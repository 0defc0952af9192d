// A value to look at: as a tree, or as the raw text, to copy or to keep as a file.
import { html, nothing } from "../lit.js";
import { copyButton } from "../components/copy.js";
import { bytes, json } from "../format.js";
import "../components/json-view.js";

const RAW_CHARS = 20_000; // a longer text is cut on the page; copying gives all of it

// `views` remembers, by label, which ones are shown raw; `redraw` is called when that changes.
export function valueCard(label, value, { views, redraw, open = 3, note = nothing }) {
  const raw = views.has(label);
  return html`<section class="card value-card" aria-label=${label}>
    <div class="card-head">
      <h3>${label}</h3>
      ${note}<span class="grow"></span>
      <div class="tabs" role="group" aria-label=${`${label}: how it is shown`}>
        ${way("Tree", !raw, () => views.delete(label), redraw)}${way("Raw", raw, () => views.add(label), redraw)}
      </div>
      ${copyButton(() => json(value), `Copy ${label.toLowerCase()}`)}
    </div>
    <div class="card-body">${raw ? rawText(value) : html`<json-view .value=${value} open=${open}></json-view>`}</div>
  </section>`;
}

function way(label, pressed, choose, redraw) {
  return html`<button
    class="tab small"
    aria-pressed=${String(pressed)}
    @click=${() => {
      choose();
      redraw();
    }}
  >
    ${label}
  </button>`;
}

function rawText(value) {
  const text = json(value) ?? "";
  const cut = text.length > RAW_CHARS;
  return html`<pre class="raw" tabindex="0">${cut ? text.slice(0, RAW_CHARS) : text}</pre>
    ${cut ? html`<p class="muted small">The first of ${bytes(text.length)}; copying gives all of it.</p>` : nothing}`;
}

// Hand a text to the browser as a file to keep.
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
