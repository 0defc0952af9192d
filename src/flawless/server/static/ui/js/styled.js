// Sets CSS properties of an element: `<div ${styled({ width: "3px", "--depth": 2 })}>`.
//
// A `style` attribute would be refused: the page's content security policy allows no inline styles.
import { Directive, directive } from "../../vendor/lit-html/directive.js";
import { noChange } from "../../vendor/lit-html/lit-html.js";

class Styled extends Directive {
  render() {
    return noChange;
  }

  update(part, [properties]) {
    for (const [name, value] of Object.entries(properties)) {
      if (part.element.style.getPropertyValue(name) !== String(value)) {
        part.element.style.setProperty(name, value);
      }
    }
    return noChange;
  }
}

export const styled = directive(Styled);
