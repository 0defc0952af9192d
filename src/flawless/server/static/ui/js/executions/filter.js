// Which executions the list shows: as words in the search box, in the address, and for the API.

import { STATUSES } from "../components/status-badge.js";

const UNITS_MS = { s: 1e3, min: 6e4, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };
const AGE = /^(\d+)(s|min|m|h|d|w)$/;

export const AGES = [
  ["15m", "Last 15 minutes"],
  ["1h", "Last hour"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
];

export const EMPTY = {
  status: "",
  workflow: "",
  prefix: "",
  attributes: [], // "name=value", all must hold
  since: "", // an age ("1h") or a moment ("2026-03-01"): started after
  until: "", // the same: started before
};

// The filter in a query of an address; what is not understood counts as not there.
export function fromQuery(query) {
  const text = (name) => query.get(name) ?? "";
  return {
    status: STATUSES.includes(text("status")) ? text("status") : "",
    workflow: text("workflow"),
    prefix: text("prefix"),
    attributes: query.getAll("attribute").filter(isAttribute),
    since: isMoment(text("since")) ? text("since") : "",
    until: isMoment(text("until")) ? text("until") : "",
  };
}

export function toQuery(filter) {
  const { attributes, ...rest } = filter;
  return { ...rest, attribute: attributes };
}

// The parameters of `GET /executions`; without the status they are those of `GET /events`.
export function toParameters(filter, nowMs) {
  const moment = (text) => (text === "" ? "" : new Date(momentMs(text, nowMs)).toISOString());
  return {
    status: filter.status,
    workflow: filter.workflow,
    prefix: filter.prefix,
    attribute: filter.attributes,
    created_after: moment(filter.since),
    created_before: moment(filter.until),
  };
}

// Whether anything but the status is asked for.
export function isNarrow(filter) {
  const { status, ...rest } = filter;
  return Object.values(rest).some((value) => value.length > 0);
}

const WORD = /(?:[^\s"]|"[^"]*"?)+/g;

// Take the words of the search box into a filter. `last` tells that the text is complete: while
// somebody types, its last word may not be. The `rest` is what stays in the box.
export function read(text, filter, last) {
  const words = text.match(WORD) ?? [];
  const isOpen = !last && !/\s$/.test(text);
  let found = { ...filter, prefix: "" };
  for (const [place, word] of words.entries()) {
    if (isOpen && place === words.length - 1 && isKeyed(word)) break;
    const taken = take(found, word);
    if (typeof taken === "string") return { filter, rest: text, error: taken };
    found = taken;
  }
  const open = isOpen ? words.at(-1) : null;
  const rest = text.replace(WORD, (word) => (isKeyed(word) && word !== open ? "" : word));
  return { filter: found, rest: last ? rest.trim() : rest.trimStart(), error: "" };
}

const KEYED = /^(status|workflow|attr|attribute|since|until):(.*)$/s;

function isKeyed(word) {
  return KEYED.test(word);
}

function take(filter, word) {
  const [, key, quoted] = KEYED.exec(word) ?? [];
  if (key === undefined) {
    if (filter.prefix === "") return { ...filter, prefix: word };
    return `An id has no spaces: “${filter.prefix} ${word}”`;
  }
  const value = quoted.replaceAll('"', "");
  if (value === "") return { ...filter };
  switch (key) {
    case "status":
      if (STATUSES.includes(value)) return { ...filter, status: value };
      return `There is no status “${value}”: ${STATUSES.join(", ")}`;
    case "workflow":
      return { ...filter, workflow: value };
    case "since":
    case "until":
      if (isMoment(value)) return { ...filter, [key]: value };
      return `“${value}” is no time: write 15m, 1h, 7d, or a date such as 2026-03-01`;
    default:
      if (!isAttribute(value)) return `An attribute is written attr:name=value`;
      if (filter.attributes.includes(value)) return filter;
      return { ...filter, attributes: [...filter.attributes, value] };
  }
}

function isAttribute(text) {
  return text.indexOf("=") > 0;
}

function isMoment(text) {
  return AGE.test(text) || (/^\d{4}-/.test(text) && !Number.isNaN(Date.parse(text)));
}

// What "since" and "until" say, in words.
export function momentWords(filter) {
  const { since, until } = filter;
  return {
    since: AGE.test(since) ? `Started in the last ${since}` : `Started since ${since}`,
    until: AGE.test(until) ? `Started more than ${until} ago` : `Started before ${until}`,
  };
}

function momentMs(text, nowMs) {
  const [, length, unit] = AGE.exec(text) ?? [];
  return length === undefined ? Date.parse(text) : nowMs - Number(length) * UNITS_MS[unit];
}
