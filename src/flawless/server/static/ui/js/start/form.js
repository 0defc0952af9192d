// What is filled in to start an execution: arguments, as fields or as JSON, and the rest.
import { parseJson } from "../components/json-editor.js";
import { Filled } from "../schema/filled.js";
import { collect, same, seeded } from "../schema/values.js";
import { isObject } from "../schema/shape.js";
import { seconds } from "./lengths.js";

export const BEGIN_NOW = "now";
export const BEGIN_AFTER = "after";
export const BEGIN_AT = "at";

export class StartForm extends Filled {
  constructor(workflow, changed) {
    super({}, changed);
    this.workflow = workflow;
    this.mode = "form";
    this.json = "";
    this.id = "";
    this.attributes = []; // [name, value]
    this.begin = BEGIN_NOW;
    this.delay = "";
    this.at = "";
    this.deadline = "";
    for (const { name, schema } of workflow.parameters) this.values[name] = seeded(schema, schema);
  }

  // --- the rest of the form -----------------------------------------------------------------------

  change(field, value) {
    this[field] = value;
    this.errors.delete(`:${field}`);
    this.changed();
  }

  // An error beside a field that is no argument; an argument may have the same name.
  errorOf(field) {
    return this.errors.get(`:${field}`) ?? "";
  }

  setMode(mode) {
    if (mode === this.mode) return;
    if (mode === "json") {
      this.json = JSON.stringify(this.input(), null, 2);
    } else {
      const { value, error } = parseJson(this.json || "{}");
      if (error || !this.fill(value)) return;
    }
    this.mode = mode;
    this.changed();
  }

  // Take over an input; false if its shape is none that fields can show.
  fill(input) {
    const named = Array.isArray(input) ? this.#named(input) : input;
    if (!isObject(named)) return false;
    this.values = { ...named };
    this.unions.clear();
    this.errors.clear();
    this.changed();
    return true;
  }

  // The same arguments as an execution had, as its journal tells them.
  fillCall({ args, kwargs }) {
    const named = this.#named(args);
    if (named !== null) return this.fill({ ...named, ...kwargs });
    this.mode = "json";
    this.json = JSON.stringify(args, null, 2);
    return true;
  }

  // The arguments, without those that are what the defaults are.
  input() {
    this.errors.clear();
    const { parameters } = this.workflow;
    const found = {};
    for (const { name, kind, schema, required } of parameters) {
      const value = this.values[name];
      if (kind === "var_keyword") Object.assign(found, value);
      else if (kind !== "var_positional") {
        const one = collect(schema, schema, value, [name], this.errors);
        if (one !== undefined && (required || !same(one, schema.default))) found[name] = one;
      }
    }
    const many = parameters.find(({ kind }) => kind === "var_positional");
    const more = many && (this.values[many.name] ?? []);
    if (!more || more.length === 0) return found;
    const part = { type: "array", items: many.schema };
    const rest = collect(part, many.schema, more, [many.name], this.errors);
    const first = parameters
      .filter(({ kind }) => kind.startsWith("positional"))
      .map(({ name, schema }) => found[name] ?? schema.default ?? null);
    return [...first, ...rest];
  }

  // The body of the request. What cannot be sent is in `errors`.
  asked() {
    const asked = { workflow: this.workflow.name };
    if (this.mode === "json") {
      this.errors.clear();
      const { value, error } = parseJson(this.json || "{}");
      if (error) this.errors.set(":json", error);
      asked.input = value;
    } else asked.input = this.input();
    if (this.id.trim()) asked.id = this.id.trim();
    const attributes = this.attributes.filter(([name]) => name.trim() !== "");
    if (attributes.length) asked.attributes = Object.fromEntries(attributes);
    if (this.begin === BEGIN_AFTER) asked.delay_s = this.#seconds("delay");
    if (this.begin === BEGIN_AT) {
      const at = new Date(this.at);
      if (Number.isNaN(at.getTime())) this.errors.set(":at", "Choose a day and a time");
      else asked.start_at = at.toISOString();
    }
    if (this.deadline.trim()) asked.deadline_s = this.#seconds("deadline");
    return asked;
  }

  // Put a problem of the server where it belongs; false if that is nowhere.
  refuse(problem) {
    const { path } = problem;
    if (!path) return false;
    const parameter = path.split(/[.[]/)[0];
    const isArgument = this.workflow.parameters.some(({ name }) => name === parameter);
    const own = OWN[parameter];
    if (isArgument && this.mode === "form") this.errors.set(path, withoutPath(problem));
    else if (!isArgument && own) this.errors.set(`:${own}`, withoutPath(problem));
    else return false;
    this.changed();
    return true;
  }

  // --- inside -------------------------------------------------------------------------------------

  #named(args) {
    const positional = this.workflow.parameters.filter(({ kind }) => kind.startsWith("positional"));
    const many = this.workflow.parameters.find(({ kind }) => kind === "var_positional");
    if (args.length > positional.length && !many) return null;
    const named = {};
    for (const [place, { name }] of positional.entries()) {
      if (place < args.length) named[name] = args[place];
    }
    if (many) named[many.name] = args.slice(positional.length);
    return named;
  }

  #seconds(field) {
    const found = seconds(this[field]);
    if (Number.isNaN(found)) this.errors.set(`:${field}`, "Write a length of time: 90s, 1h30m, 30d");
    return found;
  }
}

const OWN = {
  id: "id",
  attributes: "attributes",
  delay_s: "delay",
  start_at: "at",
  deadline_s: "deadline",
};

function withoutPath({ path, detail, message }) {
  const text = detail || message;
  return text.startsWith(`${path}: `) ? text.slice(path.length + 2) : text;
}
