// The executions that this one has started, as a tree that is opened on demand.
import { html, nothing } from "../lit.js";
import { empty } from "../components/empty.js";
import { icon } from "../components/icon.js";
import { isFinal, statusBadge } from "../components/status-badge.js";
import { age } from "../components/time.js";
import { count } from "../format.js";

const PAGE = 50;
const REFRESH_MS = 2_000;
const DEPTH_MAX = 40;

// The children of one execution, as far as they were asked for.
class Family {
  constructor(id) {
    this.id = id;
    this.children = [];
    this.length = 0;
    this.wanted = PAGE;
    this.loaded = false;
    this.problem = null;
    this.asked = 0;
  }

  get settled() {
    return this.loaded && this.children.every((one) => isFinal(one.status));
  }
}

export class ChildrenTab {
  name = "children";
  label = "Children";

  constructor(page) {
    this.page = page;
    this.families = new Map();
    this.open = new Set();
  }

  get count() {
    return this.page.feed.detail?.children || null;
  }

  family(id) {
    if (!this.families.has(id)) this.families.set(id, new Family(id));
    return this.families.get(id);
  }

  // Load what is open, and load it again while something in it still lives.
  async refresh(family, expected = 0) {
    const now = performance.now();
    const known = family.settled && family.length >= expected && family.children.length >= Math.min(family.wanted, family.length);
    if (known || now - family.asked < REFRESH_MS) return;
    family.asked = now;
    try {
      const path = `executions/${encodeURIComponent(family.id)}/children`;
      const found = await this.page.app.api.get(path, { limit: Math.min(500, family.wanted) });
      Object.assign(family, { children: found.children, length: found.length, loaded: true, problem: null });
    } catch (error) {
      family.problem = error;
    }
    this.page.app.update();
  }

  render() {
    const { detail } = this.page.feed;
    if (!detail.children) {
      return empty({
        icon: "branch",
        title: "No children",
        text: "Executions that this one starts, with workflow.start(...), are shown here.",
      });
    }
    return html`<ul class="tree card" role="tree" aria-label="Children" @keydown=${this.onKey}>
      ${this.branch(detail.id, 1, detail.children)}
    </ul>`;
  }

  branch(id, depth, expected = 0) {
    const family = this.family(id);
    this.refresh(family, expected);
    if (family.problem && !family.loaded) return html`<li class="tree-note" role="none">${family.problem.message}</li>`;
    if (!family.loaded) return html`<li class="tree-note muted" role="none">Loading</li>`;
    if (family.length === 0) return html`<li class="tree-note muted" role="none">It has started no others.</li>`;
    const more = family.length - family.children.length;
    return html`${family.children.map((child, n) => this.node(child, depth, n, family.length))}
    ${more > 0
      ? html`<li role="none" class="tree-note">
          <button class="button small" @click=${() => this.showMore(family)}>Show ${count(Math.min(more, PAGE), "more", "more")} of ${more}</button>
        </li>`
      : nothing}`;
  }

  showMore(family) {
    Object.assign(family, { wanted: family.wanted + PAGE, asked: 0 });
    this.refresh(family);
  }

  node(child, depth, n, length) {
    const open = this.open.has(child.id) && depth < DEPTH_MAX;
    const { app } = this.page;
    return html`<li
      role="treeitem"
      aria-level=${depth}
      aria-posinset=${n + 1}
      aria-setsize=${length}
      aria-expanded=${String(open)}
      aria-label=${`${child.id}, ${child.workflow}, ${child.status}`}
      tabindex=${n === 0 && depth === 1 ? 0 : -1}
      data-id=${child.id}
    >
      <div class="tree-line">
        <button
          class="button quiet small icon-only tree-toggle"
          tabindex="-1"
          aria-hidden="true"
          data-open=${String(open)}
          @click=${() => this.toggle(child.id)}
        >
          ${icon("chevron")}
        </button>
        ${statusBadge(child.status)}
        <a class="truncate" tabindex="-1" href=${app.href(["executions", child.id])}><code>${child.id}</code></a>
        <span class="muted truncate">${child.workflow}</span>
        <span class="grow"></span><span class="muted number nowrap">${age(app, child)}</span>
      </div>
      ${open ? html`<ul role="group">${this.branch(child.id, depth + 1)}</ul>` : nothing}
    </li>`;
  }

  toggle(id, open = !this.open.has(id)) {
    if (open) this.open.add(id);
    else this.open.delete(id);
    this.page.app.update();
  }

  // The keys of trees: up and down through what is shown, right opens, left closes, Enter goes there.
  onKey = (event) => {
    const item = event.target.closest("[role=treeitem]");
    if (!item || event.target.closest("button, a")) return;
    const items = [...event.currentTarget.querySelectorAll("[role=treeitem]")];
    const at = items.indexOf(item);
    const { id } = item.dataset;
    const does = {
      ArrowDown: () => items[at + 1]?.focus(),
      ArrowUp: () => items[at - 1]?.focus(),
      Home: () => items[0].focus(),
      End: () => items.at(-1).focus(),
      ArrowRight: () => (this.open.has(id) ? items[at + 1]?.focus() : this.toggle(id, true)),
      ArrowLeft: () =>
        this.open.has(id) ? this.toggle(id, false) : item.parentElement.closest("[role=treeitem]")?.focus(),
      Enter: () => this.page.app.navigate(this.page.app.href(["executions", id])),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    event.stopPropagation();
    does();
  };
}
