// The part of the start form that is the same for every workflow: id, attributes, times.
import { html, live, nothing } from "../lit.js";
import { icon } from "../components/icon.js";
import { BEGIN_AFTER, BEGIN_AT, BEGIN_NOW } from "./form.js";

export function startOptions(form) {
  return html`<div class="start-options">
    ${plain(form, "id", "Id", "Starting again with the same id gives the same execution.", "made up for you")}
    ${attributes(form)} ${begin(form)}
    ${plain(form, "deadline", "Deadline", "It is cancelled when it has not ended by then.", "none, or 90s, 1h30m, 30d")}
  </div>`;
}

function wrong(form, field) {
  const text = form.errorOf(field);
  return text ? html`<div class="error" id=${`start-${field}-error`} role="alert">${text}</div>` : nothing;
}

function plain(form, field, label, help, placeholder) {
  return html`<div class="field">
    <div>
      <label class="field-label" for=${`start-${field}`}>${label}</label> <span class="type">optional</span>
    </div>
    <input
      class="input"
      id=${`start-${field}`}
      autocomplete="off"
      spellcheck="false"
      placeholder=${placeholder}
      aria-describedby=${form.errorOf(field) ? `start-${field}-error` : `start-${field}-help`}
      aria-invalid=${String(form.errorOf(field) !== "")}
      .value=${live(form[field])}
      @input=${(event) => form.change(field, event.target.value)}
    />
    <div class="help" id=${`start-${field}-help`}>${help}</div>
    ${wrong(form, field)}
  </div>`;
}

function attributes(form) {
  // What is changed is what the form holds by then: two changes may come between two drawings.
  const change = (place, part, text) => {
    const pair = form.attributes[place].with(part, text);
    form.change("attributes", form.attributes.with(place, pair));
  };
  return html`<fieldset class="field">
    <legend class="field-label">Attributes <span class="type">optional</span></legend>
    <div class="help">Names and values to find it by.</div>
    ${form.attributes.map(
      ([name, value], place) => html`<div class="row">
        <input
          class="input"
          placeholder="Name"
          aria-label=${`Name of attribute ${place + 1}`}
          autocomplete="off"
          .value=${live(name)}
          @input=${(event) => change(place, 0, event.target.value)}
        />
        <input
          class="input"
          placeholder="Value"
          aria-label=${`Value of attribute ${place + 1}`}
          autocomplete="off"
          .value=${live(value)}
          @input=${(event) => change(place, 1, event.target.value)}
        />
        <button
          type="button"
          class="button quiet small icon-only"
          aria-label=${`Remove attribute ${place + 1}`}
          @click=${() => form.change("attributes", form.attributes.toSpliced(place, 1))}
        >
          ${icon("trash")}
        </button>
      </div>`,
    )}
    <div>
      <button
        type="button"
        class="button small"
        @click=${() => form.change("attributes", [...form.attributes, ["", ""]])}
      >
        ${icon("plus")}Add attribute
      </button>
    </div>
    ${wrong(form, "attributes")}
  </fieldset>`;
}

function begin(form) {
  const way = (value, label) => html`<label class="check">
    <input
      type="radio"
      name="begin"
      .checked=${live(form.begin === value)}
      @change=${() => form.change("begin", value)}
    />${label}
  </label>`;
  return html`<fieldset class="field">
    <legend class="field-label">Begins</legend>
    <div class="row wrap">
      ${way(BEGIN_NOW, "Now")} ${way(BEGIN_AFTER, "After")} ${way(BEGIN_AT, "At")}
    </div>
    ${form.begin === BEGIN_AFTER
      ? html`<input
            class="input"
            aria-label="Begins after"
            placeholder="10m, 1h30m, 7d"
            autocomplete="off"
            aria-invalid=${String(form.errorOf("delay") !== "")}
            .value=${live(form.delay)}
            @input=${(event) => form.change("delay", event.target.value)}
          />${wrong(form, "delay")}`
      : nothing}
    ${form.begin === BEGIN_AT
      ? html`<input
            class="input"
            type="datetime-local"
            step="1"
            aria-label="Begins at"
            aria-invalid=${String(form.errorOf("at") !== "")}
            .value=${live(form.at)}
            @input=${(event) => form.change("at", event.target.value)}
          />${wrong(form, "at")}`
      : nothing}
  </fieldset>`;
}
