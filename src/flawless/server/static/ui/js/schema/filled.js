// What fields are filled into: the values, which option of a union each has, and what is wrong.
import { withValue, written } from "./values.js";

export class Filled {
  constructor(values, changed) {
    this.values = values;
    this.changed = changed;
    this.unions = new Map(); // written path -> which option
    this.errors = new Map(); // written path -> what is wrong
  }

  get(path) {
    return path.reduce((value, key) => value?.[key], this.values);
  }

  set(path, value) {
    this.values = withValue(this.values, path, value);
    this.errors.delete(written(path));
    this.changed();
  }

  errorAt(path) {
    return this.errors.get(written(path)) ?? "";
  }

  chosen(path) {
    return this.unions.get(written(path)) ?? null;
  }

  choose(path, place) {
    if (place === null) this.unions.delete(written(path));
    else this.unions.set(written(path), place);
  }
}
