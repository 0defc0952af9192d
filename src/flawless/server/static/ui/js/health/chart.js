// A small line chart: one or two lines over the last hour, and the values at the moment pointed at.
import { html, nothing, styled, svg } from "../lit.js";
import { absolute, clock } from "../format.js";

const WIDTH = 600;
const HEIGHT = 120;
const ROWS_MAX = 60; // of the table that says the same

// `series` are `{label, value(sample)}`, whose value may be null; `format(value)` writes one.
// `hover` is the place of the sample that is pointed at, or null. `tables` writes the values instead.
export function chart({ title, unit = "", series, samples, format, tables, hover, onHover }) {
  const values = series.map(({ value }) => samples.map(value));
  const max = ceiling(Math.max(0, ...values.flat().filter((one) => one !== null)));
  const at = hover ?? samples.length - 1;
  return html`<figure class="card chart" aria-label=${title}>
    <figcaption>
      <span class="chart-title">${title}</span>
      ${series.map(
        ({ label }, n) => html`<span class="chart-value"
          >${series.length > 1
            ? html`<i class="key key-${n}"></i><span class="muted">${label}</span> `
            : nothing}<b>${written(values[n][at], format)}</b></span
        >`,
      )}
      ${unit ? html`<span class="muted small">${unit}</span>` : nothing}
    </figcaption>
    ${tables
      ? table(title, series, samples, values, format)
      : plot({ title, series, values, samples, max, format, at, hover, onHover })}
  </figure>`;
}

function plot({ title, series, values, samples, max, format, at, hover, onHover }) {
  return html`<div
    class="plot"
    @pointermove=${(event) => onHover(placeOf(event, samples.length))}
    @pointerleave=${() => onHover(null)}
  >
    <span class="plot-max muted">${format(max)}</span>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${spoken(title, series, values, format)}>
      <path class="grid" d="M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}" />
      ${values.map((line, n) => drawn(line, max, n))}
    </svg>
    ${hover === null
      ? nothing
      : html`<i class="cross" ${styled({ left: `${(100 * at) / Math.max(1, samples.length - 1)}%` })}></i>`}
  </div>`;
}

function written(value, format) {
  return value === null || value === undefined ? "–" : format(value);
}

function placeOf(event, count) {
  const { left, width } = event.currentTarget.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (event.clientX - left) / width));
  return Math.round(share * (count - 1));
}

// The next of 1, 2, 5, 10, 20, ... above, so that the scale does not change with every sample.
function ceiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((one) => one * power >= value);
  return step * power;
}

function drawn(line, max, n) {
  const x = (place) => ((WIDTH * place) / Math.max(1, line.length - 1)).toFixed(1);
  const y = (value) => (HEIGHT - 1 - (value / max) * (HEIGHT - 2)).toFixed(1);
  let path = "";
  let pen = false; // nothing was measured: the line has a gap there
  for (const [place, value] of line.entries()) {
    if (value !== null) {
      // A sample between two gaps is a dot: a line of no length, with round ends.
      path += pen ? `L${x(place)} ${y(value)}` : `M${x(place)} ${y(value)}h0`;
    }
    pen = value !== null;
  }
  const isWhole = n === 0 && line.length > 1 && !line.includes(null);
  const area = isWhole ? `${path}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z` : "";
  return svg`<path class="area" d=${area}/><path class="line line-${n}" d=${path}/>`;
}

function spoken(title, series, values, format) {
  const last = series.map(({ label }, n) => `${label} ${written(values[n].at(-1), format)}`);
  return `${title}: ${last.join(", ")}. "As tables" shows all values.`;
}

function table(title, series, samples, values, format) {
  const step = Math.max(1, Math.ceil(samples.length / ROWS_MAX));
  const rows = [];
  for (let place = samples.length - 1; place >= 0; place -= step) rows.push(place);
  return html`<div class="chart-table" tabindex="0" role="region" aria-label=${`${title}, as a table`}>
      <table class="table" aria-label=${title}>
        <thead>
          <tr>
            <th scope="col">Time</th>
            ${series.map(({ label }) => html`<th scope="col" class="end">${label}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (place) => html`<tr>
              <td title=${absolute(samples[place].at)}>${clock(samples[place].at).slice(0, 8)}</td>
              ${values.map((line) => html`<td class="end">${written(line[place], format)}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}
