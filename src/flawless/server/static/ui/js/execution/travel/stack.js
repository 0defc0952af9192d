// Where the code stands: the frames of its stack, and the tasks of asyncio beside it.
import { html, nothing } from "../../lit.js";
import { count } from "../../format.js";

// `chosen` is `{task, frame}`; `onChoose` is called with another one.
export function stackView(stack, tasks, { chosen, onChoose, failing }) {
  return html`${tasks.length ? taskList(tasks, chosen, stack, onChoose) : nothing}
    <ol class="tt-stack" aria-label="Stack">
      ${stack.map((frame, n) => frameLine(frame, n, chosen, onChoose, failing))}
    </ol>`;
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
