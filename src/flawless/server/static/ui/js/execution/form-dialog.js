// Dialogs with a form: what is wrong is shown in them, and they stay until it is right.
import { html, nothing } from "../lit.js";
import { problemNotice } from "../components/notice.js";

// Ask for something and do it. `fields(redraw)` is the form's template; `submit()` does it, and what
// it throws is shown. Resolves to what `submit` returned, or null if one has changed one's mind.
export function ask(app, { title, action, danger = false, wide = false, fields, submit }) {
  let problem = null;
  let busy = false;
  const body = (close, redraw) => html`<form
    @submit=${async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      redraw();
      try {
        close(await submit());
      } catch (error) {
        problem = error;
      }
      busy = false;
      redraw();
    }}
  >
    <div class="dialog-head"><h2>${title}</h2></div>
    <div class="dialog-body">
      ${fields(redraw)} ${problem ? problemNotice(problem) : nothing}
    </div>
    <div class="dialog-foot">
      <button type="button" class="button" @click=${() => close()}>Close</button>
      <button class="button primary ${danger ? "danger" : ""}" ?disabled=${busy}>
        ${busy ? html`<span class="spinner"></span>` : nothing}${action}
      </button>
    </div>
  </form>`;
  return app.dialog(body, { label: title, wide });
}

// A field with a label and, where it helps, a line below it.
export function field(label, input, help = "") {
  return html`<label class="field">
    <span class="field-label">${label}</span>${input}
    ${help ? html`<span class="help">${help}</span>` : nothing}
  </label>`;
}

// Several ways to choose from; each says what it leads to. `options` are {value, label, help, extra}.
export function choices(legend, name, options, chosen, onChoose) {
  return html`<fieldset class="choices">
    <legend class="visually-hidden">${legend}</legend>
    ${options.map(
      (option) => html`<div class="choice ${chosen === option.value ? "chosen" : ""}">
        <label>
          <input
            type="radio"
            name=${name}
            .checked=${chosen === option.value}
            ?disabled=${Boolean(option.refusal)}
            @change=${() => onChoose(option.value)}
          />
          <span>
            <span class="choice-label">${option.label}</span>
            <span class="muted small">${option.refusal || option.help}</span>
          </span>
        </label>
        ${chosen === option.value && option.extra ? html`<div class="choice-extra">${option.extra}</div>` : nothing}
      </div>`,
    )}
  </fieldset>`;
}
