// What stands where nothing is yet: it says why, and what to do.
import { html, nothing } from "../lit.js";
import { icon } from "./icon.js";

export function empty({ icon: name, title, text = nothing, action = nothing }) {
  return html`<div class="empty">
    ${icon(name)}
    <h2>${title}</h2>
    ${text === nothing ? nothing : html`<p>${text}</p>`}${action}
  </div>`;
}
