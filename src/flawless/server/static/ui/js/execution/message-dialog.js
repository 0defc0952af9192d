// Sending a message: its name, chosen among those that the workflow knows, and its payload.
import { html, live } from "../lit.js";
import { newId } from "../../../flawless.js";
import { ask, field } from "./form-dialog.js";
import { PayloadForm } from "./payload-form.js";

const AWAITED = /^receive (.+)$/;

// `declared` maps the names of messages to schemas; `awaited` are those it waits for now.
export function sendMessage(app, detail, { declared = {}, awaited = [] }) {
  const names = [...new Set([...awaited, ...Object.keys(declared)])];
  const id = newId(); // pressed twice, or sent again after a broken connection: it counts once
  let name = names[0] ?? "";
  let draw = () => {};
  let form = new PayloadForm(declared[name], () => draw());
  const rename = (value) => {
    if (declared[value] !== declared[name]) form = new PayloadForm(declared[value], () => draw());
    name = value;
    draw();
  };
  const fields = (redraw) => {
    draw = redraw;
    return html`${field(
        "Name",
        html`<input
          class="input"
          name="name"
          list="message-names"
          required
          maxlength="200"
          autocomplete="off"
          .value=${live(name)}
          @input=${(event) => rename(event.target.value)}
        />`,
        awaited.length ? `It waits for: ${awaited.join(", ")}` : "It is kept until the workflow receives it.",
      )}
      <datalist id="message-names">${names.map((one) => html`<option value=${one}></option>`)}</datalist>
      ${form.render()}`;
  };
  return ask(app, {
    title: "Send a message",
    action: "Send",
    fields,
    submit: async () => {
      const payload = form.payload();
      const path = `executions/${encodeURIComponent(detail.id)}/messages`;
      try {
        await app.api.post(path, { name, payload, id });
      } catch (error) {
        form.refuse(error);
        throw error;
      }
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
