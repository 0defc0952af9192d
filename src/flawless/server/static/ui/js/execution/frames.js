// An error with the places in the user's code that it came through, and the lines around them.
import { html, nothing } from "../lit.js";
import { codeBlock } from "../components/copy.js";
import { sourceView } from "../components/source-view.js";

const AROUND = 4; // lines shown before and behind the one that failed
const FRAMES_MAX = 20;
const STEP_MARK = "in the step\n\"\"\"\n";
const FRAME = /^ {2}File "(.+)", line (\d+), in (.+)$/gm;

// `sources` and `deployment` say where the code is, `open` whether one shows it at first.
export function errorView(error, { sources, deployment, open = true }) {
  const frames = framesOf(error).slice(0, FRAMES_MAX);
  // Libraries are not part of a deployment: what is open is the innermost place in the user's code.
  const own = frames.findIndex((frame) => !sources.file(deployment, frame.file).problem);
  return html`<div class="error-view">
    <div class="error-text"><strong>${error.type ?? "Error"}</strong>${
      error.message ? html`: <span>${error.message}</span>` : nothing
    }</div>
    ${frames.length
      ? html`<ol class="frames" aria-label="Where it happened">
          ${frames.map((frame, n) => frameView(frame, open && n === own, sources, deployment))}
        </ol>`
      : nothing}
    ${error.traceback
      ? html`<details class="plain" ?open=${open && !frames.length}>
          <summary>Whole traceback</summary>
          ${codeBlock(error.traceback.trimEnd(), { label: "Copy the traceback" })}
        </details>`
      : nothing}
  </div>`;
}

// The frames of an error, the innermost first: those of the step, then those of the workflow.
function framesOf(error) {
  const inWorkflow = (error.frames ?? []).map((frame) => ({ ...frame, where: "workflow" })).reverse();
  return [...stepFrames(error.traceback ?? "", inWorkflow.length === 0), ...inWorkflow];
}

// A step's traceback is a text, for it comes from outside the guest: it is the whole one (`alone`),
// or stands before that of the workflow.
function stepFrames(traceback, alone) {
  const mark = traceback.indexOf(STEP_MARK);
  if (mark < 0 && !alone) return [];
  const from = mark < 0 ? 0 : mark + STEP_MARK.length;
  const to = mark < 0 ? traceback.length : traceback.indexOf('\n"""', from);
  const text = traceback.slice(from, to < 0 ? undefined : to);
  return [...text.matchAll(FRAME)]
    .map(([, file, line, name]) => ({ file, line: Number(line), function: name, text: "", where: "step" }))
    .reverse();
}

function frameView(frame, open, sources, deployment) {
  return html`<li>
    <details ?open=${open} class="frame">
      <summary>
        <code class="frame-name">${frame.function}</code>
        <span class="muted">${short(frame.file)}:${frame.line}</span>
        ${frame.where === "step" ? html`<span class="chip">in the step</span>` : nothing}
        <code class="frame-line truncate">${frame.text}</code>
      </summary>
      ${excerpt(frame, sources, deployment)}
    </details>
  </li>`;
}

function excerpt(frame, sources, deployment) {
  const { value, problem } = sources.file(deployment, frame.file);
  const lines = value?.source.split("\n");
  if (!lines || lines.length < frame.line) {
    if (!value && !problem) return html`<p class="muted small frame-note">Loading the source</p>`;
    if (frame.text) {
      const marked = new Set([frame.line]);
      return sourceView(frame.text, { first: frame.line, marked, file: frame.file });
    }
    return html`<p class="muted small frame-note">The source of this place is not part of the deployment.</p>`;
  }
  const first = Math.max(1, frame.line - AROUND);
  return sourceView(lines.slice(first - 1, frame.line + AROUND).join("\n"), {
    first,
    marked: new Set([frame.line]),
    label: `Source around line ${frame.line} of ${frame.file}`,
    file: frame.file,
  });
}

function short(file) {
  return file.split("/").slice(-2).join("/");
}
