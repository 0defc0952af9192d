// The variables of a frame as a tree, with what is different from the place before.
import { html, nothing } from "../../lit.js";
import { icon } from "../../components/icon.js";
import { number } from "../../format.js";

const SHOWN_MAX = 200;

// `opened` is a set of paths that are open; `onToggle(path, level)` is called to change that.
export function variables(list, { opened, onToggle, depthMax, name }) {
  if (list === null || list === undefined) return html`<p class="muted small">Not shown here.</p>`;
  if (list.length === 0) return html`<p class="muted small">No variables yet.</p>`;
  return html`<ul class="vars" aria-label=${name}>
    ${tree(list, "", 0, { opened, onToggle, depthMax })}
  </ul>`;
}

function tree(list, above, level, options) {
  const shown = list.slice(0, SHOWN_MAX);
  return html`${shown.map((one) => item(one, `${above}/${one.name}`, level, options))}
  ${list.length > SHOWN_MAX ? html`<li class="muted small">${number(list.length - SHOWN_MAX)} more</li>` : nothing}`;
}

function item(one, path, level, options) {
  const { opened, onToggle, depthMax } = options;
  const parts = one.size ?? 0;
  const children = one.children ?? [];
  const open = parts > 0 && opened.has(path);
  const canOpen = parts > 0 && (children.length > 0 || level < depthMax);
  const rest = parts - children.length;
  return html`<li class="var" data-change=${one.change ?? nothing}>
    <div class="var-line">
      ${canOpen
        ? html`<button
            class="var-toggle"
            aria-expanded=${String(open)}
            aria-label=${`Parts of ${one.name}`}
            @click=${() => onToggle(path, level + 1)}
          >
            ${icon("chevron")}
          </button>`
        : html`<span class="var-toggle"></span>`}
      <span class="var-value" title=${`${one.type}: ${one.text}`}
        ><span class="var-name">${one.name}</span><span class="muted"> = </span><span class=${look(one)}>${one.text}</span></span
      >
      <span class="var-type">${one.change === "new" ? html`<b class="var-new">new</b> ` : nothing}${one.type}</span>
      ${one.before === undefined ? nothing : html`<span class="var-before"><span class="visually-hidden">was </span><del>${one.before}</del></span>`}
    </div>
    ${open
      ? html`<ul>
          ${children.length ? tree(children, path, level + 1, options) : html`<li class="muted small var-note">Loading</li>`}
          ${children.length && rest > 0 ? html`<li class="muted small var-note">${number(rest)} more</li>` : nothing}
        </ul>`
      : nothing}
  </li>`;
}

function look({ type, text }) {
  if (type === "str" || type === "bytes") return "j-string";
  if (type === "int" || type === "float" || type === "Decimal") return "j-number";
  return text === "None" || type === "bool" ? "j-word" : "";
}

// The values of the names in a line of source, for the margin: `total = 500 · line = Line(...)`.
export function hintOf(line, list) {
  const names = new Set(line.match(/[A-Za-z_]\w*/g) ?? []);
  const found = (list ?? []).filter((one) => names.has(one.name)).slice(0, 3);
  return found.map((one) => `${one.name} = ${one.text.length > 36 ? `${one.text.slice(0, 35)}…` : one.text}`).join("   ");
}
