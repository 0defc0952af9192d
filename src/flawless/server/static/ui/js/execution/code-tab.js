// The source of the workflow, as the execution's own deployment holds it.
import { html } from "../lit.js";
import { copyButton } from "../components/copy.js";
import { empty } from "../components/empty.js";
import { problemNotice } from "../components/notice.js";
import { sourceView } from "../components/source-view.js";

const INDENTED = /^(\s|$|#|\)|\]|\})/; // what a function's body consists of, seen from its def

export class CodeTab {
  name = "code";
  label = "Code";

  constructor(page) {
    this.page = page;
    this.whole = false;
  }

  get count() {
    return null;
  }

  render() {
    const { sources, feed, app } = this.page;
    const { detail } = feed;
    const { value: workflow, problem } = sources.workflow(detail);
    if (problem) return problemNotice(problem);
    if (workflow === undefined && problem === undefined && !sources.deployment(detail.deployment).value) {
      return html`<p class="muted">Loading the source</p>`;
    }
    if (!workflow) {
      return empty({ icon: "file", title: "No source", text: "The deployment does not tell where this workflow is." });
    }
    const module = sources.definition(detail.deployment, workflow);
    if (!module.value) {
      return module.problem
        ? empty({ icon: "file", title: "No source", text: module.problem.message })
        : html`<p class="muted">Loading the source</p>`;
    }
    const lines = module.value.source.split("\n");
    const [first, last] = this.whole ? [1, lines.length] : extent(lines, workflow);
    return html`<section class="card" aria-label="Source">
      <div class="card-head">
        <h3><code>${module.value.file}</code></h3>
        <span class="muted small">line ${workflow.line}</span><span class="grow"></span>
        <div class="tabs" role="group" aria-label="How much">
          ${this.way("The workflow", false)}${this.way("The whole module", true)}
        </div>
        <a class="button small" href=${app.href(["deployments", detail.deployment])}>Deployment</a>
        ${copyButton(() => lines.slice(first - 1, last).join("\n"), "Copy the source")}
      </div>
      <div class="code-source">
        ${sourceView(lines.slice(first - 1, last).join("\n"), {
          first,
          marked: this.failing(),
          label: "Source of the workflow",
          file: module.value.file,
        })}
      </div>
    </section>`;
  }

  way(label, whole) {
    return html`<button
      class="tab small"
      aria-pressed=${String(this.whole === whole)}
      @click=${() => {
        this.whole = whole;
        this.page.app.update();
      }}
    >
      ${label}
    </button>`;
  }

  // The lines that an error came through, in this very file.
  failing() {
    const frames = this.page.feed.timeline.end?.entry.error?.frames ?? [];
    const { value } = this.page.sources.workflow(this.page.feed.detail);
    return new Set(frames.filter((frame) => frame.file === value?.file).map((frame) => frame.line));
  }
}

// The lines of a function, from its decorators to its end, for the line of its head or decorator.
function extent(lines, { file, line }) {
  return file.endsWith(".rs") ? extentInRust(lines, line) : extentInPython(lines, line);
}

// A function ends with the brace that stands as far to the left as it does.
function extentInRust(lines, line) {
  let first = line;
  while (first > 1 && /^\s*(#\[|\/\/\/)/.test(lines[first - 2])) first -= 1;
  let head = line;
  while (head < lines.length && !/\bfn\b/.test(lines[head - 1])) head += 1;
  const indent = /^\s*/.exec(lines[head - 1])[0];
  let last = head;
  const whole = /\}\s*$/.test(lines[head - 1]);
  while (!whole && last < lines.length && !lines[last - 1].startsWith(`${indent}}`)) last += 1;
  return [first, last];
}

function extentInPython(lines, line) {
  let first = line;
  while (first > 1 && /^\s*(@|#)/.test(lines[first - 2])) first -= 1;
  let last = line;
  while (last <= lines.length && !/^\s*(async\s+)?def\b/.test(lines[last - 1])) last += 1;
  last += 1;
  while (last <= lines.length && INDENTED.test(lines[last - 1])) last += 1;
  last -= 1;
  while (last > line && lines[last - 1].trim() === "") last -= 1;
  return [first, Math.min(last, lines.length)];
}
