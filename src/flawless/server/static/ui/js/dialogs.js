// Dialogs: native ones, so that focus stays inside, Escape closes, and what is behind is inert.
import { html, render } from "./lit.js";

export class Dialogs {
  constructor(app) {
    this.app = app;
  }

  // Show `body(close, redraw)`, a template; resolve with what was handed to `close`, or null.
  open(body, { label = "", wide = false } = {}) {
    const element = document.createElement("dialog");
    if (label) element.setAttribute("aria-label", label);
    element.classList.toggle("wide", wide);
    document.body.append(element);
    return new Promise((resolve) => {
      let outcome = null;
      const close = (value = null) => {
        outcome = value;
        element.close();
      };
      const redraw = () => render(body(close, redraw), element);
      element.addEventListener("close", () => {
        element.remove();
        resolve(outcome);
      });
      element.addEventListener("mousedown", (event) => {
        if (event.target === element) close();
      });
      redraw();
      element.showModal();
    });
  }

  shortcuts() {
    const groups = this.app.keyboard.groups();
    const body = (close) => html`<div class="dialog-head"><h2>Keyboard shortcuts</h2></div>
      <div class="dialog-body">
        ${groups.map(
          ([group, bindings]) => html`<h3>${group}</h3>
            <dl class="shortcuts">
              ${bindings.map(
                (binding) => html`<dt>${binding.label}</dt>
                  <dd>${(binding.shown ?? binding.keys).split(" ").map((key) => html`<kbd>${key}</kbd> `)}</dd>`,
              )}
            </dl>`,
        )}
      </div>
      <div class="dialog-foot">
        <button class="button" autofocus @click=${() => close()}>Close</button>
      </div>`;
    return this.open(body, { label: "Keyboard shortcuts" });
  }
}
