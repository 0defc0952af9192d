import { html } from "../lit.js";

export class DeploymentsPage {
  title = "Deployments";

  constructor(app, params) {
    this.app = app;
    this.params = params;
  }

  render() {
    return html`<div class="page-head"><h1>${this.title}</h1></div>`;
  }
}
