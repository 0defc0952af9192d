// Which rows are chosen.

export class Selection {
  constructor() {
    this.ids = new Set();
    this.anchor = null; // where a range begins
  }

  get size() {
    return this.ids.size;
  }

  has(id) {
    return this.ids.has(id);
  }

  // Choose a row or not; with `range`, all from the last one that was clicked to this one.
  toggle(rows, id, range = false) {
    const chosen = !this.ids.has(id);
    const from = range ? rows.findIndex((row) => row.id === this.anchor) : -1;
    const to = rows.findIndex((row) => row.id === id);
    const [first, last] = from < 0 ? [to, to] : [Math.min(from, to), Math.max(from, to)];
    for (const row of rows.slice(first, last + 1)) {
      if (chosen) this.ids.add(row.id);
      else this.ids.delete(row.id);
    }
    this.anchor = id;
  }

  toggleAll(rows) {
    if (this.ids.size >= rows.length) this.clear();
    else for (const row of rows) this.ids.add(row.id);
  }

  clear() {
    this.ids.clear();
    this.anchor = null;
  }
}
