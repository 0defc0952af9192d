// The switch between the themes: the system's, light, dark.
import { html } from "../lit.js";
import { icon } from "./icon.js";

const KEY = "flawless-theme";
const NEXT = { system: "light", light: "dark", dark: "system" };
const ICONS = { system: "screen", light: "sun", dark: "moon" };

function chosen() {
  return document.documentElement.dataset.theme ?? "system";
}

function choose(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage is closed: the choice holds until the page is left.
  }
}

export function themeSwitch(app) {
  const theme = chosen();
  const label = `Theme: ${theme}`;
  return html`<button
    type="button"
    class="nav-item theme"
    title=${`${label}; choose ${NEXT[theme]}`}
    aria-label=${label}
    @click=${() => {
      choose(NEXT[theme]);
      app.update();
    }}
  >
    ${icon(ICONS[theme])}<span class="label">${label}</span>
  </button>`;
}
