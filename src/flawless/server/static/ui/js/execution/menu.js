// A button that opens a list of things to do: a native popover, so that Escape and a click beside
// it close it.
import { html, nothing } from "../lit.js";
import { icon } from "../components/icon.js";

const GAP = 6;

// `items` are `{label, icon, run, danger, refusal}`; one with a `refusal` cannot be chosen, and says
// why.
export function menu(id, label, items) {
  return html`<button
      class="button icon-only"
      popovertarget=${id}
      aria-haspopup="menu"
      aria-label=${label}
      title=${label}
      id=${`${id}-button`}
    >
      ${icon("more")}
    </button>
    <div
      class="menu"
      popover="auto"
      id=${id}
      role="menu"
      aria-label=${label}
      @toggle=${opened}
      @keydown=${move}
    >
      ${items.map((item) => (item === null ? html`<hr />` : entry(item)))}
    </div>`;
}

function entry(item) {
  return html`<button
    role="menuitem"
    class="menu-item ${item.danger ? "danger" : ""}"
    aria-disabled=${item.refusal ? "true" : "false"}
    title=${item.refusal || nothing}
    @click=${(event) => {
      if (item.refusal) return;
      event.currentTarget.closest("[popover]").hidePopover();
      item.run();
    }}
  >
    ${icon(item.icon)}<span>${item.label}</span>
  </button>`;
}

// It stands below its button, within the window.
function opened(event) {
  const list = event.target;
  if (event.newState !== "open") return;
  const button = document.getElementById(`${list.id}-button`).getBoundingClientRect();
  const left = Math.max(GAP, Math.min(button.right - list.offsetWidth, innerWidth - list.offsetWidth - GAP));
  const below = button.bottom + GAP + list.offsetHeight <= innerHeight;
  const top = below ? button.bottom + GAP : Math.max(GAP, button.top - GAP - list.offsetHeight);
  list.style.setProperty("left", `${left}px`);
  list.style.setProperty("top", `${top}px`);
  list.querySelector("[role=menuitem]")?.focus();
}

function move(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const items = [...event.currentTarget.querySelectorAll("[role=menuitem]")];
  const at = items.indexOf(document.activeElement);
  items[(at + by + items.length) % items.length].focus();
}
