// A text field for JSON that says at once whether it is.
import { html, live } from "../lit.js";

// `{value}` of a text, or `{error}` with line and column where it stops being JSON.
export function parseJson(text) {
  try {
    return { value: JSON.parse(text), error: "" };
  } catch (error) {
    const place = /position (\d+)/.exec(error.message);
    const message = error.message.replace(/^JSON\.parse: /, "").replace(/ in JSON at.*$/, "");
    if (!place) return { error: message };
    const before = text.slice(0, Number(place[1])).split("\n");
    return { error: `Line ${before.length}, column ${before.at(-1).length + 1}: ${message}` };
  }
}

// `onInput(text)` is told each change; the text belongs to the caller. Tab leaves the field.
export function jsonEditor({ id, label, text, onInput, rows = 6, placeholder = "", error = "" }) {
  const parsed = text.trim() === "" ? { error: "" } : parseJson(text);
  const wrong = error || parsed.error;
  const format = () => onInput(JSON.stringify(parseJson(text).value, null, 2));
  return html`<div class="field">
    <textarea
      class="textarea"
      id=${id}
      rows=${rows}
      spellcheck="false"
      autocapitalize="off"
      autocomplete="off"
      aria-label=${label}
      aria-describedby=${`${id}-state`}
      aria-invalid=${String(Boolean(wrong))}
      placeholder=${placeholder}
      .value=${live(text)}
      @input=${(event) => onInput(event.target.value)}
    ></textarea>
    <div class="editor-state ${wrong ? "bad" : ""}" id=${`${id}-state`} role="status">
      <span class="grow">${wrong || (text.trim() === "" ? "JSON" : "Valid JSON")}</span>
      <button
        type="button"
        class="button quiet small"
        ?disabled=${text.trim() === "" || Boolean(parsed.error)}
        @click=${format}
      >
        Format
      </button>
    </div>
  </div>`;
}
