// One action on many executions: asked first, then carried out a few at a time, then told.
import { html, nothing, styled } from "../lit.js";
import { newId } from "../../../flawless.js";
import { ACTIONS } from "./actions.js";
import { icon } from "../components/icon.js";
import { count } from "../format.js";

const PARALLEL = 6;
const NAMED_MAX = 5;
const FAILURES_MAX = 100;
const PAUSES_MS = [250, 500, 1_000, 2_000, 4_000]; // after answers that were lost
const LOST = new Set([0, 408, 425, 502, 503, 504]); // after these nobody knows what was done

class Bulk {
  constructor(app, name, executions) {
    this.app = app;
    this.name = name;
    this.action = ACTIONS[name];
    this.executions = executions;
    // Asked twice, it is done once: a second cancellation would end the cleaning up.
    this.ids = new Map(executions.map(({ id }) => [id, newId()]));
    this.stage = "ask"; // ask, run, told
    this.reason = "";
    this.done = 0;
    this.failures = []; // [execution, error]
    this.stopped = false;
    this.changed = [];
  }

  async run(redraw, executions = this.executions) {
    this.stage = "run";
    redraw();
    const rest = [...executions];
    const worker = async () => {
      while (rest.length > 0 && !this.stopped) {
        await this.one(rest.shift());
        redraw();
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    this.stage = "told";
    redraw();
  }

  // Those whose answer was lost, under the same ids: what was done is not done again.
  again(redraw) {
    const lost = this.failures.filter(([, error]) => this.isUnknown(error));
    this.failures = this.failures.filter(([, error]) => !this.isUnknown(error));
    this.stopped = false;
    this.run(redraw, lost.map(([execution]) => execution));
  }

  isUnknown(error) {
    return this.action.id && LOST.has(error.status);
  }

  async one(execution) {
    try {
      this.changed.push(await this.ask(execution));
      this.done += 1;
    } catch (error) {
      this.failures.push([execution, error]);
    }
  }

  async ask({ id }) {
    const body = {};
    if (this.action.reason) body.reason = this.reason;
    if (this.action.id) body.id = this.ids.get(id);
    for (const ms of [...PAUSES_MS, null]) {
      try {
        return await this.app.api.post(`executions/${encodeURIComponent(id)}/${this.name}`, body);
      } catch (error) {
        if (ms === null || this.stopped || !this.isUnknown(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, ms));
      }
    }
  }
}

// Resolves with the executions as they are now, once the dialog is closed.
export async function bulk(app, name, executions) {
  const work = new Bulk(app, name, executions);
  const title = `${work.action.verb} ${count(executions.length, "execution")}?`;
  const body = (close, redraw) => {
    if (work.stage === "ask") return ask(work, title, close, redraw);
    return work.stage === "run" ? running(work) : told(work, close, redraw);
  };
  await app.dialog(body, { label: title });
  work.stopped = true;
  return work.changed;
}

function ask(work, title, close, redraw) {
  const { action, executions } = work;
  const named = executions.slice(0, NAMED_MAX);
  const more = executions.length - named.length;
  const submit = (event) => {
    event.preventDefault();
    work.reason = new FormData(event.target).get("reason") ?? "";
    work.run(redraw);
  };
  return html`<form @submit=${submit}>
    <div class="dialog-head"><h2>${title}</h2></div>
    <div class="dialog-body">
      <p class="muted">${action.consequences}</p>
      <ul class="bulk-names">
        ${named.map((one) => html`<li><code>${one.id}</code> <span class="muted">${one.workflow}</span></li>`)}
        ${more > 0 ? html`<li class="muted">and ${more} more</li>` : nothing}
      </ul>
      ${action.reason
        ? html`<label class="field">
            <span class="field-label">Reason <span class="type">optional</span></span>
            <input class="input" name="reason" maxlength="500" autocomplete="off" />
          </label>`
        : nothing}
    </div>
    <div class="dialog-foot">
      <button type="button" class="button" @click=${() => close()}>Keep them</button>
      <button class="button primary ${action.danger ? "danger" : ""}">
        ${action.verb} ${count(executions.length, "execution")}
      </button>
    </div>
  </form>`;
}

function running(work) {
  const all = work.executions.length;
  const done = work.done + work.failures.length;
  return html`<div class="dialog-head"><h2>${work.action.verb}: ${done} of ${all}</h2></div>
    <div class="dialog-body">
      <div
        class="progress"
        role="progressbar"
        aria-label="Progress"
        aria-valuemin="0"
        aria-valuemax=${all}
        aria-valuenow=${done}
      >
        <div ${styled({ width: `${(100 * done) / all}%` })}></div>
      </div>
    </div>
    <div class="dialog-foot">
      <button class="button" @click=${() => (work.stopped = true)}>Stop</button>
    </div>`;
}

function told(work, close, redraw) {
  const { done, failures, executions, action } = work;
  const left = executions.length - done - failures.length;
  const unknown = failures.filter(([, error]) => work.isUnknown(error)).length;
  return html`<div class="dialog-head"><h2>${count(done, "execution")} ${action.done}</h2></div>
    <div class="dialog-body" role="status">
      ${left > 0 ? html`<p class="muted">Stopped before the other ${left}.</p>` : nothing}
      ${failures.length > 0
        ? html`<p class="bulk-bad">${icon("alert")} ${failures.length} could not be ${action.done}:</p>
            <ul class="bulk-names">
              ${failures.slice(0, FAILURES_MAX).map(
                ([one, error]) =>
                  html`<li><code>${one.id}</code> <span class="muted">${error.message}</span></li>`,
              )}
            </ul>
            ${unknown > 0
              ? html`<p class="muted">
                  Of ${unknown} the answer was lost: they may be ${action.done} all the same. Asking again here
                  is safe, and does it once.
                </p>`
              : nothing}`
        : html`<p class="muted">All went well.</p>`}
    </div>
    <div class="dialog-foot">
      ${unknown > 0 ? html`<button class="button" @click=${() => work.again(redraw)}>Ask again</button>` : nothing}
      <button class="button primary" autofocus @click=${() => close()}>Close</button>
    </div>`;
}
