// A JSON value as a tree that opens and closes: `<json-view .value=${value} open="2">`.
//
// Only what is open is drawn, and of long lists and texts only the beginning until one asks for
// more, so a value of megabytes costs no more than a small one.
import { html, nothing, render } from "../lit.js";

const OPEN_DEPTH = 2;
const OPEN_CHILDREN_MAX = 30; // a longer list begins closed, unless it is the value itself
const PAGE = 100;
const STRING_CHARS = 2_000;

class JsonView extends HTMLElement {
  #value = undefined;
  #changed = new Map(); // path -> opened or closed by hand
  #shown = new Map(); // path -> how many children, or characters, are shown

  static observedAttributes = ["open"];

  get value() {
    return this.#value;
  }

  set value(value) {
    if (value === this.#value) return;
    this.#value = value;
    this.#draw();
  }

  connectedCallback() {
    this.#draw();
  }

  attributeChangedCallback() {
    this.#draw();
  }

  #draw() {
    if (!this.isConnected) return;
    const content = this.#node(nothing, this.#value, "", 0);
    render(content, this);
  }

  #isOpen(path, depth, children) {
    const chosen = this.#changed.get(path);
    if (chosen !== undefined) return chosen;
    const open = Number(this.getAttribute("open") ?? OPEN_DEPTH);
    return depth < open && (depth === 0 || children <= OPEN_CHILDREN_MAX);
  }

  #node(key, value, path, depth) {
    if (value === null || typeof value !== "object") {
      return html`<div class=${depth === 0 ? "" : "leaf"}>${key}${this.#leaf(value, path)}</div>`;
    }
    const isArray = Array.isArray(value);
    const names = isArray ? null : Object.keys(value);
    const children = isArray ? value.length : names.length;
    const [left, right] = isArray ? ["[", "]"] : ["{", "}"];
    if (children === 0) {
      return html`<div class=${depth === 0 ? "" : "leaf"}>${key}${left}${right}</div>`;
    }
    const open = this.#isOpen(path, depth, children);
    const what = isArray ? `${children} items` : `${children} fields`;
    return html`<div class="node">
      <button
        type="button"
        class="toggle"
        aria-expanded=${String(open)}
        aria-label=${`${path === "" ? "Value" : path.split("\n").at(-1)}: ${what}`}
        @click=${() => this.#toggle(path, open)}
      >
        <span>${key}${open ? left : html`${left} <span class="summary">${what}</span> ${right}`}</span>
      </button>
      ${open
        ? html`${this.#children(value, names, path, depth, children)}
            <div class="closing">${right}</div>`
        : nothing}
    </div>`;
  }

  #children(value, names, path, depth, children) {
    const shown = Math.min(children, this.#shown.get(path) ?? PAGE);
    const lines = [];
    for (let place = 0; place < shown; place += 1) {
      const name = names === null ? place : names[place];
      const key =
        names === null
          ? html`<span class="summary">${place}: </span>`
          : html`<span class="j-key">${name}</span>: `;
      lines.push(this.#node(key, value[name], `${path}\n${name}`, depth + 1));
    }
    return html`${lines}${shown < children ? this.#more(path, shown, children, "items") : nothing}`;
  }

  #more(path, shown, all, what) {
    return html`<button
      type="button"
      class="more"
      @click=${() => {
        this.#shown.set(path, what === "items" ? shown + PAGE : all);
        this.#draw();
      }}
    >
      ${what === "items" ? `${all - shown} more` : `… show all ${all} characters`}
    </button>`;
  }

  #leaf(value, path) {
    if (typeof value === "string") {
      const shown = this.#shown.get(path) ?? STRING_CHARS;
      if (value.length <= shown) return html`<span class="j-string">${JSON.stringify(value)}</span>`;
      const text = JSON.stringify(value.slice(0, shown)).slice(0, -1);
      return html`<span class="j-string">${text}</span> ${this.#more(
          path,
          shown,
          value.length,
          "characters",
        )}`;
    }
    if (typeof value === "number") return html`<span class="j-number">${String(value)}</span>`;
    return html`<span class="j-word">${value === undefined ? "" : String(value)}</span>`;
  }

  #toggle(path, open) {
    this.#changed.set(path, !open);
    this.#draw();
  }
}

customElements.define("json-view", JsonView);
