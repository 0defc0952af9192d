// Copying: a button, and blocks of text that have one.
import { html } from "../lit.js";
import { icon } from "./icon.js";

const DONE_MS = 1500;

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // The clipboard belongs to secure origins; a selection can be copied anywhere.
    const area = document.createElement("textarea");
    area.value = text;
    button.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.dataset.done = "";
  setTimeout(() => delete button.dataset.done, DONE_MS);
}

// `text` is what is copied, or a function that gives it when it is wanted.
export function copyButton(text, label = "Copy") {
  return html`<button
    type="button"
    class="button quiet small icon-only copy"
    title=${label}
    aria-label=${label}
    @click=${(event) => {
      event.preventDefault();
      event.stopPropagation();
      return copy(event.currentTarget, typeof text === "function" ? text() : text);
    }}
  >
    <span class="copy-idle">${icon("copy")}</span><span class="copy-done">${icon("check")}</span>
  </button>`;
}

export function codeBlock(text, { label = "Copy", wrapped = false } = {}) {
  return html`<div class="code-block">
    <pre class=${wrapped ? "wrapped" : ""} tabindex="0">${text}</pre>
    ${copyButton(text, label)}
  </div>`;
}
