// Sending a message: its name, chosen among those that the workflow knows, and its payload.
import { html, live, nothing } from "../lit.js";
import { newId } from "../../../flawless.js";
import { jsonEditor, parseJson } from "../components/json-editor.js";
import { ask, field } from "./form-dialog.js";
import { sample } from "./samples.js";

const AWAITED = /^receive (.+)$/;

// `declared` maps the names of messages to schemas; `awaited` are those it waits for now.
export function sendMessage(app, detail, { declared = {}, awaited = [] }) {
  const names = [...new Set([...awaited, ...Object.keys(declared)])];
  const id = newId(); // pressed twice, or sent again after a broken connection: it counts once
  let name = names[0] ?? "";
  let text = name ? template(declared[name]) : "null";
  let touched = false;
  const fields = (redraw) => html`${field(
      "Name",
      html`<input
        class="input"
        name="name"
        list="message-names"
        required
        maxlength="200"
        autocomplete="off"
        .value=${live(name)}
        @input=${(event) => {
          name = event.target.value;
          if (!touched && name in declared) text = template(declared[name]);
          redraw();
        }}
      />`,
      awaited.length ? `It waits for: ${awaited.join(", ")}` : "It is kept until the workflow receives it.",
    )}
    <datalist id="message-names">${names.map((one) => html`<option value=${one}></option>`)}</datalist>
    <div class="field">
      <label for="message-payload">Payload</label>
      ${jsonEditor({
        id: "message-payload",
        label: "Payload",
        text,
        rows: 8,
        onInput: (changed) => {
          [text, touched] = [changed, true];
          redraw();
        },
      })}
      ${schemaOf(declared[name])}
    </div>`;
  return ask(app, {
    title: "Send a message",
    action: "Send",
    fields,
    submit: async () => {
      const { value, error } = parseJson(text);
      if (error) throw new Error(`The payload is not JSON. ${error}`);
      const path = `executions/${encodeURIComponent(detail.id)}/messages`;
      await app.api.post(path, { name, payload: value, id });
      app.toast(`Message ${name} is on its way`);
      return true;
    },
  });
}

// The names that open effects wait for.
export function awaitedNames(rows) {
  const open = rows.filter((row) => row.kind === "receive" && row.end === null);
  const names = open.flatMap((row) => AWAITED.exec(row.label)?.[1].split(", ") ?? []);
  return [...new Set(names)].filter((name) => name !== "any message");
}

function template(schema) {
  return JSON.stringify(schema === undefined ? null : sample(schema), null, 2);
}

function schemaOf(schema) {
  if (!schema || Object.keys(schema).length === 0) return nothing;
  return html`<details class="plain small">
    <summary>What it has to be</summary>
    <json-view .value=${schema} open="3"></json-view>
  </details>`;
}
