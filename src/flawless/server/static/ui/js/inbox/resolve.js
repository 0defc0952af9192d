// The dialog in which a person decides about a parked effect.
import { html, nothing } from "../lit.js";
import { jsonEditor, parseJson } from "../components/json-editor.js";
import { problemNotice } from "../components/notice.js";
import { ago } from "../components/time.js";

const WAYS = {
  ok: {
    label: "It happened",
    about: "The workflow goes on as if the effect had returned this value. Nothing is done.",
    action: "Go on with this value",
  },
  error: {
    label: "It failed",
    about:
      "The workflow gets an error with this text, which it may catch; one that it does not catch fails the execution. Nothing is done.",
    action: "Go on with this error",
  },
  retry: {
    label: "Do it again",
    about: "The effect is performed once more, now.",
    action: "Do it again",
  },
};

export function why(item) {
  return item.asked
    ? "The workflow asks for a decision"
    : "The engine stopped while it was under way: nobody knows whether it happened";
}

class Decision {
  constructor(app, item) {
    this.app = app;
    this.item = item;
    this.way = "ok";
    this.value = "";
    this.error = "";
    this.sending = false;
    this.problem = null;
  }

  get body() {
    const body = { effect: this.item.effect };
    if (this.way === "ok") body.ok = this.value.trim() === "" ? null : parseJson(this.value).value;
    if (this.way === "error") body.error = this.error;
    if (this.way === "retry") body.retry = true;
    return body;
  }

  get ready() {
    if (this.way === "ok") return this.value.trim() === "" || !parseJson(this.value).error;
    return this.way === "retry" || this.error.trim() !== "";
  }
}

// Ask for a decision about `item`, of the inbox; resolves with true once the server has it.
export async function resolve(app, item) {
  const decision = new Decision(app, item);
  const body = (close, redraw) => dialog(decision, close, redraw);
  return (await app.dialog(body, { label: `Decide about ${item.label}` })) === true;
}

function dialog(decision, close, redraw) {
  const { app, item, way } = decision;
  const { about, action } = WAYS[way];
  const change = (field, value) => {
    decision[field] = value;
    redraw();
  };
  return html`<form @submit=${(event) => send(decision, event, close, redraw)}>
    <div class="dialog-head">
      <h2>Decide about <code>${item.label}</code></h2>
      <p class="muted small">
        ${item.workflow} <code>${item.execution}</code>, parked ${ago(app, item.at)}
      </p>
    </div>
    <div class="dialog-body">
      <p class="muted">${why(item)}.</p>
      <div class="ways" role="radiogroup" aria-label="Decision">
        ${Object.entries(WAYS).map(
          ([name, { label }]) => html`<label class="way">
            <input
              type="radio"
              name="way"
              .checked=${way === name}
              @change=${() => change("way", name)}
            />${label}
          </label>`,
        )}
      </div>
      ${way === "ok"
        ? jsonEditor({
            id: "resolve-value",
            label: "Value of the effect, as JSON",
            text: decision.value,
            rows: 4,
            placeholder: 'JSON, such as "receipt-77"; left empty it is null',
            onInput: (text) => change("value", text),
          })
        : nothing}
      ${way === "error"
        ? html`<label class="field">
            <span class="field-label">What went wrong</span>
            <input
              class="input"
              autocomplete="off"
              maxlength="1000"
              .value=${decision.error}
              @input=${(event) => change("error", event.target.value)}
            />
          </label>`
        : nothing}
      <p class="consequence" role="status">${about} ${risk(item, way)}</p>
      <p class="muted small">The journal keeps the decision, with who made it and when.</p>
      ${decision.problem ? problemNotice(decision.problem) : nothing}
    </div>
    <div class="dialog-foot">
      <button type="button" class="button" @click=${() => close()}>Not now</button>
      <button
        class="button primary ${way === "retry" && !item.asked ? "danger" : ""}"
        ?disabled=${!decision.ready || decision.sending}
      >
        ${action}
      </button>
    </div>
  </form>`;
}

function risk(item, way) {
  if (way !== "retry" || item.asked) return "";
  return "If it had happened before, it then has happened twice: make sure that it has not.";
}

async function send(decision, event, close, redraw) {
  event.preventDefault();
  const { app, item } = decision;
  decision.sending = true;
  decision.problem = null;
  redraw();
  try {
    await app.api.post(`executions/${encodeURIComponent(item.execution)}/resolve`, decision.body);
    app.toast(`Decided about ${item.label}`, {
      action: { href: app.href(["executions", item.execution]), label: "See the execution" },
    });
    app.health.soon();
    close(true);
  } catch (error) {
    decision.sending = false;
    decision.problem = error;
    redraw();
  }
}
