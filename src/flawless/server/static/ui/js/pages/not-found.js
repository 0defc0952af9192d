// An address that shows nothing.
import { html } from "../lit.js";
import { empty } from "../components/empty.js";

export class NotFoundPage {
  title = "Nothing here";

  constructor(app) {
    this.app = app;
  }

  render() {
    return empty({
      icon: "search",
      title: "There is nothing at this address",
      text: "It may have been typed by hand, or be of another version of Flawless.",
      action: html`<a class="button" href=${this.app.href(["executions"])}>To the executions</a>`,
    });
  }
}
