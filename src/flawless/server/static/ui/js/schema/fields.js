// The fields of a form, made from JSON Schema.
//
// `form` holds `get(path)`, `set(path, value)`, `errorAt(path)`, and which option of a union is
// `chosen(path)`, to `choose(path, place)`; paths are lists.
import { html, ifDefined, live, nothing } from "../lit.js";
import { icon } from "../components/icon.js";
import { kindOf, optionOf, options, resolve, typeName } from "./shape.js";
import { Draft, jsonDraft, numberDraft, plain, seeded, textOf, written } from "./values.js";

const INPUT_TYPES = { date: "date", time: "time", "date-time": "datetime-local" };
const TEXT_ROWS = 3;

// A labelled field for `schema` at `path`.
export function field(form, { schema, root, path, label, required }) {
  const kind = kindOf(schema, root);
  const shape = resolve(schema, root);
  const id = idOf(path);
  const error = form.errorAt(path);
  const isGroup = ["object", "array", "tuple", "map", "union"].includes(kind);
  const type = html`<span class="type" id=${`${id}-type`}
    >${typeName(schema, root)}${required ? "" : ", optional"}</span
  >`;
  const help = shape.description
    ? html`<div class="help" id=${`${id}-help`}>${shape.description}</div>`
    : nothing;
  const wrong = error
    ? html`<div class="error" id=${`${id}-error`} role="alert">${error}</div>`
    : nothing;
  const control = widget(form, { schema, root, path, required });
  if (kind === "boolean") {
    return html`<div class="field">
      <div class="row">
        <label class="check">${control}<span class="field-label">${label}</span></label>${type}
      </div>
      ${help}${wrong}
    </div>`;
  }
  if (isGroup) {
    return html`<fieldset class="field group">
      <legend class="field-label">${label} ${type}</legend>
      ${help}${control}${wrong}
    </fieldset>`;
  }
  return html`<div class="field">
    <div><label class="field-label" for=${id}>${label}</label> ${type}</div>
    ${control}${help}${wrong}
  </div>`;
}

function idOf(path) {
  return `field-${written(path)}`;
}

function described(form, path) {
  const id = idOf(path);
  return `${id}-type ${form.errorAt(path) ? `${id}-error` : `${id}-help`}`;
}

function widget(form, about) {
  switch (kindOf(about.schema, about.root)) {
    case "choice":
      return choice(form, about);
    case "union":
      return union(form, about);
    case "string":
      return text(form, about);
    case "integer":
    case "number":
      return numeric(form, about);
    case "boolean":
      return checkbox(form, about);
    case "null":
      return html`<span class="muted">Always null</span>`;
    case "object":
      return object(form, about);
    case "array":
      return list(form, about);
    case "tuple":
      return tuple(form, about);
    case "map":
      return map(form, about);
    default:
      return anything(form, about);
  }
}

// The value that is shown: what was given, else the default.
function shown(form, { schema, root, path }) {
  const value = form.get(path);
  return value === undefined ? resolve(schema, root).default : value;
}

function choice(form, about) {
  const { schema, root, path } = about;
  const shape = resolve(schema, root);
  const value = shown(form, about);
  const known = shape.enum ?? [shape.const];
  const all = value === undefined || known.includes(value) ? known : [value, ...known];
  return html`<select
    class="select"
    id=${idOf(path)}
    aria-describedby=${described(form, path)}
    aria-invalid=${String(Boolean(form.errorAt(path)))}
    @change=${(event) => form.set(path, all[event.target.selectedIndex - (value === undefined ? 1 : 0)])}
  >
    ${value === undefined ? html`<option selected>Choose …</option>` : nothing}
    ${all.map((one) => html`<option ?selected=${one === value}>${String(one)}</option>`)}
  </select>`;
}

