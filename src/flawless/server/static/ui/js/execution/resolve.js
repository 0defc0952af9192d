// Decisions about effects that wait for a person: asked for where they are shown.
import { html, nothing } from "../lit.js";
import { icon } from "../components/icon.js";
import { jsonEditor, parseJson } from "../components/json-editor.js";
import { ago } from "../components/time.js";
import { ask, field } from "./form-dialog.js";

// The effects that wait, each with its decisions.
export function decisions(app, detail, onDone) {
  const waiting = detail.parked ?? [];
  return html`<ul class="decisions">
    ${waiting.map((item) => html`<li>${decision(app, detail, item, onDone)}</li>`)}
  </ul>`;
}

function decision(app, detail, item, onDone) {
  const refusal = app.refusal("operate");
  const button = (what, label) =>
    html`<button
      class="button small"
      ?disabled=${Boolean(refusal)}
      title=${refusal || nothing}
      aria-label=${`${label}: effect ${item.effect}, ${item.label}`}
      @click=${() => decide(app, detail, item, what).then((done) => done && onDone())}
    >
      ${label}
    </button>`;
  return html`<div class="decision">
    <div class="grow">
      <code>${item.label}</code> <span class="muted small">effect ${item.effect}, since ${ago(app, item.at)}</span>
    </div>
    <div class="row wrap">
      ${button("ok", item.asked ? "Settle it" : "It happened")}
      ${button("error", item.asked ? "Give up" : "It failed")}
      ${button("retry", item.asked ? "Try again" : "Perform it again")}
    </div>
  </div>`;
}

const TEXTS = {
  ok: {
    title: "It happened",
    action: "Record the value",
    told: "The workflow goes on as if the effect had returned this value. It is not performed again.",
  },
  error: {
    title: "It failed",
    action: "Record the error",
    told: "The workflow goes on with an error of this text, which it may handle. The effect is not performed again.",
  },
  retry: {
    title: "Perform it again",
    action: "Perform it again",
    told: "The effect is performed once more. Choose this only if it did not happen, or may happen twice.",
  },
};

// Ask for a decision and give it to the engine; resolves to true once it is durable.
export function decide(app, detail, item, what) {
  const { title, action, told } = TEXTS[what];
  let text = what === "ok" ? "null" : "";
  const input = (redraw) => {
    const onInput = (changed) => {
      text = changed;
      redraw();
    };
    if (what === "ok") {
      const editor = jsonEditor({ id: "decision-value", label: "Value", text, rows: 5, onInput });
      return html`<div class="field"><label for="decision-value">Value</label>${editor}</div>`;
    }
    if (what === "retry") return nothing;
    return field(
      "Error",
      html`<input class="input" name="error" required maxlength="1000" autocomplete="off"
        @input=${(event) => onInput(event.target.value)} />`,
    );
  };
  return ask(app, {
    title,
    action,
    fields: (redraw) => html`<p class="row">${icon("parked")}<span><code>${item.label}</code>, effect ${item.effect}</span></p>
      <p class="muted">${told}</p>
      ${input(redraw)}`,
    submit: async () => {
      const body = { effect: item.effect };
      if (what === "ok") {
        const { value, error } = parseJson(text);
        if (error) throw new Error(`The value is not JSON. ${error}`);
        body.ok = value;
      } else if (what === "error") body.error = text;
      else body.retry = true;
      await app.api.post(`executions/${encodeURIComponent(detail.id)}/resolve`, body);
      app.toast(`Decided: ${title.toLowerCase()}`);
      return true;
    },
  });
}
