// A value that fits a JSON Schema, to begin with when one writes one.

const DEPTH_MAX = 6;
const BY_FORMAT = {
  "date-time": "2030-01-31T12:00:00Z",
  date: "2030-01-31",
  time: "12:00:00",
  duration: "PT1H",
  uuid: "00000000-0000-4000-8000-000000000000",
};
const BY_TYPE = { string: "", integer: 0, number: 0, boolean: false, null: null, array: [], object: {} };

export function sample(schema, root = schema, depth = 0) {
  if (typeof schema !== "object" || schema === null || depth > DEPTH_MAX) return null;
  if (schema.$ref) return sample(resolve(schema.$ref, root), root, depth + 1);
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choice = (schema.anyOf ?? schema.oneOf)?.[0];
  if (choice) return sample(choice, root, depth + 1);
  if (schema.properties) {
    const names = schema.required ?? Object.keys(schema.properties);
    return Object.fromEntries(names.map((name) => [name, sample(schema.properties[name], root, depth + 1)]));
  }
  if (schema.format in BY_FORMAT) return BY_FORMAT[schema.format];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  return BY_TYPE[type] ?? null;
}

function resolve(reference, root) {
  return reference
    .replace(/^#\//, "")
    .split("/")
    .reduce((found, part) => found?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], root);
}