function text(form, about) {
  const { schema, root, path } = about;
  const shape = resolve(schema, root);
  const value = textOf(shown(form, about));
  const type = INPUT_TYPES[shape.format];
  const invalid = String(Boolean(form.errorAt(path)));
  if (type === undefined && value.includes("\n")) {
    return html`<textarea
      class="textarea"
      id=${idOf(path)}
      rows=${TEXT_ROWS}
      aria-describedby=${described(form, path)}
      aria-invalid=${invalid}
      .value=${live(value)}
      @input=${(event) => form.set(path, event.target.value)}
    ></textarea>`;
  }
  const [read, write] = type === "datetime-local" ? [toLocal, fromLocal] : [same, same];
  return html`<input
    class="input"
    id=${idOf(path)}
    type=${type ?? "text"}
    step=${ifDefined(type === "time" || type === "datetime-local" ? "1" : undefined)}
    autocomplete="off"
    placeholder=${shape.contentEncoding ? "base64" : ""}
    aria-describedby=${described(form, path)}
    aria-invalid=${invalid}
    .value=${live(read(value))}
    @input=${(event) => form.set(path, type && event.target.value === "" ? undefined : write(event.target.value))}
  />`;
}

const same = (value) => value;

// A moment in the words of the field, in the reader's time zone.
function toLocal(moment) {
  const at = new Date(moment);
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function fromLocal(value) {
  return new Date(value).toISOString();
}

function numeric(form, about) {
  const { schema, root, path } = about;
  const isInteger = resolve(schema, root).type === "integer";
  return html`<input
    class="input number"
    id=${idOf(path)}
    type="text"
    inputmode=${isInteger ? "numeric" : "decimal"}
    autocomplete="off"
    aria-describedby=${described(form, path)}
    aria-invalid=${String(Boolean(form.errorAt(path)))}
    .value=${live(textOf(shown(form, about)))}
    @input=${(event) => form.set(path, numberDraft(event.target.value, isInteger))}
  />`;
}

function checkbox(form, about) {
  const { path } = about;
  return html`<input
    type="checkbox"
    id=${idOf(path)}
    aria-describedby=${described(form, path)}
    .checked=${live(Boolean(shown(form, about)))}
    @change=${(event) => form.set(path, event.target.checked)}
  />`;
}

function union(form, about) {
  const { schema, root, path } = about;
  const { some, nullable } = options(schema, root);
  const value = shown(form, about);
  const chosen = form.chosen(path);
  const take = (place) => {
    form.choose(path, place);
    form.set(path, place === null ? null : blank(some[place], root));
  };
  if (nullable && chosen === null && (value === null || value === undefined)) {
    return html`<div class="row">
      <span class="muted">None</span>
      <button type="button" class="button small" @click=${() => take(0)}>
        Give a value<span class="visually-hidden"> for ${written(path)}</span>
      </button>
    </div>`;
  }
  const place = chosen ?? optionOf(plain(value), some, root);
  const inner = { schema: some[place], root, path, required: true };
  const isBare = !["object", "array", "tuple", "map"].includes(kindOf(some[place], root));
  return html`${some.length > 1
      ? html`<select
          class="select"
          aria-label=${`Type of ${written(path)}`}
          @change=${(event) => take(event.target.selectedIndex)}
        >
          ${some.map((one, n) => html`<option ?selected=${n === place}>${typeName(one, root)}</option>`)}
        </select>`
      : nothing}
    <div class="row top">
      <div class="grow" role="group" aria-label=${written(path)}>
        ${isBare ? labelled(form, inner) : widget(form, inner)}
      </div>
      ${nullable
        ? html`<button type="button" class="button quiet small" @click=${() => take(null)}>
            None<span class="visually-hidden"> for ${written(path)}</span>
          </button>`
        : nothing}
    </div>`;
}

// A widget whose name is its path: what stands around it has the visible label.
function labelled(form, about) {
  return html`<label class="visually-hidden" for=${idOf(about.path)}>${written(about.path)}</label
    >${widget(form, about)}`;
}

function object(form, { schema, root, path }) {
  const shape = resolve(schema, root);
  const required = new Set(shape.required);
  return html`<div class="nested">
    ${Object.entries(shape.properties).map(([name, part]) =>
      field(form, {
        schema: part,
        root,
        path: [...path, name],
        label: name,
        required: required.has(name),
      }),
    )}
  </div>`;
}

function list(form, about) {
  const { schema, root, path } = about;
  const { items } = resolve(schema, root);
  // What is changed is what the form holds by then: two changes may come between two drawings.
  const held = () => shown(form, about) ?? [];
  const value = held();
  const remove = (place) => form.set(path, held().toSpliced(place, 1));
  return html`<div class="nested list">
    ${value.map(
      (_, place) => html`<div class="row top">
        <div class="grow">
          ${field(form, { schema: items, root, path: [...path, place], label: String(place + 1), required: true })}
        </div>
        <button
          type="button"
          class="button quiet small icon-only"
          aria-label=${`Remove ${written([...path, place])}`}
          @click=${() => remove(place)}
        >
          ${icon("trash")}
        </button>
      </div>`,
    )}
    <div>
      <button
        type="button"
        class="button small"
        @click=${() => form.set(path, [...held(), blank(items, root)])}
      >
        ${icon("plus")}Add<span class="visually-hidden"> to ${written(path)}</span>
      </button>
    </div>
  </div>`;
}

function tuple(form, { schema, root, path }) {
  const { prefixItems } = resolve(schema, root);
  return html`<div class="nested">
    ${prefixItems.map((part, place) =>
      field(form, { schema: part, root, path: [...path, place], label: String(place + 1), required: true }),
    )}
  </div>`;
}

function map(form, about) {
  const { schema, root, path } = about;
  const part = resolve(schema, root).additionalProperties;
  const held = () => shown(form, about) ?? {};
  const value = held();
  const without = (name) => {
    const { [name]: _, ...rest } = held();
    form.set(path, rest);
  };
  const add = (event) => {
    const input = event.currentTarget.closest(".map-add").querySelector("input");
    const name = input.value.trim();
    if (name === "" || name in held()) return;
    form.set(path, { ...held(), [name]: blank(part, root) });
    input.value = "";
  };
  return html`<div class="nested list">
    ${Object.keys(value).map(
      (name) => html`<div class="row top">
        <div class="grow">
          ${field(form, { schema: part, root, path: [...path, name], label: name, required: true })}
        </div>
        <button
          type="button"
          class="button quiet small icon-only"
          aria-label=${`Remove ${written([...path, name])}`}
          @click=${() => without(name)}
        >
          ${icon("trash")}
        </button>
      </div>`,
    )}
    <div class="row map-add">
      <input class="input" placeholder="Name" aria-label=${`New name in ${written(path)}`} />
      <button type="button" class="button small" @click=${add}>
        ${icon("plus")}Add<span class="visually-hidden"> to ${written(path)}</span>
      </button>
    </div>
  </div>`;
}

function anything(form, about) {
  const { path } = about;
  const value = form.get(path);
  const byDefault = shown(form, about);
  const given = value === undefined && byDefault !== undefined ? JSON.stringify(byDefault) : null;
  const text = given ?? (value instanceof Draft ? value.text : value === undefined ? "" : JSON.stringify(value, null, 2));
  return html`<textarea
    class="textarea"
    id=${idOf(path)}
    rows=${TEXT_ROWS}
    spellcheck="false"
    placeholder="JSON"
    aria-describedby=${described(form, path)}
    aria-invalid=${String(Boolean(form.errorAt(path)))}
    .value=${live(text)}
    @input=${(event) => form.set(path, jsonDraft(event.target.value))}
  ></textarea>`;
}

// What a value begins as when one asks for it.
function blank(schema, root) {
  const shape = resolve(schema, root);
  if (shape.default !== undefined && shape.default !== null) return shape.default;
  switch (kindOf(schema, root)) {
    case "string":
      return INPUT_TYPES[shape.format] ? undefined : "";
    case "choice":
      return (shape.enum ?? [shape.const])[0];
    case "boolean":
      return false;
    case "object":
      return seeded(schema, root) ?? {};
    case "map":
      return {};
    case "array":
    case "tuple":
      return [];
    default:
      return undefined;
  }
}
