// What a form holds: plain JSON, with undefined for what was not given and drafts for texts.
import { isObject, kindOf, optionOf, options, resolve } from "./shape.js";

// Text as it was typed: "1." is not a number yet, and "1.0" shall not become "1" under the cursor.
export class Draft {
  constructor(text, value, error = "") {
    this.text = text;
    this.value = value;
    this.error = error;
  }
}

export function numberDraft(text, isInteger) {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const value = Number(trimmed);
  if (Number.isNaN(value) || !Number.isFinite(value)) {
    return new Draft(text, undefined, "This is no number");
  }
  if (isInteger && !Number.isInteger(value)) {
    return new Draft(text, undefined, "This is no whole number");
  }
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return new Draft(text, undefined, "Too large for a form in a browser; use the command line");
  }
  return new Draft(text, value);
}

export function jsonDraft(text) {
  if (text.trim() === "") return undefined;
  try {
    return new Draft(text, JSON.parse(text));
  } catch (error) {
    return new Draft(text, undefined, `This is no JSON: ${error.message}`);
  }
}

export function textOf(value) {
  if (value instanceof Draft) return value.text;
  return value === undefined || value === null ? "" : String(value);
}

// The same value with another one at `path`, a list of names and places.
export function withValue(value, path, changed) {
  if (path.length === 0) return changed;
  const [key, ...rest] = path;
  if (typeof key === "number") {
    const list = Array.isArray(value) ? [...value] : [];
    list[key] = withValue(list[key], rest, changed);
    return list;
  }
  return { ...(isObject(value) ? value : {}), [key]: withValue(value?.[key], rest, changed) };
}

// A path as the server writes it: `order.lines[0].article`.
export function written(path) {
  return path.map((key, n) => (typeof key === "number" ? `[${key}]` : n ? `.${key}` : key)).join("");
}

// What is to be sent for a value: undefined where nothing was given and nothing has to be.
// Errors of drafts are put into `errors`, by their written paths.
export function collect(schema, root, value, path, errors) {
  const shape = resolve(schema, root);
  if (value instanceof Draft) {
    if (value.error) errors.set(written(path), value.error);
    return value.value;
  }
  const inner = (part, one, key) => collect(part, root, one, [...path, key], errors);
  switch (kindOf(schema, root)) {
    case "boolean":
      return value ?? (shape.default === undefined ? false : undefined);
    case "union": {
      const { some, nullable } = options(schema, root);
      if (value === undefined || value === null) return nullable ? value : undefined;
      return collect(some[optionOf(plain(value), some, root)], root, value, path, errors);
    }
    case "object": {
      if (value === null) return null;
      const found = {};
      const required = new Set(shape.required);
      for (const [name, part] of Object.entries(shape.properties)) {
        const one = inner(part, value?.[name], name);
        const byDefault = resolve(part, root).default;
        if (one !== undefined && (required.has(name) || !same(one, byDefault))) found[name] = one;
      }
      for (const [name, one] of Object.entries(value ?? {})) {
        if (!(name in shape.properties)) found[name] = one; // the server says what it thinks of it
      }
      const isEmpty = Object.keys(found).length === 0;
      return isEmpty && value === undefined && shape.default !== undefined ? undefined : found;
    }
    case "map": {
      if (!isObject(value)) return shape.default === undefined ? {} : value;
      return Object.fromEntries(
        Object.entries(value).map(([name, one]) => [name, inner(shape.additionalProperties, one, name)]),
      );
    }
    case "array":
      if (!Array.isArray(value)) return shape.default === undefined ? [] : value;
      return value.map((one, place) => inner(shape.items, one, place) ?? null);
    case "tuple":
      if (!Array.isArray(value) && shape.default !== undefined) return value;
      return shape.prefixItems.map((part, place) => inner(part, value?.[place], place) ?? null);
    default:
      return value;
  }
}

const SEED_DEPTH_MAX = 8;

// Defaults that are lists or objects, so that what is in them can be changed; undefined for none.
export function seeded(schema, root, depth = 0) {
  const shape = resolve(schema, root);
  if (shape.default !== undefined) {
    return typeof shape.default === "object" && shape.default !== null ? shape.default : undefined;
  }
  if (depth > SEED_DEPTH_MAX || kindOf(schema, root) !== "object") return undefined;
  const found = Object.entries(shape.properties)
    .map(([name, part]) => [name, seeded(part, root, depth + 1)])
    .filter(([, value]) => value !== undefined);
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}

// A value with its drafts as what they mean.
export function plain(value) {
  if (value instanceof Draft) return value.value;
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}

export function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
