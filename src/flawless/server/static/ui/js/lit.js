// The one place that knows where lit-html is.
export { html, svg, nothing, noChange, render } from "../../vendor/lit-html/lit-html.js";
export { classMap } from "../../vendor/lit-html/directives/class-map.js";
export { guard } from "../../vendor/lit-html/directives/guard.js";
export { ifDefined } from "../../vendor/lit-html/directives/if-defined.js";
export { keyed } from "../../vendor/lit-html/directives/keyed.js";
export { live } from "../../vendor/lit-html/directives/live.js";
export { ref } from "../../vendor/lit-html/directives/ref.js";
export { repeat } from "../../vendor/lit-html/directives/repeat.js";
export { styled } from "./styled.js";
