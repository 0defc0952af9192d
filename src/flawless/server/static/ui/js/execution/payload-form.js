// The payload of a message, filled in as fields or as JSON.
import { html } from "../lit.js";
import { jsonEditor, parseJson } from "../components/json-editor.js";
import { field } from "../schema/fields.js";
import { Filled } from "../schema/filled.js";
import { collect, seeded } from "../schema/values.js";

export class PayloadForm extends Filled {
  // `schema` is undefined where the workflow does not tell; then it is JSON.
  constructor(schema, changed) {
    super(schema === undefined ? undefined : seeded(schema, schema), changed);
    this.schema = schema;
    this.hasFields = schema !== undefined && Object.keys(schema).length > 0;
    this.asJson = !this.hasFields;
    this.text = this.hasFields ? "" : "null";
  }

  // Return what is to be sent; throws what is wrong with it.
  payload() {
    if (this.asJson) {
      const { value, error } = parseJson(this.text || "null");
      if (error) throw new Error(`The payload is not JSON. ${error}`);
      return value;
    }
    this.errors.clear();
    const value = collect(this.schema, this.schema, this.values, [], this.errors);
    if (this.errors.size > 0) throw new Error("Some fields are not right yet.");
    return value === undefined ? null : value;
  }

  // Where the server says that a field does not fit, the field says it; false if there is none.
  refuse(problem) {
    if (this.asJson || !problem.path?.startsWith("payload")) return false;
    this.errors.set(problem.path.replace(/^payload\.?/, ""), problem.detail || problem.message);
    return true;
  }

  setMode(asJson) {
    if (asJson === this.asJson) return;
    if (asJson) {
      this.text = JSON.stringify(collect(this.schema, this.schema, this.values, [], new Map()) ?? null, null, 2);
    } else {
      const { value, error } = parseJson(this.text || "null");
      if (error) return;
      this.values = value;
      this.unions.clear();
    }
    this.asJson = asJson;
    this.changed();
  }

  render() {
    return html`${this.hasFields ? this.modes() : ""}
    ${this.asJson
      ? html`<div class="field">
          <label for="message-payload">Payload</label>
          ${jsonEditor({
            id: "message-payload",
            label: "Payload",
            text: this.text,
            rows: 8,
            onInput: (text) => {
              this.text = text;
              this.changed();
            },
          })}
        </div>`
      : field(this, { schema: this.schema, root: this.schema, path: [], label: "Payload", required: true })}`;
  }

  modes() {
    const mode = (label, asJson) => html`<button
      type="button"
      class="tab"
      aria-pressed=${String(this.asJson === asJson)}
      @click=${() => this.setMode(asJson)}
    >
      ${label}
    </button>`;
    return html`<div class="tabs" role="group" aria-label="How the payload is written">
      ${mode("Form", false)}${mode("JSON", true)}
    </div>`;
  }
}
