// What the page does, as commands to copy: for the command line, and for curl.
import { html } from "../lit.js";
import { codeBlock } from "../components/copy.js";
import { shell } from "../format.js";

export function showCommands(app, detail, input) {
  let way = "cli";
  const body = (close, redraw) => html`<div class="dialog-head">
      <h2>Commands</h2>
      <div class="tabs" role="group" aria-label="For">
        ${[["cli", "Command line"], ["curl", "curl"]].map(
          ([value, label]) => html`<button
            class="tab"
            aria-pressed=${String(way === value)}
            @click=${() => {
              way = value;
              redraw();
            }}
          >
            ${label}
          </button>`,
        )}
      </div>
    </div>
    <div class="dialog-body">
      ${commandsOf(app, detail, input).map(
        (one) => html`<div class="field">
          <span class="field-label">${one.label}</span>${codeBlock(way === "cli" ? one.cli : one.curl, {
            label: `Copy: ${one.label}`,
            wrapped: true,
          })}
        </div>`,
      )}
    </div>
    <div class="dialog-foot"><button class="button" autofocus @click=${() => close()}>Close</button></div>`;
  return app.dialog(body, { label: "Commands", wide: true });
}

// `{label, cli, curl}` for what makes sense with an execution of this status.
function commandsOf(app, detail, input) {
  const { id, status } = detail;
  const one = `executions/${encodeURIComponent(id)}`;
  const cli = (...words) => shell(["flawless", ...words]);
  const made = [
    { label: "Show", cli: cli("show", id), curl: curl(app, one) },
    { label: "Follow its logs", cli: cli("logs", id, "--follow"), curl: curl(app, `${one}/logs`) },
    {
      label: "Replay it, line by line",
      cli: cli("replay", id, "--trace", "lines"),
      curl: curl(app, `${one}/path?lines=true`),
    },
    { label: "Wait for the result", cli: cli("result", id), curl: curl(app, `${one}/result?wait=30`) },
  ];
  if (["running", "waiting", "parked"].includes(status)) {
    made.push({
      label: "Send a message",
      cli: cli("send", id, "NAME", "{}"),
      curl: curl(app, `${one}/messages`, { name: "NAME", payload: {} }),
    });
    made.push({ label: "Cancel", cli: cli("cancel", id), curl: curl(app, `${one}/cancel`, {}) });
  }
  if (status === "parked") {
    made.push({
      label: "Decide",
      cli: cli("resolve", id, "--ok", "VALUE"),
      curl: curl(app, `${one}/resolve`, { ok: "VALUE" }),
    });
  }
  if (status === "failed") {
    made.push({ label: "Retry", cli: cli("retry", id), curl: curl(app, `${one}/retry`, {}) });
  }
  if (input) {
    const plain = input.args.length === 0 ? input.kwargs : input.args;
    made.push({
      label: "Start another one with this input",
      cli: cli("start", detail.workflow, JSON.stringify(plain)),
      curl: curl(app, "executions", { workflow: detail.workflow, input: plain }),
    });
  }
  return made;
}

function curl(app, path, body = null) {
  const url = app.api.url(path).href;
  const token = app.session.via === "local" ? [] : ["-H", "Authorization: Bearer TOKEN"];
  if (body === null) return shell(["curl", ...token, url]);
  return shell(["curl", ...token, "-H", "Content-Type: application/json", "-d", JSON.stringify(body), url]);
}
