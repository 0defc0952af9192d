// The signs of the kinds of effects: told apart by shape, and by colour beside it.
import { html, svg } from "../lit.js";

const SHAPES = {
  run: svg`<path d="M4 3.5v9l8-4.5z"/>`,
  step: svg`<path d="m8.8 1.8-5 7.4h3.6l-.7 5 5.5-7.6H8.4z"/>`,
  http: svg`<circle cx="8" cy="8" r="5.7"/><path d="M2.3 8h11.4M8 2.3c3.4 3.6 3.4 7.8 0 11.4M8 2.3c-3.4 3.6-3.4 7.8 0 11.4"/>`,
  child: svg`<path d="M4 2.5v5A2.5 2.5 0 0 0 6.5 10H12M9.5 7.3 12.2 10l-2.7 2.7"/>`,
  receive: svg`<path d="M2.5 4h11v8.5h-11zM2.8 4.5 8 9l5.2-4.5"/>`,
  send: svg`<path d="m2 7.5 12-5-4 11.5-2.6-4.9zM7.4 9.1 14 2.5"/>`,
  sleep: svg`<path d="M12.8 9.8A5.6 5.6 0 0 1 6.2 3.2a5.6 5.6 0 1 0 6.6 6.6z"/>`,
  decision: svg`<circle cx="8" cy="5" r="2.6"/><path d="M2.8 13.5c.5-3 2.5-4.5 5.2-4.5s4.7 1.5 5.2 4.5"/>`,
  publish: svg`<circle cx="8" cy="8" r="1.6"/><path d="M4.8 11.2a4.5 4.5 0 0 1 0-6.4M11.2 4.8a4.5 4.5 0 0 1 0 6.4M2.6 13.4a7.6 7.6 0 0 1 0-10.8M13.4 2.6a7.6 7.6 0 0 1 0 10.8"/>`,
  log: svg`<path d="M3 4h10M3 8h10M3 12h6"/>`,
  clock: svg`<circle cx="8" cy="8" r="5.7"/><path d="M8 4.8V8l2.2 1.6"/>`,
  other: svg`<circle cx="8" cy="8" r="2.5"/>`,
};

export function glyph(kind) {
  return html`<svg class="glyph" data-kind=${kind} viewBox="0 0 16 16" aria-hidden="true">
    ${SHAPES[kind] ?? SHAPES.other}
  </svg>`;
}
