// A source with numbered lines. Lines that are far from the window cost nothing: CSS skips them.
import { guard, html } from "../lit.js";
import { lines } from "../highlighting.js";

// `first` is the number of the first line, `marked` a set of numbers, `label` what it is, `file`
// where it comes from.
export function sourceView(
  source,
  { first = 1, marked = new Set(), label = "Source", file = "" } = {},
) {
  return guard(
    [source, first, [...marked].join()],
    () => html`<div class="source" tabindex="0" role="region" aria-label=${label}>
      <ol>
        ${lines(source, file).map((tokens, place) => line(tokens, first + place, marked))}
      </ol>
    </div>`,
  );
}

function line(tokens, number, marked) {
  const text = tokens.map(([kind, part]) => (kind ? html`<span class=${kind}>${part}</span>` : part));
  return html`<li value=${number} class=${marked.has(number) ? "marked" : ""}><code>${text}</code></li>`;
}
