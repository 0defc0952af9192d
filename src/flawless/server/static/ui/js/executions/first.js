// What stands in the list before there is anything: how the first execution is started.
import { html, nothing } from "../lit.js";
import { codeBlock } from "../components/copy.js";
import { empty } from "../components/empty.js";
import { example } from "../schema/example.js";
import { commands } from "../start/commands.js";

// How much has to be said to start one: the simplest is the best example.
function asks({ parameters }) {
  return parameters.filter(({ required }) => required).length;
}

export function firstExecution(app, workflows) {
  const [workflow] = workflows.toSorted((one, other) => asks(one) - asks(other));
  if (workflow === undefined) {
    return empty({
      icon: "list",
      title: "No executions yet",
      text: "And no workflow that could be started: flawless up app.py serves those of a module.",
    });
  }
  const asked = { workflow: workflow.name, input: example(workflow), id: "first" };
  const { cli, curl } = commands(asked);
  return empty({
    icon: "list",
    title: "Start the first execution",
    text: html`An execution is one run of a workflow. It goes on after every crash, and everything
    it does can be seen here.`,
    action: html`<div class="commands stack">
        ${codeBlock(cli, { label: "Copy the command", wrapped: true })}
        ${codeBlock(curl, { label: "Copy the request", wrapped: true })}
      </div>
      ${app.may("operate")
        ? html`<a class="button" href=${app.href(["start"], { workflow: workflow.name })}
            >Start it with a form</a
          >`
        : nothing}`,
  });
}
