// Icons, drawn here on a grid of 16: each is decoration, so it is hidden from screen readers.
import { html, svg } from "../lit.js";

const SHAPES = {
  list: svg`<path d="M2.5 4h11M2.5 8h11M2.5 12h7"/>`,
  play: svg`<path d="M4.5 3v10l8.5-5z"/>`,
  inbox: svg`<path d="M2.5 9.5 4.3 3h7.4l1.8 6.5V13h-11zM2.5 9.5h3.3l1 1.8h2.4l1-1.8h3.3"/>`,
  layers: svg`<path d="m8 2 6 3.2-6 3.2-6-3.2zM2.3 8.2 8 11.2l5.7-3M2.3 11 8 14l5.7-3"/>`,
  pulse: svg`<path d="M1.5 8.5h3l2-5.5 3 10 2-4.5h3"/>`,
  sun: svg`<circle cx="8" cy="8" r="2.8"/><path d="M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9"/>`,
  moon: svg`<path d="M13.3 9.7A5.7 5.7 0 0 1 6.3 2.7a5.7 5.7 0 1 0 7 7z"/>`,
  screen: svg`<rect x="2" y="2.5" width="12" height="8.5" rx="1.5"/><path d="M5.5 13.5h5M8 11v2.5"/>`,
  search: svg`<circle cx="7" cy="7" r="4.2"/><path d="m10.2 10.2 3.3 3.3"/>`,
  close: svg`<path d="m4 4 8 8M12 4l-8 8"/>`,
  check: svg`<path d="m3.5 8.5 3 3 6-7"/>`,
  copy: svg`<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5"/>`,
  chevron: svg`<path d="m6 3.5 4.5 4.5L6 12.5"/>`,
  down: svg`<path d="m3.5 6 4.5 4.5L12.5 6"/>`,
  up: svg`<path d="m3.5 10 4.5-4.5L12.5 10"/>`,
  plus: svg`<path d="M8 3v10M3 8h10"/>`,
  minus: svg`<path d="M3 8h10"/>`,
  more: svg`<path d="M3.5 8h.1M8 8h.1M12.5 8h.1" stroke-width="2.2"/>`,
  trash: svg`<path d="M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9"/>`,
  alert: svg`<path d="M8 2 14.5 13.5h-13zM8 6.5v3M8 11.6v.1"/>`,
  info: svg`<circle cx="8" cy="8" r="6"/><path d="M8 7.3v3.7M8 5v.1"/>`,
  out: svg`<path d="M6.5 3H4a1 1 0 0 0-1 1v8a1 1 0 0 0 1 1h2.5M10 5l3 3-3 3M13 8H6.5"/>`,
  retry: svg`<path d="M13 8a5 5 0 1 1-1.5-3.6L13 6M13 2.5V6H9.5"/>`,
  stop: svg`<circle cx="8" cy="8" r="6"/><path d="M6 6h4v4H6z"/>`,
  file: svg`<path d="M9 2H4.5A1 1 0 0 0 3.5 3v10a1 1 0 0 0 1 1h7a1 1 0 0 0 1-1V5.5zM9 2v3.5h3.5"/>`,
  upload: svg`<path d="M8 10.5v-8M4.8 5.5 8 2.3l3.2 3.2M2.5 10.5v2a1 1 0 0 0 1 1h9a1 1 0 0 0 1-1v-2"/>`,
  message: svg`<path d="M2.5 3.5h11v7.5H7l-3 2.5V11H2.5z"/>`,
  branch: svg`<circle cx="4.5" cy="3.5" r="1.5"/><circle cx="4.5" cy="12.5" r="1.5"/><circle cx="11.5" cy="5.5" r="1.5"/><path d="M4.5 5v6M11.5 7c0 2.5-7 1.5-7 4"/>`,
  first: svg`<path d="M3.5 3.5v9M13 3.5 6.5 8l6.5 4.5z"/>`,
  last: svg`<path d="M12.5 3.5v9M3 3.5 9.5 8 3 12.5z"/>`,
  "effect-back": svg`<path d="M12 3.5 5 8l7 4.5z" fill="currentcolor"/>`,
  "effect-next": svg`<path d="M4 3.5 11 8l-7 4.5z" fill="currentcolor"/>`,
  "line-back": svg`<path d="m10 3.5-4.5 4.5L10 12.5"/>`,
  "line-next": svg`<path d="M6 3.5 10.5 8 6 12.5"/>`,
  travel: svg`<circle cx="8" cy="8" r="5.8"/><path d="M8 4.8V8l2.3 1.4M2.2 8H.8M15.2 8h-1.4"/>`,
  tag: svg`<path d="M2.5 2.5h5.3l5.7 5.7-5.3 5.3-5.7-5.7zM5.5 5.5h.1"/>`,
  // the statuses of executions: told apart by shape, not by colour alone
  running: svg`<circle cx="8" cy="8" r="5.5" opacity=".3"/><path class="arc" d="M8 2.5A5.5 5.5 0 0 1 13.5 8"/>`,
  waiting: svg`<circle cx="8" cy="8" r="5.5"/><path d="M8 5v3.2l2 1.3"/>`,
  parked: svg`<circle cx="8" cy="8" r="5.5"/><path d="M6.5 6v4M9.5 6v4"/>`,
  completed: svg`<circle cx="8" cy="8" r="5.5"/><path d="m5.7 8.3 1.6 1.6 3-3.5"/>`,
  failed: svg`<circle cx="8" cy="8" r="5.5"/><path d="m6.2 6.2 3.6 3.6M9.8 6.2 6.2 9.8"/>`,
  cancelled: svg`<circle cx="8" cy="8" r="5.5"/><path d="m4.2 11.8 7.6-7.6"/>`,
};

export function icon(name) {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">${SHAPES[name]}</svg>`;
}

export const MARK = html`<svg viewBox="0 0 32 32" aria-hidden="true">
  <rect width="32" height="32" rx="8" fill="#4a4fd8" />
  <path
    d="M11 24V9.5h11M11 16.5h8.5"
    fill="none"
    stroke="#fff"
    stroke-width="3.2"
    stroke-linecap="round"
    stroke-linejoin="round"
  />
  <circle cx="21.5" cy="22.5" r="2.3" fill="#7fe3c0" />
</svg>`;
