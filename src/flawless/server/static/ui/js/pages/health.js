import { html } from "../lit.js";

export class HealthPage {
  title = "Health";

  constructor(app, params) {
    this.app = app;
    this.params = params;
  }

  render() {
    return html`<div class="page-head"><h1>${this.title}</h1></div>`;
  }
}
