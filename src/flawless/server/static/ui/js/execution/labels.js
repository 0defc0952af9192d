// What an effect is, read from its label: `step shop.charge`, `GET http://host/path`, `sleep`.
//
// The engine gives labels (`flawless.core.protocol.label`); here they become a kind, a title that
// tells most, and what stands before it in a quieter voice.

// The kinds of rows, in the order in which filters show them.
export const KINDS = {
  step: "Steps",
  http: "Requests",
  child: "Children",
  receive: "Receives",
  sleep: "Sleeps",
  decision: "Decisions",
  send: "Sends",
  publish: "Published",
  log: "Logs",
  clock: "Clock",
  other: "Other",
};

// Kinds of which there may be many, and which tell little: out of sight until asked for.
export const QUIET_KINDS = new Set(["clock"]);

const METHOD = /^([A-Z]{3,10}) (?:https?:\/\/)?(.*)$/s;
const CHILD = /^start (\S+) as (\S+)$/;
const SEND = /^send (.*) to (\S+)$/s;

// Return `{kind, before, title, link}` for the label of an effect; `link` is an execution's id.
export function readLabel(label) {
  if (label === "sleep") return told("sleep", "", "sleep");
  if (label.startsWith("step ")) {
    const name = label.slice(5);
    const dot = name.lastIndexOf(".") + 1;
    return told("step", name.slice(0, dot), name.slice(dot));
  }
  if (label.startsWith("receive ")) return told("receive", "receive ", label.slice(8));
  const child = CHILD.exec(label);
  if (child) return told("child", "start ", child[1], child[2]);
  const send = SEND.exec(label);
  if (send) return told("send", "send ", `${send[1]} to ${send[2]}`, send[2]);
  if (label.startsWith("cancel ")) return told("send", "cancel ", label.slice(7), label.slice(7));
  const request = METHOD.exec(label);
  if (request) return told("http", `${request[1]} `, request[2]);
  return told("other", "", label || "effect");
}

function told(kind, before, title, link = null) {
  return { kind, before, title, link };
}
