// What one can do with an execution: the buttons beside its name, and the questions they ask.
import { html, live, nothing } from "../lit.js";
import { newId } from "../../../flawless.js";
import { icon } from "../components/icon.js";
import { isFinal } from "../components/status-badge.js";
import { showCommands } from "./commands.js";
import { ask, field } from "./form-dialog.js";
import { menu } from "./menu.js";
import { awaitedNames, sendMessage } from "./message-dialog.js";
import { retry } from "./retry-dialog.js";

export class Actions {
  // `page` has `app`, `feed`, `sources` and `changed()`, which is called after something was done.
  constructor(page) {
    this.page = page;
    this.app = page.app;
  }

  get detail() {
    return this.page.feed.detail;
  }

  get isEarlier() {
    return this.detail.id.includes("~");
  }

  render() {
    const { status } = this.detail;
    const alive = !isFinal(status) && !this.isEarlier;
    const again = !this.isEarlier && (status === "failed" || status === "cancelled");
    return html`${alive
        ? html`${this.button("message", "Send message", () => this.send())}${this.button("stop", "Cancel", () => this.cancel())}`
        : nothing}
      ${again ? this.button("retry", "Retry", () => this.retry(), status === "failed") : nothing}
      ${isFinal(status) ? this.button("play", "Start again", () => this.startAgain()) : nothing}
      ${menu("execution-menu", "More actions", this.more(alive))}`;
  }

  button(name, label, run, primary = false) {
    const refusal = this.app.refusal("operate");
    return html`<button
      class="button ${primary ? "primary" : ""}"
      ?disabled=${Boolean(refusal)}
      title=${refusal || nothing}
      @click=${run}
    >
      ${icon(name)}${label}
    </button>`;
  }

  more(alive) {
    const refusal = this.app.refusal("operate");
    const items = [];
    if (!isFinal(this.detail.status)) {
      items.push({ label: "Start another with this input", icon: "play", refusal, run: () => this.startAgain() });
    }
    items.push({
      label: "Copy as command line or curl",
      icon: "copy",
      run: () => showCommands(this.app, this.detail, this.page.feed.timeline.invoked?.input),
    });
    if (alive) {
      items.push(null, { label: "Terminate", icon: "close", danger: true, refusal, run: () => this.terminate() });
    }
    return items;
  }

  // --- what they do ------------------------------------------------------------------------------

  async send() {
    const { sources, feed, waterfall } = this.page;
    const workflow = await sources.wholeWorkflow(this.detail);
    const done = await sendMessage(this.app, this.detail, {
      declared: workflow?.messages ?? {},
      awaited: awaitedNames(feed.timeline.rows.concat(waterfall.compute().rows)),
    });
    if (done) this.page.changed();
  }

  async cancel() {
    const id = newId();
    let reason = "";
    let grace = "";
    const fields = (redraw) => html`<p class="muted">
        The workflow is told where it waits, and may clean up. Its children hear of it too, as far as
        they follow their parent. A second time ends it for good.
      </p>
      ${field("Reason", html`<input class="input" name="reason" maxlength="500" autocomplete="off" .value=${live(reason)}
        @input=${(event) => (reason = event.target.value)} />`)}
      ${field(
        "Time for cleaning up, in seconds",
        html`<input class="input" name="grace" type="number" min="0" step="any" placeholder="unlimited" .value=${live(grace)}
          @input=${(event) => {
            grace = event.target.value;
            redraw();
          }} />`,
        grace === "" ? "Without it, cleaning up may take as long as it takes." : `After ${grace} s it is ended.`,
      )}`;
    const body = () => ({ reason, id, ...(grace === "" ? {} : { grace_s: Number(grace) }) });
    await this.act("cancel", { title: "Cancel this execution", action: "Cancel it", danger: true, fields, body }, "It is told to end");
  }

  async terminate() {
    const id = newId();
    let reason = "";
    const fields = () => html`<p class="muted">
        It ends at once: no code of the workflow runs any more, nothing is cleaned up or undone. This
        cannot be taken back.
      </p>
      ${field("Reason", html`<input class="input" name="reason" maxlength="500" autocomplete="off" .value=${live(reason)}
        @input=${(event) => (reason = event.target.value)} />`)}`;
    await this.act(
      "terminate",
      { title: "Terminate this execution", action: "Terminate it", danger: true, fields, body: () => ({ reason, id }) },
      "It ends now",
    );
  }

  async act(name, { body, ...question }, told) {
    const done = await ask(this.app, {
      ...question,
      submit: async () => {
        await this.app.api.post(`executions/${encodeURIComponent(this.detail.id)}/${name}`, body());
        this.app.toast(told);
        return true;
      },
    });
    if (done) this.page.changed();
  }

  async retry(effect = null) {
    const done = await retry(this.app, this.detail, this.page.feed.timeline.rows, effect);
    if (done) this.page.changed();
  }

  startAgain() {
    this.app.navigate(this.app.href(["start"], { from: this.detail.id }));
  }
}
