// The tabs below the timeline. `tabs` are `{name, label, count, render()}`.
import { html, nothing } from "../lit.js";
import { compact } from "../format.js";

export function tabs(all, chosen, onChoose) {
  const tab = all.find((one) => one.name === chosen) ?? all[0];
  return html`<section class="ex-tabs" aria-label="Details">
    <div class="tabs lined" role="tablist" aria-label="Details" @keydown=${(event) => onKey(event, all, tab, onChoose)}>
      ${all.map(
        (one, n) => html`<button
          class="tab"
          role="tab"
          id=${`tab-${one.name}`}
          aria-controls="tab-panel"
          aria-selected=${String(one === tab)}
          tabindex=${one === tab ? 0 : -1}
          title=${`Press ${n + 1}`}
          @click=${() => onChoose(one.name)}
        >
          ${one.label}${one.count ? html`<span class="count">${compact(one.count)}</span>` : nothing}
        </button>`,
      )}
    </div>
    <div class="tab-panel" role="tabpanel" id="tab-panel" aria-labelledby=${`tab-${tab.name}`}>${tab.render()}</div>
  </section>`;
}

function onKey(event, all, tab, onChoose) {
  const at = all.indexOf(tab);
  const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  const { name } = all[(next + all.length) % all.length];
  onChoose(name);
  document.getElementById(`tab-${name}`)?.focus();
}
