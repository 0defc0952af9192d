// Short messages at the edge of the window, read out by screen readers.
import { html, repeat } from "./lit.js";
import { icon } from "./components/icon.js";

const SHOWN_MS = 5_000;
const SHOWN_MS_BAD = 12_000;
const TOASTS_MAX = 4;

export class Toasts {
  constructor(app) {
    this.app = app;
    this.items = [];
    this.made = 0;
  }

  add(message, { kind = "good", detail = "", action = null } = {}) {
    const toast = { id: ++this.made, message, kind, detail, action };
    this.items = [...this.items.slice(1 - TOASTS_MAX), toast];
    setTimeout(() => this.remove(toast.id), kind === "bad" ? SHOWN_MS_BAD : SHOWN_MS);
    this.app.update();
  }

  remove(id) {
    this.items = this.items.filter((toast) => toast.id !== id);
    this.app.update();
  }

  render() {
    return html`<div class="toasts" role="status" aria-live="polite">
      ${repeat(this.items, (toast) => toast.id, (toast) => this.#one(toast))}
    </div>`;
  }

  #one(toast) {
    return html`<div class="toast ${toast.kind}">
      ${icon(toast.kind === "bad" ? "alert" : "completed")}
      <div class="notice-body">
        <div>${toast.message}</div>
        ${toast.detail ? html`<div class="muted small">${toast.detail}</div>` : ""}
        ${toast.action ? html`<a href=${toast.action.href}>${toast.action.label}</a>` : ""}
      </div>
      <button
        class="button quiet small icon-only"
        aria-label="Dismiss"
        @click=${() => this.remove(toast.id)}
      >
        ${icon("close")}
      </button>
    </div>`;
  }
}
