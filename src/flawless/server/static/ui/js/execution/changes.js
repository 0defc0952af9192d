// The places at which two JSON values differ.

const FOUND_MAX = 50;

// Return `{path, before, after}` for each; `undefined` is what is not there.
export function changes(before, after, path = "", found = []) {
  if (found.length >= FOUND_MAX || Object.is(before, after)) return found;
  if (isTree(before) && isTree(after) && Array.isArray(before) === Array.isArray(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    for (const name of names) {
      const place = Array.isArray(after) ? `${path}[${name}]` : path ? `${path}.${name}` : name;
      changes(before[name], after[name], place, found);
    }
    return found;
  }
  found.push({ path, before, after });
  return found;
}

function isTree(value) {
  return typeof value === "object" && value !== null;
}
