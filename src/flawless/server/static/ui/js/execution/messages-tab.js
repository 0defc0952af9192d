// Messages: those that wait in the inbox, and those that the workflow has received.
import { html, nothing } from "../lit.js";
import { brief, clock } from "../format.js";
import { empty } from "../components/empty.js";
import { problemNotice } from "../components/notice.js";
import { ago } from "../components/time.js";

const REFRESH_MS = 2_000;
const RECEIVED_SHOWN = 100;

export class MessagesTab {
  name = "messages";
  label = "Messages";

  constructor(page) {
    this.page = page;
    this.waiting = null;
    this.more = false;
    this.problem = null;
    this.asked = 0;
  }

  get received() {
    return this.page.feed.timeline.rows.filter(
      (row) => row.kind === "receive" && row.value !== null && typeof row.value === "object" && "name" in row.value,
    );
  }

  get count() {
    const known = (this.waiting?.length ?? 0) + this.received.length;
    return known || null;
  }

  // Ask for what waits, now and then while the tab is open.
  async refresh() {
    const now = performance.now();
    if (now - this.asked < REFRESH_MS) return;
    this.asked = now;
    try {
      const found = await this.page.feed.get("messages", null);
      this.waiting = found.messages;
      this.more = found.next !== null;
      this.problem = null;
    } catch (error) {
      this.problem = error.missing ? null : error;
      this.waiting ??= [];
    }
    this.page.app.update();
  }

  render() {
    this.refresh();
    const { received } = this;
    const waiting = this.waiting ?? [];
    if (this.waiting && waiting.length === 0 && received.length === 0 && !this.problem) {
      return empty({
        icon: "message",
        title: "No messages",
        text: "Messages that were sent and wait to be received are shown here, and those that the workflow has received.",
      });
    }
    return html`${this.problem ? problemNotice(this.problem) : nothing}
      <h3 class="tab-heading">Waiting in the inbox</h3>
      ${waiting.length ? this.table(waiting.map((one) => this.inboxLine(one)), "Waiting messages") : html`<p class="muted">None.</p>`}
      ${this.more ? html`<p class="muted small">There are more behind these.</p>` : nothing}
      <h3 class="tab-heading">Received</h3>
      ${received.length
        ? this.table(received.slice(-RECEIVED_SHOWN).reverse().map((row) => this.receivedLine(row)), "Received messages")
        : html`<p class="muted">None.</p>`}`;
  }

  table(lines, label) {
    return html`<div class="scroll-x card">
      <table class="table" aria-label=${label}>
        <thead><tr><th>Name</th><th>Payload</th><th>Id</th><th>When</th></tr></thead>
        <tbody>${lines}</tbody>
      </table>
    </div>`;
  }

  inboxLine(one) {
    return html`<tr>
      <td><code>${one.name}</code></td>
      <td><code class="payload" title=${brief(one.payload, 2_000)}>${brief(one.payload)}</code></td>
      <td><code class="muted">${one.id ?? ""}</code></td>
      <td class="nowrap">${ago(this.page.app, one.at)}</td>
    </tr>`;
  }

  receivedLine(row) {
    const at = new Date(this.page.feed.timeline.beganMs + (row.end ?? row.begin) / 1000).toISOString();
    return html`<tr>
      <td><code>${row.value.name}</code></td>
      <td>
        <button class="link" @click=${() => this.page.open(row.key)}><code class="payload">${brief(row.value.payload)}</code></button>
      </td>
      <td><code class="muted">${row.value.id ?? ""}</code></td>
      <td class="nowrap"><time datetime=${at}>${clock(at)}</time></td>
    </tr>`;
  }
}
