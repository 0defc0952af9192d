// What a JSON Schema asks for, in the shapes that Flawless writes: see `flawless.codec.schema`.

// The schema itself, behind references; `root` has the `$defs`.
export function resolve(schema, root) {
  let found = schema ?? {};
  for (let steps = 0; found.$ref !== undefined && steps < 20; steps += 1) {
    const { $ref, ...beside } = found;
    const name = decodeURIComponent($ref.replace("#/$defs/", ""));
    found = { ...(root.$defs?.[name] ?? {}), ...beside };
  }
  return found;
}

// Which widget a schema wants.
export function kindOf(schema, root) {
  const shape = resolve(schema, root);
  if (shape.enum !== undefined || shape.const !== undefined) return "choice";
  if (shape.anyOf || shape.oneOf) return "union";
  switch (shape.type) {
    case "string":
    case "integer":
    case "number":
    case "boolean":
    case "null":
      return shape.type;
    case "array":
      if (shape.prefixItems) return "tuple";
      return shape.items ? "array" : "any";
    case "object":
      if (shape.properties) return "object";
      return shape.additionalProperties ? "map" : "any";
    default:
      if (Array.isArray(shape.type) && shape.type.includes("string")) return "string";
      return "any";
  }
}

// The options of a union without null, and whether null is one.
export function options(schema, root) {
  const shape = resolve(schema, root);
  const all = shape.anyOf ?? shape.oneOf ?? [shape];
  const some = all.filter((one) => resolve(one, root).type !== "null");
  return { some, nullable: some.length < all.length };
}

// A type as a short text: "Order", "list of string", "integer or string".
export function typeName(schema, root, depth = 0) {
  const shape = resolve(schema, root);
  if (depth > 4) return "…";
  const of = (inner) => typeName(inner, root, depth + 1);
  if (shape.enum) return shape.title ?? "choice";
  switch (kindOf(schema, root)) {
    case "union": {
      const { some, nullable } = options(schema, root);
      return [...some.map(of), ...(nullable ? ["none"] : [])].join(" or ");
    }
    case "array":
      return `list of ${of(shape.items)}`;
    case "tuple":
      return `(${shape.prefixItems.map(of).join(", ")})`;
    case "map":
      return `name → ${of(shape.additionalProperties)}`;
    case "object":
      return shape.title ?? "object";
    case "string":
      return shape.format ?? (shape.contentEncoding ? "bytes" : "string");
    case "any":
      return shape.type === "array" ? "list" : shape.type === "object" ? "object" : "any";
    default:
      return shape.type;
  }
}

// Which option of a union a value is of; the first where it fits none.
export function optionOf(value, some, root) {
  const place = some.findIndex((one) => fits(value, one, root));
  return place < 0 ? 0 : place;
}

function fits(value, schema, root) {
  const shape = resolve(schema, root);
  switch (kindOf(schema, root)) {
    case "choice":
      return (shape.enum ?? [shape.const]).includes(value);
    case "string":
      return typeof value === "string";
    case "integer":
      return Number.isInteger(value);
    case "number":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
    case "null":
      return value === null;
    case "array":
    case "tuple":
      return Array.isArray(value);
    case "map":
      return isObject(value);
    case "object":
      return (
        isObject(value) &&
        Object.keys(value).every((name) => name in shape.properties) &&
        (shape.required ?? []).every((name) => name in value)
      );
    default:
      return true;
  }
}

export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
