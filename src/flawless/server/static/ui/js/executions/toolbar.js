// Over the list: the search box, the filters, and the statuses with their counts.
import { html, live, nothing } from "../lit.js";
import { icon } from "../components/icon.js";
import { STATUSES, statusName } from "../components/status-badge.js";
import { compact } from "../format.js";
import { AGES, isNarrow, momentWords } from "./filter.js";

export function toolbar(page) {
  return html`<div class="x-tools">
      ${searchBox(page)} ${workflowSelect(page)} ${sinceSelect(page)}
      <button type="button" class="button" @click=${() => askAttribute(page)}>
        ${icon("tag")}Attribute
      </button>
    </div>
    ${page.searchError
      ? html`<p class="x-search-error" id="search-error" role="alert">${page.searchError}</p>`
      : nothing}
    ${statuses(page)} ${chips(page)}`;
}

function searchBox(page) {
  return html`<form
    class="x-search"
    role="search"
    @submit=${(event) => {
      event.preventDefault();
      page.search(page.searchText, true);
    }}
  >
    ${icon("search")}
    <input
      class="input"
      id="search"
      type="text"
      inputmode="search"
      autocomplete="off"
      autocapitalize="off"
      spellcheck="false"
      enterkeyhint="search"
      placeholder="Search: an id, workflow:name, attr:name=value, since:1h"
      aria-label="Search executions by the beginning of their id, or with workflow:, status:, attr:, since:, until:"
      aria-invalid=${String(page.searchError !== "")}
      aria-describedby="search-error"
      .value=${live(page.searchText)}
      @input=${(event) => page.search(event.target.value, false)}
      @keydown=${(event) => event.key === "Escape" && event.target.blur()}
    />
    <kbd aria-hidden="true">/</kbd>
  </form>`;
}

function workflowSelect(page) {
  const chosen = page.filter.workflow;
  const names = page.workflows.includes(chosen) || !chosen ? page.workflows : [chosen, ...page.workflows];
  return html`<select
    class="select x-select"
    aria-label="Workflow"
    .value=${live(chosen)}
    @change=${(event) => page.narrow({ workflow: event.target.value })}
  >
    <option value="">All workflows</option>
    ${names.map((name) => html`<option value=${name} ?selected=${name === chosen}>${name}</option>`)}
  </select>`;
}

function sinceSelect(page) {
  const chosen = page.filter.since;
  const known = AGES.some(([age]) => age === chosen) || chosen === "";
  return html`<select
    class="select x-select"
    aria-label="Started"
    .value=${live(chosen)}
    @change=${(event) => page.narrow({ since: event.target.value })}
  >
    <option value="">Any time</option>
    ${AGES.map(([age, text]) => html`<option value=${age} ?selected=${age === chosen}>${text}</option>`)}
    ${known ? nothing : html`<option value=${chosen} selected>Since ${chosen}</option>`}
  </select>`;
}

function statuses(page) {
  const { health } = page.app;
  // The counts are of all executions: beside a narrower list they would mislead.
  const counted = health.latest !== null && !isNarrow(page.filter);
  const one = (status, name, number) => html`<button
    type="button"
    class="tab"
    data-status=${status}
    aria-pressed=${String(page.filter.status === status)}
    @click=${() => page.narrow({ status })}
  >
    ${name}${counted ? html`<span class="count">${compact(number)}</span>` : nothing}
  </button>`;
  return html`<div class="tabs x-statuses" role="group" aria-label="Status">
    ${one("", "All", health.all)}
    ${STATUSES.map((status) => one(status, statusName(status), health.count(status)))}
  </div>`;
}

function chips(page) {
  const { workflow, prefix, attributes, since, until } = page.filter;
  const words = momentWords(page.filter);
  const without = (value) => attributes.filter((one) => one !== value);
  const all = [
    workflow && [`Workflow: ${workflow}`, { workflow: "" }],
    prefix && [`Id begins with ${prefix}`, { prefix: "" }],
    ...attributes.map((one) => [one, { attributes: without(one) }]),
    since && [words.since, { since: "" }],
    until && [words.until, { until: "" }],
  ].filter(Boolean);
  if (all.length === 0) return nothing;
  return html`<div class="x-chips" role="group" aria-label="Filters">
    ${all.map(
      ([text, change]) => html`<span class="chip removable">
        <span class="truncate" title=${text}>${text}</span>
        <button type="button" aria-label=${`Remove filter ${text}`} @click=${() => page.narrow(change)}>
          ${icon("close")}
        </button>
      </span>`,
    )}
    <button type="button" class="button quiet small" @click=${() => page.clear()}>Clear all</button>
  </div>`;
}

async function askAttribute(page) {
  const body = (close) => html`<form
    @submit=${(event) => {
      event.preventDefault();
      const data = new FormData(event.target);
      close(`${data.get("name").trim()}=${data.get("value")}`);
    }}
  >
    <div class="dialog-head"><h2>Filter by attribute</h2></div>
    <div class="dialog-body">
      <p class="muted">Attributes are given when an execution is started, to find it by.</p>
      <label class="field"
        ><span class="field-label">Name</span>
        <input class="input" name="name" required pattern="[^=]+" autocomplete="off" autofocus
      /></label>
      <label class="field"
        ><span class="field-label">Value</span>
        <input class="input" name="value" autocomplete="off"
      /></label>
    </div>
    <div class="dialog-foot">
      <button type="button" class="button" @click=${() => close()}>Cancel</button>
      <button class="button primary">Filter</button>
    </div>
  </form>`;
  const found = await page.app.dialog(body, { label: "Filter by attribute" });
  const { attributes } = page.filter;
  if (found !== null && !attributes.includes(found)) {
    page.narrow({ attributes: [...attributes, found] });
  }
}
