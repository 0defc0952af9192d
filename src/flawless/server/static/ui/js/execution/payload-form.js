// The payload of a message, filled in as fields or as JSON.
import { html } from "../lit.js";
import { jsonEditor, parseJson } from "../components/json-editor.js";
import { field } from "../schema/fields.js";
import { collect, seeded, withValue, written } from "../schema/values.js";

export class PayloadForm {
  // `schema` is undefined where the workflow does not tell; then it is JSON.
  constructor(schema, redraw) {
    this.schema = schema;
    this.redraw = redraw;
    this.value = schema === undefined ? undefined : seeded(schema, schema);
    this.unions = new Map();
    this.errors = new Map();
    this.hasFields = schema !== undefined && Object.keys(schema).length > 0;
    this.asJson = !this.hasFields;
    this.text = this.hasFields ? "" : "null";
  }

  // --- what the fields use -----------------------------------------------------------------------

  get(path) {
    return path.reduce((value, key) => value?.[key], this.value);
  }

  set(path, value) {
    this.value = withValue(this.value, path, value);
    this.errors.delete(written(path));
    this.redraw();
  }

  errorAt(path) {
    return this.errors.get(written(path)) ?? "";
  }

  chosen(path) {
    return this.unions.get(written(path)) ?? null;
  }

  choose(path, place) {
    if (place === null) this.unions.delete(written(path));
    else this.unions.set(written(path), place);
  }

  // --- as a whole --------------------------------------------------------------------------------

  // Return what is to be sent; throws what is wrong with it.
  payload() {
    if (this.asJson) {
      const { value, error } = parseJson(this.text || "null");
      if (error) throw new Error(`The payload is not JSON. ${error}`);
      return value;
    }
    this.errors.clear();
    const value = collect(this.schema, this.schema, this.value, [], this.errors);
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
      this.text = JSON.stringify(collect(this.schema, this.schema, this.value, [], new Map()) ?? null, null, 2);
    } else {
      const { value, error } = parseJson(this.text || "null");
      if (error) return;
      this.value = value;
      this.unions.clear();
    }
    this.asJson = asJson;
    this.redraw();
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
              this.redraw();
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
