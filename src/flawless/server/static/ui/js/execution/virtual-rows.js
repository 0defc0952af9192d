// A list of any length of which only what is in sight is drawn:
// `<virtual-rows .source=${{ count, height, row }}></virtual-rows>`.
//
// All rows have the same height; `row(place)` gives the template of one. The element itself scrolls.
// With `follow` it stays at its end while it grows, unless one has scrolled away from there.
// What leaves at one edge is used again for what comes at the other.
import { html, render, repeat, styled } from "../lit.js";

const OVERSCAN = 8; // rows drawn beyond either edge, so that quick scrolling shows no gap
const HEIGHT_MAX = 10_000_000; // browsers draw nothing behind some 16 million pixels

class VirtualRows extends HTMLElement {
  #source = null;
  #stuck = true; // to its end
  #resized = new ResizeObserver(() => this.#draw());

  get source() {
    return this.#source;
  }

  // Set with each drawing of what is around: rows show what is new, though the list is the same.
  set source(source) {
    this.#source = source;
    this.#draw();
  }

  connectedCallback() {
    this.addEventListener("scroll", this.#scrolled, { passive: true });
    this.#resized.observe(this);
    this.#draw();
  }

  disconnectedCallback() {
    this.removeEventListener("scroll", this.#scrolled);
    this.#resized.disconnect();
  }

  // Scroll as little as it takes for a row to be in sight.
  reveal(place) {
    const { height } = this.#source;
    const top = place * height;
    if (top < this.scrollTop) this.scrollTop = top;
    else if (top + height > this.scrollTop + this.clientHeight) {
      this.scrollTop = top + height - this.clientHeight;
    }
    this.#draw();
  }

  #scrolled = () => {
    this.#stuck = this.scrollTop + this.clientHeight >= this.scrollHeight - this.#source.height;
    this.#draw();
  };

  // The end is where it will be once all is drawn.
  #grow(height) {
    this.querySelector(".virtual-space")?.style.setProperty("height", `${height}px`);
    this.scrollTop = height;
  }

  #draw() {
    if (!this.isConnected || !this.#source) return;
    const { count, height, row, follow = false } = this.#source;
    const shown = Math.min(count, Math.floor(HEIGHT_MAX / height));
    if (follow && this.#stuck) this.#grow(shown * height);
    const top = Math.min(this.scrollTop, Math.max(0, shown * height - this.clientHeight));
    const first = Math.max(0, Math.floor(top / height) - OVERSCAN);
    const last = Math.min(shown, Math.ceil((top + this.clientHeight) / height) + OVERSCAN);
    const size = Math.ceil(this.clientHeight / height) + 2 * OVERSCAN + 1; // never fewer than drawn
    const places = Array.from({ length: Math.max(0, last - first) }, (_, n) => first + n);
    render(
      html`<div class="virtual-space" role="presentation" ${styled({ height: `${shown * height}px` })}>
        <div
          class="virtual-window"
          role="presentation"
          ${styled({ transform: `translateY(${first * height}px)` })}
        >
          ${repeat(places, (place) => place % size, row)}
        </div>
      </div>`,
      this,
    );
  }
}

customElements.define("virtual-rows", VirtualRows);
