// An example of an input: the required parameters only, with values that say what they are.
import { kindOf, options, resolve } from "./shape.js";

const DEPTH_MAX = 6;
const FORMATS = {
  date: "2026-03-01",
  "date-time": "2026-03-01T12:00:00Z",
  time: "12:00:00",
  uuid: "123e4567-e89b-12d3-a456-426614174000",
  decimal: "9.90",
};

export function example(workflow) {
  const input = {};
  for (const { name, required, schema } of workflow.parameters) {
    if (required) input[name] = sample(schema, schema, name, 0);
  }
  return input;
}

function sample(schema, root, name, depth) {
  const shape = resolve(schema, root);
  if (shape.default !== undefined) return shape.default;
  if (depth > DEPTH_MAX) return null;
  const of = (inner) => sample(inner, root, name, depth + 1);
  switch (kindOf(schema, root)) {
    case "choice":
      return shape.const ?? shape.enum[0] ?? null;
    case "union":
      return options(schema, root).nullable ? null : of(options(schema, root).some[0]);
    case "string":
      return FORMATS[shape.format] ?? (shape.contentEncoding ? "" : name);
    case "integer":
    case "number":
      return 1;
    case "boolean":
      return false;
    case "array":
      return [of(shape.items)];
    case "tuple":
      return shape.prefixItems.map(of);
    case "object":
      return Object.fromEntries(
        (shape.required ?? []).map((key) => [
          key,
          sample(shape.properties[key], root, key, depth + 1),
        ]),
      );
    case "map":
      return {};
    default:
      return shape.type === "array" ? [] : shape.type === "object" ? {} : null;
  }
}
