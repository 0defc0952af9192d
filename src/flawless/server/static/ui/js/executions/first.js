// What stands in the list before there is anything: how the first execution is started.
import { html } from "../lit.js";
import { codeBlock } from "../components/copy.js";
import { empty } from "../components/empty.js";
import { example } from "../schema/example.js";
import { commands } from "../start/commands.js";

export function firstExecution(app, workflow) {
  if (workflow === undefined) {
    return empty({
      icon: "list",
      title: "No executions yet",
      text: "And no workflow that could be started: `flawless up app.py` serves those of a module.",
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
      ${codeBlock(cli, { label: "Copy the command" })}
      ${codeBlock(curl, { label: "Copy the request", wrapped: true })}
      ${app.may("operate")
        ? html`<a class="button primary" href=${app.href(["start"], { workflow: workflow.name })}
            >Start it with a form</a
          >`
        : ""}
    </div>`,
  });
}
