// Starting an execution: choose a workflow, fill in its arguments, see the same as a command.
import { newId } from "../../../flawless.js";
import { html, nothing } from "../lit.js";
import { copyButton } from "../components/copy.js";
import { empty } from "../components/empty.js";
import { icon } from "../components/icon.js";
import { jsonEditor } from "../components/json-editor.js";
import { problemNotice } from "../components/notice.js";
import { field } from "../schema/fields.js";
import { typeName } from "../schema/shape.js";
import { commands } from "../start/commands.js";
import { StartForm } from "../start/form.js";
import { startOptions } from "../start/options.js";
import { picker } from "../start/picker.js";

const LANGUAGES = [
  ["cli", "Command line"],
  ["curl", "curl"],
  ["python", "Python"],
];

export class StartPage {
  title = "Start";

  constructor(app) {
    this.app = app;
    this.workflows = [];
    this.loaded = false;
    this.problem = null;
    this.search = "";
    this.form = null;
    this.from = null; // the execution whose arguments were taken over
    this.language = "cli";
    this.sending = false;
    this.refused = null;
    this.newId = newId(); // the same for each try, so that trying twice starts one execution
  }

  connected() {
    this.load();
  }

  queryChanged() {
    this.#choose();
  }

  async load() {
    this.problem = null;
    try {
      const { workflows } = await this.app.api.get("workflows");
      this.workflows = workflows;
      this.loaded = true;
      await this.#choose();
    } catch (error) {
      this.problem = error;
    }
    this.app.update();
  }

  find(text) {
    this.search = text;
    this.app.update();
  }

  choose(name) {
    this.app.navigate(this.app.href(["start"], { workflow: name }));
  }

  // --- drawing ------------------------------------------------------------------------------------

  render() {
    const head = html`<div class="page-head"><h1>Start an execution</h1></div>`;
    if (this.problem) return html`${head}${problemNotice(this.problem, () => this.load())}`;
    const refusal = this.app.session.known ? this.app.refusal("operate") : "";
    if (refusal) {
      return html`${head}<div class="card">
          ${empty({ icon: "info", title: "You may look, not start", text: refusal })}
        </div>`;
    }
    if (!this.loaded) return html`${head}<div class="card card-body"><span class="skeleton"></span></div>`;
    if (this.form === null) return html`${head}${picker(this)}`;
    return html`${head}
      <div class="start">${this.#main()}${this.#aside()}</div>`;
  }

