// How the engine is: problems, counts, charts of the last hour, restarts.
import { html, nothing, styled } from "../lit.js";
import { empty } from "../components/empty.js";
import { icon } from "../components/icon.js";
import { notice, problemNotice } from "../components/notice.js";
import { STATUSES, statusBadge, statusName } from "../components/status-badge.js";
import { ago } from "../components/time.js";
import { bytes, clock, compact, number } from "../format.js";
import { chart } from "../health/chart.js";
import { CHARTS } from "../health/charts.js";

const POLL_MS = 5_000;
const LONG_MS = 60_000; // for what seldom changes
const SHOWN_S = 3_600; // as far back as the server's samples go

export class HealthPage {
  title = "Health";

  constructor(app) {
    this.app = app;
    this.stats = null;
    this.statsProblem = null;
    this.loading = false;
    this.restarts = null;
    this.storeBytes = null;
    this.hover = null;
    this.tables = false;
  }

  connected() {
    this.#load();
    this.#loadSeldom();
    const seen = (run) => () => document.visibilityState === "visible" && run();
    this.timers = [
      setInterval(seen(() => this.#load()), POLL_MS),
      setInterval(seen(() => this.#loadSeldom()), LONG_MS),
    ];
  }

  disconnected() {
    this.timers.forEach(clearInterval);
  }

  render() {
    return html`<div class="page-head">
        <h1>Health</h1>
        ${this.#state()}
      </div>
      ${this.#problems()} ${this.#standing()} ${this.#charts()} ${this.#restarts()}`;
  }

  #state() {
    const { latest, problem } = this.app.health;
    if (problem || latest === null) return nothing;
    return html`<span class="badge filled" data-status="completed">${icon("check")}Working</span>
      <span class="muted">Flawless ${latest.version}</span>`;
  }

  #problems() {
    const { problem } = this.app.health;
    if (problem === null) return nothing;
    const said = this.app.health.trouble || problem.message;
    return notice({
      kind: "bad",
      title: problem.unreachable ? "The server cannot be reached" : "The engine is in trouble",
      detail: said,
      hint: problem.hint || "Executions go on when it is well again; nothing that was done is lost.",
    });
  }

  #standing() {
    const { health } = this.app;
    const { latest, all } = health;
    const last = this.stats?.samples.at(-1);
    const share = (status) => (all === 0 ? 0 : (100 * health.count(status)) / all);
    const counted = STATUSES.map((status) => `${health.count(status)} ${status}`).join(", ");
    const facts = [
      ["Executions", latest && number(all)],
      ["Guests", latest && number(latest.guests)],
      ["Queued", latest && number(latest.queued)],
      ["Memory", last && bytes(last.memory_bytes)],
      ["Store", this.storeBytes === null ? null : bytes(this.storeBytes)],
      ["CPU", last && `${last.cpu.toFixed(2)} cores`],
    ];
    return html`<section class="card standing">
      <dl class="figures">
        ${facts
          .filter(([, value]) => value)
          .map(
            ([name, value]) =>
              html`<div>
                <dt>${name}</dt>
                <dd class="number">${value}</dd>
              </div>`,
          )}
      </dl>
      <div class="shares" role="img" aria-label=${`Executions by status: ${counted}`}>
        ${STATUSES.map(
          (status) =>
            html`<i data-status=${status} ${styled({ "flex-grow": share(status) })} ?hidden=${health.count(status) === 0}></i>`,
        )}
      </div>
      <ul class="share-list">
        ${STATUSES.map(
          (status) => html`<li>
            <a
              href=${this.app.href(["executions"], { status })}
              aria-label=${`${statusName(status)}: ${health.count(status)}`}
              >${statusBadge(status)} <span class="number">${compact(health.count(status))}</span></a
            >
          </li>`,
        )}
      </ul>
    </section>`;
  }

  #charts() {
    if (this.statsProblem?.missing) return nothing;
    if (this.statsProblem && this.stats === null) return problemNotice(this.statsProblem);
    if (this.stats === null) {
      return html`<div class="charts" aria-busy="true">
        ${CHARTS.map(() => html`<div class="card chart"><span class="skeleton"></span></div>`)}
      </div>`;
    }
    const { samples } = this.stats;
    if (samples.length < 2) {
      return html`<div class="card">
        ${empty({ icon: "pulse", title: "Charts begin in a few seconds", text: "The engine has just started." })}
      </div>`;
    }
    const hover = this.hover === null ? null : Math.min(this.hover, samples.length - 1);
    const shown = hover === null ? `from ${clock(samples[0].at).slice(0, 5)} until now` : `at ${clock(samples[hover].at).slice(0, 8)}`;
    return html`<div class="charts-head">
        <h2>The last hour</h2>
        <span class="muted number grow">${shown}</span>
        <button
          type="button"
          class="button small"
          aria-pressed=${String(this.tables)}
          @click=${() => this.#asTables()}
        >
          ${icon(this.tables ? "pulse" : "list")}${this.tables ? "As charts" : "As tables"}
        </button>
      </div>
      <div class="charts">
        ${CHARTS.map((one) =>
          chart({
            ...one,
            samples,
            hover,
            tables: this.tables,
            onHover: (place) => this.#point(place),
          }),
        )}
      </div>`;
  }

  #restarts() {
    if (this.restarts === null) return nothing;
    return html`<section class="card restarts">
      <div class="card-head"><h2>Restarts</h2></div>
      ${this.restarts.length === 0
        ? html`<p class="muted card-body">None so far.</p>`
        : html`<div class="scroll-x">
            <table class="table" aria-label="Restarts">
              <thead>
                <tr>
                  <th scope="col">Started</th>
                  <th scope="col">Version</th>
                  <th scope="col">The engine before</th>
                </tr>
              </thead>
              <tbody>
                ${this.restarts.map(
                  (one) => html`<tr>
                    <td>${ago(this.app, one.at)}</td>
                    <td class="muted">${one.version}</td>
                    <td>
                      ${one.clean
                        ? html`<span class="muted">stopped in order</span>`
                        : html`<span class="badge" data-status="parked">${icon("alert")}was killed</span>`}
                    </td>
                  </tr>`,
                )}
              </tbody>
            </table>
          </div>`}
    </section>`;
  }

  #asTables() {
    this.tables = !this.tables;
    this.app.update();
  }

  #point(place) {
    this.hover = place;
    this.app.update();
  }

  async #load() {
    this.app.health.soon();
    if (this.loading) return; // the same samples would come twice
    this.loading = true;
    try {
      const known = this.stats?.samples ?? [];
      const came = await this.app.api.get("stats", { after: known.at(-1)?.at });
      const most = Math.ceil(SHOWN_S / came.interval_s);
      this.stats = { ...came, samples: [...known, ...came.samples].slice(-most) };
      this.statsProblem = null;
    } catch (error) {
      this.statsProblem = error;
    } finally {
      this.loading = false;
    }
    this.app.update();
  }

  async #loadSeldom() {
    const [restarts, metrics] = await Promise.allSettled([
      this.app.api.get("restarts"),
      this.app.api.text("../../metrics"),
    ]);
    if (restarts.status === "fulfilled") this.restarts = restarts.value.restarts;
    if (metrics.status === "fulfilled") {
      const size = /^flawless_store_size_bytes (\S+)$/m.exec(metrics.value);
      this.storeBytes = size === null ? null : Number(size[1]);
    }
    this.app.update();
  }
}
