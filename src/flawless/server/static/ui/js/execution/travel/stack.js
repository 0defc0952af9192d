// Where the code stands: the frames of its stack, and the tasks of asyncio beside it.
import { html, nothing } from "../../lit.js";
import { count } from "../../format.js";

// `chosen` is `{task, frame}`; `onChoose` is called with another one.
export function stackView(stack, tasks, { chosen, onChoose, failing }) {
  return html`${tasks.length ? taskList(tasks, chosen, stack, onChoose) : nothing}
    <ol class="tt-stack" aria-label="Stack">
      ${runs(stack).map(({ from, frames }) => {
        const lines = frames.map((frame, n) => frameLine(frame, from + n, chosen, onChoose, failing));
        if (frames[0].user || frames.length === 1) return lines;
        return html`<li>
          <details class="tt-libraries">
            <summary>${frames.length} frames of libraries</summary>
            <ol>${lines}</ol>
          </details>
        </li>`;
      })}
    </ol>`;
}

// Frames of libraries that follow each other, as one; those of the user's each by itself.
function runs(stack) {
  const found = [];
  for (const [from, frame] of stack.entries()) {
    const last = found.at(-1);
    if (last && !frame.user && !last.frames[0].user) last.frames.push(frame);
    else found.push({ from, frames: [frame] });
  }
  return found;
}

function frameLine(frame, n, chosen, onChoose, failing) {
  const isChosen = chosen.frame === n;
  const inside = html`<code class="tt-function">${frame.function}</code
    ><span class="tt-where">${short(frame.file)}:${frame.line}</span>`;
  if (!frame.user) return html`<li class="tt-frame library" title="A library's code">${inside}</li>`;
  return html`<li>
    <button
      class="tt-frame ${failing && n === 0 ? "bad" : ""}"
      aria-current=${isChosen ? "true" : "false"}
      @click=${() => onChoose({ ...chosen, frame: n })}
    >
      ${inside}
    </button>
  </li>`;
}

function taskList(tasks, chosen, stack, onChoose) {
  const one = (task, label, where) => html`<button
    class="tt-task"
    aria-pressed=${String(chosen.task === task)}
    title=${where}
    @click=${() => onChoose({ task, frame: null })}
  >
    <span>${label}</span><code class="truncate">${where}</code>
  </button>`;
  return html`<div class="tt-tasks" role="group" aria-label=${count(tasks.length, "other task")}>
    ${chosen.hasCode ? one(null, "Running", placeOf(stack)) : nothing}
    ${tasks.map((task) => one(task.name, task.name, placeOf(task.stack)))}
  </div>`;
}

function placeOf(stack) {
  const frame = stack.find((one) => one.user) ?? stack[0];
  return frame ? `${frame.function}:${frame.line}` : "";
}

export function short(file) {
  return file.split("/").slice(-2).join("/");
}