  #main() {
    const { form } = this;
    const { workflow } = form;
    return html`<form class="card" @submit=${(event) => this.#submit(event)} @keydown=${(event) => this.#key(event)} novalidate>
      <div class="card-head">
        <h2 class="grow truncate">${workflow.name}</h2>
        <a class="button small" href=${this.app.href(["start"])}>Another workflow</a>
      </div>
      <div class="card-body stack start-body">
        ${workflow.doc ? html`<p class="prose doc">${workflow.doc}</p>` : nothing}
        ${this.from ? html`<p class="muted">Arguments as those of <code>${this.from}</code>.</p>` : nothing}
        ${this.#arguments()}
        <details ?open=${this.#hasOptions()}>
          <summary>Id, attributes, time</summary>
          ${startOptions(form)}
        </details>
        ${this.refused ? problemNotice(this.refused) : nothing}
      </div>
      <div class="dialog-foot">
        <button class="button primary" ?disabled=${this.sending}>
          ${this.sending ? html`<span class="spinner"></span>` : icon("play")}Start
        </button>
      </div>
    </form>`;
  }

  #arguments() {
    const { form } = this;
    const mode = (name, label) => html`<button
      type="button"
      class="tab"
      aria-pressed=${String(form.mode === name)}
      @click=${() => form.setMode(name)}
    >
      ${label}
    </button>`;
    return html`<div class="row">
        <h3 class="grow">Arguments</h3>
        <div class="tabs" role="group" aria-label="How to fill in">
          ${mode("form", "Form")} ${mode("json", "JSON")}
        </div>
      </div>
      ${form.mode === "json" ? this.#jsonArguments() : this.#fields()}`;
  }

  #jsonArguments() {
    return jsonEditor({
      id: "arguments",
      label: "Arguments as JSON",
      text: this.form.json,
      rows: 12,
      placeholder: "An object: arguments by name. An array: in order.",
      error: this.form.errorOf("json"),
      onInput: (text) => this.form.change("json", text),
    });
  }

  #fields() {
    const { parameters } = this.form.workflow;
    if (parameters.length === 0) return html`<p class="muted">It takes none.</p>`;
    return parameters.map(({ name, kind, schema, required }) => {
      const many = {
        var_positional: { type: "array", items: schema, $defs: schema.$defs },
        var_keyword: { type: "object", additionalProperties: schema, $defs: schema.$defs },
      }[kind];
      const shape = many ?? schema;
      return field(this.form, { schema: shape, root: shape, path: [name], label: name, required });
    });
  }

  #aside() {
    const { returns } = this.form.workflow;
    const token = this.app.session.via === "token" || this.app.session.via === "session";
    const text = commands(this.#shown(), { token })[this.language];
    return html`<aside class="start-aside stack">
      <section class="card">
        <div class="card-head">
          <div class="tabs" role="group" aria-label="The same elsewhere">
            ${LANGUAGES.map(
              ([name, label]) => html`<button
                type="button"
                class="tab"
                aria-pressed=${String(this.language === name)}
                @click=${() => this.#speak(name)}
              >
                ${label}
              </button>`,
            )}
          </div>
          <span class="grow"></span>
          ${copyButton(() => text, "Copy")}
        </div>
        <pre class="command" tabindex="0" aria-label="The same start as a command">${text}</pre>
      </section>
      ${returns.annotation
        ? html`<p class="muted small">
            Returns <code>${returns.annotation.replace(/^.*\./, "") || typeName(returns.schema, returns.schema)}</code>.
          </p>`
        : nothing}
    </aside>`;
  }

  // --- inside -------------------------------------------------------------------------------------

  async #choose() {
    const { query } = this.app;
    const from = query.get("from");
    const known = this.form !== null && this.from === from;
    if (from) {
      if (!known) await this.#takeOver(from);
    } else {
      const name = query.get("workflow");
      if (this.form?.workflow.name !== name || this.from) this.#begin(name, null);
    }
    this.app.update();
  }

  #begin(name, from) {
    const workflow = this.workflows.find((one) => one.name === name);
    this.from = from;
    this.refused = null;
    this.form = workflow ? new StartForm(workflow, () => this.app.update()) : null;
    this.search = workflow ? "" : (name ?? "");
    this.title = workflow ? `Start ${name}` : "Start";
  }

  async #takeOver(id) {
    try {
      const path = `executions/${encodeURIComponent(id)}`;
      const [execution, { entries }] = await Promise.all([
        this.app.api.get(path),
        this.app.api.get(`${path}/journal`, { limit: 1 }),
      ]);
      this.#begin(execution.workflow, id);
      if (this.form === null) return;
      this.form.fillCall(entries[0].input);
      this.form.attributes = Object.entries(execution.attributes ?? {});
    } catch (error) {
      this.app.fail(error);
    }
  }

  #hasOptions() {
    const { id, attributes, begin, deadline } = this.form;
    return Boolean(id || attributes.length || begin !== "now" || deadline);
  }

  // What would be sent now, as far as it can be said; errors are told when it is sent.
  #shown() {
    const errors = new Map(this.form.errors);
    const asked = this.form.asked();
    this.form.errors = errors;
    return asked;
  }

  #speak(language) {
    this.language = language;
    this.app.update();
  }

  #key(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#submit(event);
  }

  async #submit(event) {
    event.preventDefault();
    if (this.sending) return;
    const asked = this.form.asked();
    this.refused = null;
    if (this.form.errors.size > 0) {
      this.#toFirstError();
      return;
    }
    this.sending = true;
    this.app.update();
    try {
      const started = await this.app.api.post("executions", { id: this.newId, ...asked });
      this.newId = newId();
      this.app.toast(started.new ? "Started" : "This id was started before: here it is");
      this.app.navigate(this.app.href(["executions", started.id]));
    } catch (error) {
      if (this.form.refuse(error)) this.#toFirstError();
      else this.refused = error;
    }
    this.sending = false;
    this.app.update();
  }

  #toFirstError() {
    this.app.draw();
    const wrong = document.querySelector('form [aria-invalid="true"], form .error');
    wrong?.scrollIntoView({ block: "center" });
    wrong?.focus?.();
  }
}
