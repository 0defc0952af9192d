// The same start as a command line, as a request, and in Python.
import { shell } from "../format.js";

const URL_DEFAULT = "http://127.0.0.1:27288"; // where the command line looks unless it is told

function origin() {
  return new URL("..", document.baseURI).href.replace(/\/$/, "");
}

// `asked` is the body of `POST /executions`; `token` says that the server wants one.
export function commands(asked, { token = false } = {}) {
  return { cli: cli(asked), curl: curl(asked, token), python: python(asked) };
}

function cli({ workflow, input, id, attributes = {}, delay_s, start_at, deadline_s }) {
  const words = ["flawless", "start", workflow];
  if (!isEmpty(input)) words.push(JSON.stringify(input));
  if (id) words.push("--id", id);
  for (const [name, value] of Object.entries(attributes)) words.push("--attribute", `${name}=${value}`);
  if (delay_s) words.push("--delay", `${delay_s}s`);
  if (start_at) words.push("--at", start_at);
  if (deadline_s) words.push("--deadline", `${deadline_s}s`);
  const elsewhere = origin() === URL_DEFAULT ? "" : `FLAWLESS_URL=${shell([origin()])} `;
  return elsewhere + shell(words);
}

function curl(asked, token) {
  const url = new URL("../api/v1/executions", document.baseURI).href;
  const lines = [shell(["curl", url]), shell(["-H", "Content-Type: application/json"])];
  // The shell fills in the token: it is in double quotes, and stands nowhere in this page.
  if (token) lines.push('-H "Authorization: Bearer $FLAWLESS_TOKEN"');
  lines.push(shell(["-d", JSON.stringify(asked)]));
  return lines.join(" \\\n  ");
}

function python({ workflow, input, id, attributes = {}, delay_s, start_at, deadline_s }) {
  const given = [JSON.stringify(workflow)];
  if (!isEmpty(input)) given.push(literal(input));
  if (id) given.push(`id=${JSON.stringify(id)}`);
  if (!isEmpty(attributes)) given.push(`attributes=${literal(attributes)}`);
  if (delay_s) given.push(`delay_s=${delay_s}`);
  if (start_at) given.push(`start_at=${JSON.stringify(start_at)}`);
  if (deadline_s) given.push(`deadline_s=${deadline_s}`);
  const lines = given.map((one) => `    ${one},`).join("\n");
  return `from flawless import Client\n\nwith Client(${JSON.stringify(origin())}) as client:\n    execution = client.start(\n${lines.replaceAll(/^/gm, "    ")}\n    )`;
}

// JSON as Python writes it.
function literal(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${literal(one)}`);
  return `{${pairs.join(", ")}}`;
}

function isEmpty(value) {
  return value === undefined || value === null || Object.keys(value).length === 0;
}
