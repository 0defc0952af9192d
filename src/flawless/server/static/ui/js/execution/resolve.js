// The effects that wait for a person's decision, each to be decided right there.
import { html, nothing } from "../lit.js";
import { ago } from "../components/time.js";
import { resolve } from "../inbox/resolve.js";

export function decisions(app, detail, onDone) {
  return html`<ul class="decisions">
    ${(detail.parked ?? []).map(
      (item) => html`<li class="decision">
        <div class="grow">
          <code>${item.label}</code>
          <span class="muted small">effect ${item.effect}, since ${ago(app, item.at)}</span>
        </div>
        ${decideButton(app, detail, item, onDone)}
      </li>`,
    )}
  </ul>`;
}

export function decideButton(app, detail, item, onDone) {
  const refusal = app.refusal("operate");
  const about = { ...item, execution: detail.id, workflow: detail.workflow };
  return html`<button
    class="button small"
    ?disabled=${Boolean(refusal)}
    title=${refusal || nothing}
    aria-label=${`Decide about effect ${item.effect}, ${item.label}`}
    @click=${async () => {
      if (await resolve(app, about)) onDone();
    }}
  >
    Decide
  </button>`;
}
