// What one moves with: from effect to effect, from line to line, to either end.
import { html, nothing } from "../../lit.js";
import { icon } from "../../components/icon.js";

export function controls(travel) {
  const { journey } = travel;
  const effects = journey.stops("effects");
  const at = journey.place;
  const first = journey.stopOf(at, travel.unit) === 0 && at?.kind !== (travel.unit === "lines" ? "point" : "line");
  const last = at?.kind === "raised" || (!journey.raised && journey.stopOf(at, travel.unit) >= journey.stops(travel.unit) - 1);
  return html`<div class="tt-controls" role="group" aria-label="Move">
    ${button("first", "To the beginning (Home)", () => travel.end(false), first)}
    ${button("effect-back", "The effect before (←)", () => travel.step(-1, "effects"), effects === 0)}
    ${journey.hasLines ? button("line-back", "The line before (Shift+←)", () => travel.step(-1, "lines")) : nothing}
    ${journey.hasLines ? button("line-next", "The next line (Shift+→)", () => travel.step(1, "lines"), at?.kind === "raised") : nothing}
    ${button("effect-next", "The next effect (→)", () => travel.step(1, "effects"), effects === 0 || at?.kind === "raised")}
    ${button("last", journey.raised ? "To where it failed (End)" : "To the end (End)", () => travel.end(true), last)}
  </div>`;
}

function button(name, label, run, disabled = false) {
  return html`<button class="button quiet small icon-only" aria-label=${label} title=${label} ?disabled=${disabled} @click=${run}>
    ${icon(name)}
  </button>`;
}

export function unitSwitch(travel) {
  if (!travel.journey.hasLines) return nothing;
  const way = (unit, label) => html`<button
    class="tab small"
    aria-pressed=${String(travel.unit === unit)}
    @click=${() => travel.set({ unit })}
  >
    ${label}
  </button>`;
  return html`<div class="tabs tt-unit" role="group" aria-label="The slider goes over">
    ${way("effects", "Effects")}${way("lines", "Lines")}
  </div>`;
}
