// One deployment: what it can run, and the code it consists of.
import { html, nothing } from "../lit.js";
import { copyButton } from "../components/copy.js";
import { icon } from "../components/icon.js";
import { problemNotice } from "../components/notice.js";
import { sourceView } from "../components/source-view.js";
import { moment } from "../components/time.js";
import { count } from "../format.js";
import { signature } from "../start/picker.js";

// What it was built as; of a component also what it says that it is written in.
function kind({ kind, language }) {
  return language ? `${kind} (${language})` : kind;
}

export class DeploymentPage {
  constructor(app, { id }) {
    this.app = app;
    this.id = id;
    this.deployment = null;
    this.problem = null;
    this.libraries = false; // whether modules that are not the user's own are listed
    this.source = null; // the module that is shown
    this.sourceProblem = null;
  }

  get title() {
    return this.deployment?.label || this.id;
  }

  connected() {
    this.load();
  }

  queryChanged() {
    this.#loadSource();
  }

  async load() {
    this.problem = null;
    try {
      this.deployment = await this.app.api.get(`deployments/${encodeURIComponent(this.id)}`);
      await this.#loadSource();
    } catch (error) {
      this.problem = error;
    }
    this.app.update();
  }

  render() {
    const { app, deployment } = this;
    const crumbs = html`<nav class="crumbs" aria-label="Where this is">
      <a href=${app.href(["deployments"])}>Deployments</a>${icon("chevron")}<span>${this.title}</span>
    </nav>`;
    if (this.problem) return html`${crumbs}${problemNotice(this.problem, () => this.load())}`;
    if (deployment === null) {
      return html`${crumbs}<div class="card card-body" aria-busy="true">
          <span class="skeleton"></span>
        </div>`;
    }
    return html`${crumbs}
      <div class="page-head">
        <h1>${this.title}</h1>
        ${deployment.current
          ? html`<span class="badge filled" data-status="completed">${icon("check")}Current</span>`
          : nothing}
      </div>
      <div class="stack deployment">
        ${this.#facts()} ${this.#workflows()} ${this.#code()} ${this.#standins()}
      </div>`;
  }

  #facts() {
    const { id, created_at, component, uploaded, egress, version } = this.deployment;
    return html`<section class="card card-body">
      <dl class="facts">
        <dt>Id</dt>
        <dd><code>${id}</code> ${copyButton(id, "Copy the id")}</dd>
        <dt>Kind</dt>
        <dd>${[kind(this.deployment), ...(uploaded ? ["uploaded"] : [])].join(", ")}</dd>
        ${version
          ? html`<dt>Version</dt>
              <dd>${version}</dd>`
          : nothing}
        <dt>Created</dt>
        <dd>${moment(created_at)}</dd>
        <dt>Runs on</dt>
        <dd><code class="small">${component}</code></dd>
        <dt>Requests go to</dt>
        <dd>
          ${egress === null
            ? "all hosts"
            : egress.length === 0
              ? "no host"
              : egress.map((host) => html`<span class="chip">${host}</span> `)}
        </dd>
      </dl>
    </section>`;
  }

  #workflows() {
    const { workflows, current_workflows: current = [] } = this.deployment;
    const startable = new Set(current);
    return html`<section class="card">
      <div class="card-head"><h2>Workflows</h2></div>
      <ul class="listing">
        ${workflows.map(
          (one) => html`<li>
            <div class="grow">
              <div class="row wrap">
                <span class="strong">${one.name}</span><code class="muted">${signature(one)}</code>
              </div>
              ${one.doc ? html`<div class="muted">${one.doc.split("\n")[0]}</div>` : nothing}
            </div>
            <span class="muted small nowrap">${one.file}:${one.line}</span>
            ${startable.has(one.name) && this.app.may("operate")
              ? html`<a
                  class="button small"
                  href=${this.app.href(["start"], { workflow: one.name })}
                  aria-label=${`Start ${one.name}`}
                  >${icon("play")}Start</a
                >`
              : nothing}
          </li>`,
        )}
      </ul>
    </section>`;
  }

  #code() {
    const own = this.deployment.modules.filter((one) => one.user);
    const libraries = this.deployment.modules.filter((one) => !one.user);
    const shown = this.libraries ? [...own, ...libraries] : own;
    const name = this.app.query.get("module") ?? own[0]?.name;
    return html`<section class="card">
      <div class="card-head">
        <h2 class="grow">Code</h2>
        ${libraries.length > 0
          ? html`<label class="check small">
              <input
                type="checkbox"
                .checked=${this.libraries}
                @change=${(event) => this.#showLibraries(event.target.checked)}
              />${count(libraries.length, "library module")}
            </label>`
          : nothing}
      </div>
      <div class="code">
        <ul class="code-modules" aria-label="Modules">
          ${shown.map(
            (one) => html`<li>
              <a
                href=${this.app.href(["deployments", this.id], { module: one.name })}
                aria-current=${String(one.name === name)}
                ><span class="truncate">${one.name}</span
                ><span class="muted small">${one.lines}</span></a
              >
            </li>`,
          )}
        </ul>
        <div class="code-source">
          ${this.sourceProblem ? problemNotice(this.sourceProblem) : nothing}
          ${this.source
            ? html`<div class="code-head">
                  <code class="grow truncate">${this.source.file}</code>
                  ${copyButton(this.source.source, "Copy the source")}
                </div>
                ${sourceView(this.source.source, {
                  label: `Source of ${this.source.name}`,
                  file: this.source.file,
                })}`
            : nothing}
        </div>
      </div>
    </section>`;
  }

  #standins() {
    const all = Object.entries(this.deployment.standins ?? {});
    if (all.length === 0) return nothing;
    return html`<section class="card">
      <div class="card-head"><h2>Stand-ins</h2></div>
      <p class="muted card-note">
        Libraries that run natively only: workflows see a stand-in, and call them from steps.
      </p>
      <ul class="listing">
        ${all.map(
          ([name, reason]) => html`<li><code class="strong">${name}</code><span class="muted grow">${reason}</span></li>`,
        )}
      </ul>
    </section>`;
  }

  #showLibraries(shown) {
    this.libraries = shown;
    this.app.update();
  }

  async #loadSource() {
    const { modules } = this.deployment;
    const name = this.app.query.get("module") ?? modules.find((one) => one.user)?.name;
    if (!name || this.source?.name === name) return;
    this.sourceProblem = null;
    try {
      const path = `deployments/${encodeURIComponent(this.id)}/modules/${encodeURIComponent(name)}`;
      this.source = await this.app.api.get(path);
      if (modules.some((one) => one.name === name && !one.user)) this.libraries = true;
    } catch (error) {
      this.source = null;
      this.sourceProblem = error;
    }
    this.app.update();
  }
}
