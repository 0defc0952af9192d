// Which workflow to start: a list that is searched as one types.
import { html, live, nothing } from "../lit.js";
import { empty } from "../components/empty.js";
import { icon } from "../components/icon.js";

export function signature(workflow) {
  const parts = workflow.parameters.map(({ name, kind, annotation, required }) => {
    const star = { var_positional: "*", var_keyword: "**" }[kind] ?? "";
    const mark = required || star ? "" : "?";
    return `${star}${name}${mark}${annotation ? `: ${annotation.replace(/^.*\./, "")}` : ""}`;
  });
  return `(${parts.join(", ")})`;
}

function firstLine(doc) {
  return doc.split("\n")[0];
}

export function picker(page) {
  const words = page.search.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (one) => words.every((word) => `${one.name} ${one.doc}`.toLowerCase().includes(word));
  const found = page.workflows.filter(fits);
  return html`<div class="x-search picker-search">
      ${icon("search")}
      <input
        class="input"
        id="search"
        placeholder="Search workflows"
        aria-label="Search workflows"
        autocomplete="off"
        autofocus
        .value=${live(page.search)}
        @input=${(event) => page.find(event.target.value)}
        @keydown=${(event) => event.key === "Enter" && found[0] && page.choose(found[0].name)}
      />
    </div>
    <p class="visually-hidden" role="status">${found.length} workflows</p>
    <ul class="card picker">
      ${found.map(
        (one) => html`<li>
          <a href=${page.app.href(["start"], { workflow: one.name })}>
            <span class="picker-name">${one.name}</span>
            <code class="muted truncate">${signature(one)}</code>
            ${one.doc ? html`<span class="picker-doc muted">${firstLine(one.doc)}</span>` : nothing}
          </a>
        </li>`,
      )}
    </ul>
    ${found.length === 0
      ? empty({
          icon: "search",
          title: page.workflows.length ? "No workflow matches" : "No workflows are deployed",
          text: page.workflows.length
            ? "Search for a part of its name, or of what it says about itself."
            : "flawless up app.py serves the workflows of a module.",
        })
      : nothing}`;
}
