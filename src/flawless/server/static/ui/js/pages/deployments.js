// The deployments: what code is here, and what new executions run on.
import { html, nothing } from "../lit.js";
import { codeBlock } from "../components/copy.js";
import { empty } from "../components/empty.js";
import { icon } from "../components/icon.js";
import { problemNotice } from "../components/notice.js";
import { ago } from "../components/time.js";
import { count } from "../format.js";
import { upload } from "../deployments/upload.js";

const NAMED_MAX = 4;

export class DeploymentsPage {
  title = "Deployments";

  constructor(app) {
    this.app = app;
    this.deployments = [];
    this.next = null;
    this.loaded = false;
    this.problem = null;
  }

  connected() {
    this.load();
  }

  async load(before = null) {
    try {
      const page = await this.app.api.get("deployments", { before });
      const known = before === null ? [] : this.deployments;
      this.deployments = [...known, ...page.deployments];
      this.next = page.next;
      this.loaded = true;
      this.problem = null;
    } catch (error) {
      this.problem = error;
    }
    this.app.update();
  }

  render() {
    return html`<div class="page-head">
        <h1>Deployments</h1>
        <div class="page-actions">${this.#uploadButton()}</div>
        <p class="lead">
          Builds of your code. Each execution runs on the one it began with, to its end.
        </p>
      </div>
      ${this.problem ? problemNotice(this.problem, () => this.load()) : nothing} ${this.#list()}`;
  }

  #uploadButton() {
    const refusal = this.app.refusal("deploy");
    return html`<button
      type="button"
      class="button primary"
      ?disabled=${refusal !== ""}
      title=${refusal}
      @click=${() => this.#upload()}
    >
      ${icon("upload")}Upload
    </button>`;
  }

  #list() {
    if (!this.loaded) {
      if (this.problem) return nothing;
      return html`<div class="card card-body" aria-busy="true"><span class="skeleton"></span></div>`;
    }
    if (this.deployments.length === 0) {
      return html`<div class="card">
        ${empty({
          icon: "layers",
          title: "Nothing is deployed",
          text: "Serve a module, or upload one.",
          action: html`<div class="commands">${codeBlock("flawless up app.py")}</div>`,
        })}
      </div>`;
    }
    return html`<div class="card scroll-x">
        <table class="table deployments" aria-label="Deployments">
          <thead>
            <tr>
              <th scope="col">Deployment</th>
              <th scope="col" class="wide-only">Workflows</th>
              <th scope="col">Kind</th>
              <th scope="col" class="end">Created</th>
            </tr>
          </thead>
          <tbody>
            ${this.deployments.map((one) => this.#row(one))}
          </tbody>
        </table>
      </div>
      ${this.next === null
        ? nothing
        : html`<div class="more-row">
            <button type="button" class="button" @click=${() => this.load(this.next)}>
              Show more
            </button>
          </div>`}`;
  }

  #row(one) {
    const named = one.workflows.slice(0, NAMED_MAX);
    const more = one.workflows.length - named.length;
    return html`<tr>
      <td>
        <div class="row wrap">
          <a class="strong" href=${this.app.href(["deployments", one.id])}>${one.label || one.id}</a>
          ${one.current
            ? html`<span class="badge filled" data-status="completed">${icon("check")}Current</span>`
            : nothing}
        </div>
        <code class="muted small">${one.id}</code>
        <div class="narrow-only muted small">${count(one.workflows.length, "workflow")}</div>
      </td>
      <td class="wide-only">
        <div class="row wrap">
          ${named.map((name) => html`<span class="chip">${name}</span>`)}
          ${more > 0 ? html`<span class="muted small">+${more}</span>` : nothing}
        </div>
      </td>
      <td class="muted nowrap">${one.kind}${one.uploaded ? ", uploaded" : ""}</td>
      <td class="end muted nowrap">${ago(this.app, one.created_at)}</td>
    </tr>`;
  }

  async #upload() {
    const deployed = await upload(this.app);
    if (deployed === null) return;
    this.app.toast(deployed.new === false ? "The same code was deployed before" : "Deployed");
    this.app.navigate(this.app.href(["deployments", deployed.id]));
  }
}
