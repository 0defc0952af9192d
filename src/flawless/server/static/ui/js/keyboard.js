// Keyboard shortcuts: single keys, and two in a row ("g e"). None works while somebody types, nor
// with a modifier, nor under a dialog.

const SEQUENCE_MS_MAX = 1200;

export class Keyboard {
  constructor(app) {
    this.app = app;
    this.bindings = [];
    this.first = null; // the first key of a sequence, and when it was pressed
    document.addEventListener("keydown", (event) => this.#pressed(event));
  }

  // Add bindings `{keys, label, group, run}` (and `shown`, where keys have other names for people); call what is returned to take them away. `run` may
  // return false to say that the key was not for it.
  add(bindings) {
    this.bindings.push(...bindings);
    return () => {
      this.bindings = this.bindings.filter((binding) => !bindings.includes(binding));
    };
  }

  // What the help shows: groups of bindings, those of the page first. A binding without a label is
  // another way to do the same as one that has it.
  groups() {
    const shown = this.bindings.filter((binding) => binding.label);
    return [...Map.groupBy(shown, (binding) => binding.group)].reverse();
  }

  #pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]") || isTyping(event.target)) return;
    const keys = this.#sequence(event) ?? event.key;
    const binding = this.bindings.findLast(
      (one) => one.keys === keys && (one.on === undefined || one.on(event)),
    );
    if (binding) {
      this.first = null;
      if (binding.run(event) !== false) event.preventDefault();
    } else {
      this.first = { key: event.key, at: event.timeStamp };
    }
  }

  #sequence(event) {
    if (this.first === null || event.timeStamp - this.first.at > SEQUENCE_MS_MAX) return null;
    const keys = `${this.first.key} ${event.key}`;
    return this.bindings.some((binding) => binding.keys === keys) ? keys : null;
  }
}

function isTyping(element) {
  if (element.isContentEditable || element.matches?.("textarea, select")) return true;
  return element.matches?.("input:not([type=checkbox], [type=radio], [type=button])") ?? false;
}
