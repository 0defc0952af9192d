// The dialog in which code is uploaded: Python files are chosen, then which modules are loaded first;
// or one component.
import { html, nothing } from "../lit.js";
import { icon } from "../components/icon.js";
import { problemNotice } from "../components/notice.js";
import { bytes, count } from "../format.js";

const FILES_MAX = 1_000;
const BYTES_MAX = 8_000_000;
const COMPONENT_BYTES_MAX = 64 * 1024 * 1024;
const USES_FLAWLESS = /^\s*(?:from|import)\s+flawless\b/m;

class Upload {
  constructor(app) {
    this.app = app;
    this.files = new Map(); // path -> source
    this.modules = new Map(); // name -> whether it is loaded first
    this.component = null; // a file: then there are no others
    this.label = "";
    this.refusal = "";
    this.sending = false;
    this.problem = null;
    this.deployed = null;
  }

  async add(chosen) {
    this.refusal = "";
    this.problem = null;
    const component = [...chosen].find((file) => file.name.endsWith(".wasm"));
    if (component) {
      this.#addComponent(component, chosen.length);
      return;
    }
    const python = [...chosen].filter((file) => file.name.endsWith(".py"));
    const size = python.reduce((sum, file) => sum + file.size, 0);
    if (python.length === 0) this.refusal = "None of these files is Python source (*.py) or a component (*.wasm).";
    else if (python.length > FILES_MAX) this.refusal = `These are more than ${FILES_MAX} files.`;
    else if (size > BYTES_MAX) this.refusal = `These files are larger than ${bytes(BYTES_MAX)}.`;
    if (this.refusal) return;
    this.component = null;
    this.files.clear();
    this.modules.clear();
    for (const file of python) {
      // A chosen folder is what the paths are relative to; it is no package itself.
      const path = file.webkitRelativePath.split("/").slice(1).join("/") || file.name;
      const source = await file.text();
      this.files.set(path, source);
      this.modules.set(moduleOf(path), USES_FLAWLESS.test(source));
    }
  }

  #addComponent(file, count) {
    if (count > 1) this.refusal = "A component is uploaded by itself.";
    else if (file.size > COMPONENT_BYTES_MAX) {
      this.refusal = `This component is larger than ${bytes(COMPONENT_BYTES_MAX)}.`;
    }
    if (this.refusal) return;
    this.files.clear();
    this.modules.clear();
    this.component = file;
  }

  get told() {
    if (this.component) return this.component.name;
    return this.files.size > 0 ? count(this.files.size, "file") : "None chosen";
  }

  get chosen() {
    return [...this.modules].filter(([, first]) => first).map(([name]) => name);
  }

  get ready() {
    return (this.component !== null || this.chosen.length > 0) && !this.sending;
  }

  async send() {
    const { api } = this.app;
    const label = this.label.trim();
    if (this.component) {
      const query = label ? { label } : null;
      this.deployed = await api.send("deployments", this.component, "application/wasm", query);
      return;
    }
    const files = Object.fromEntries(this.files);
    this.deployed = await api.post("deployments", { files, modules: this.chosen, label });
  }
}

function moduleOf(path) {
  return path.replace(/(\/__init__)?\.py$/, "").replaceAll("/", ".");
}

// Resolves with the deployment, or null.
export async function upload(app) {
  const work = new Upload(app);
  return app.dialog((close, redraw) => dialog(work, close, redraw), { label: "Upload code" });
}

function dialog(work, close, redraw) {
  const choose = async (event) => {
    await work.add(event.target.files);
    redraw();
  };
  const submit = async (event) => {
    event.preventDefault();
    work.sending = true;
    work.problem = null;
    redraw();
    try {
      await work.send();
      close(work.deployed);
    } catch (error) {
      work.problem = error;
    }
    work.sending = false;
    redraw();
  };
  return html`<form @submit=${submit}>
    <div class="dialog-head"><h2>Upload code</h2></div>
    <div class="dialog-body">
      <p class="muted">
        New executions of its workflows run on it from then on. Those that have begun go on with the
        code they began with.
      </p>
      <div class="row wrap">
        <label class="button file">
          ${icon("file")}Choose files
          <input class="visually-hidden" type="file" accept=".py,.wasm" multiple @change=${choose} />
        </label>
        <label class="button file">
          ${icon("layers")}Choose a folder
          <input class="visually-hidden" type="file" webkitdirectory @change=${choose} />
        </label>
        <span class="muted" role="status">${work.told}</span>
      </div>
      ${work.refusal ? html`<p class="bad-text" role="alert">${work.refusal}</p>` : nothing}
      ${work.files.size > 0 ? modules(work, redraw) : nothing}
      <label class="field">
        <span class="field-label">Label<span class="type">optional</span></span>
        <input
          class="input"
          maxlength="100"
          autocomplete="off"
          placeholder="such as v2"
          @input=${(event) => {
            work.label = event.target.value;
          }}
        />
      </label>
      ${work.problem ? refused(work.problem) : nothing}
    </div>
    <div class="dialog-foot">
      <button type="button" class="button" @click=${() => close()}>Cancel</button>
      <button class="button primary" ?disabled=${!work.ready}>
        ${work.sending ? html`<span class="spinner"></span>` : icon("upload")}Deploy
      </button>
    </div>
  </form>`;
}

function modules(work, redraw) {
  return html`<fieldset class="field">
    <legend class="field-label">Modules with workflows and steps</legend>
    <div class="upload-modules">
      ${[...work.modules].map(
        ([name, first]) => html`<label class="check">
          <input
            type="checkbox"
            .checked=${first}
            @change=${(event) => {
              work.modules.set(name, event.target.checked);
              redraw();
            }}
          /><code>${name}</code>
        </label>`,
      )}
    </div>
  </fieldset>`;
}

function refused(problem) {
  const { traceback } = problem.fields;
  return html`${problemNotice(problem)}${traceback
    ? html`<pre class="traceback" tabindex="0">${traceback}</pre>`
    : nothing}`;
}
