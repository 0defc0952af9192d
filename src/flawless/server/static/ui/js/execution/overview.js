// A long timeline at a glance: all rows as thin lines, and the stretch that one has zoomed to.
import { html, ref, styled } from "../lit.js";
import { endOf } from "./segments.js";

const HEIGHT = 48;
const LINE_LEAST = 1;

export class Overview {
  constructor(waterfall) {
    this.waterfall = waterfall;
    this.canvas = null;
    this.sight = null;
    this.drawnFor = "";
  }

  render() {
    const { width, narrow } = this.waterfall;
    return html`<div class="tl-overview ${narrow ? "narrow" : ""}">
      <canvas
        ${ref((element) => (this.canvas = element ?? null))}
        width=${Math.round(width * devicePixelRatio)}
        height=${Math.round(HEIGHT * devicePixelRatio)}
        aria-hidden="true"
        @pointerdown=${this.jump}
        ${styled({ width: `${width}px` })}
      ></canvas>
      <div class="tl-sight" ${ref((element) => (this.sight = element ?? null))}></div>
    </div>`;
  }

  // Show which rows are in sight.
  mark() {
    const list = this.waterfall.element?.querySelector("virtual-rows");
    if (!this.sight || !list) return;
    const share = HEIGHT / Math.max(1, list.scrollHeight);
    this.sight.style.setProperty("top", `${list.scrollTop * share}px`);
    this.sight.style.setProperty("height", `${Math.max(2, list.clientHeight * share)}px`);
  }

  // Scroll to the row of the line that was pressed.
  jump = (event) => {
    const { rows } = this.waterfall.compute();
    const box = event.currentTarget.getBoundingClientRect();
    const place = Math.floor(((event.clientY - box.top) / box.height) * rows.length);
    const list = this.waterfall.element.querySelector("virtual-rows");
    list.scrollTop = place * list.source.height - list.clientHeight / 2;
  };

  draw() {
    if (!this.canvas) return;
    this.mark();
    const { cache, width } = this.waterfall;
    const colours = getComputedStyle(this.canvas);
    const key = `${cache.key}|${width}|${colours.color}|${colours.colorScheme}`;
    if (key === this.drawnFor) return;
    this.drawnFor = key;
    const context = this.canvas.getContext("2d");
    const { rows, now } = cache;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, width, HEIGHT);
    const step = HEIGHT / Math.max(1, rows.length);
    const paint = (row, place) => {
      const left = this.waterfall.x(row.begin);
      const length = Math.max(1.5, this.waterfall.x(endOf(row, now)) - left);
      context.fillRect(left, place * step, length, Math.max(LINE_LEAST, step * 0.8));
    };
    const groups = new Map();
    for (const [place, row] of rows.entries()) {
      if (row.kind === "run") continue;
      const group = row.failed || row.attempts.length ? "bad" : row.kind;
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push([row, place]);
    }
    for (const [group, members] of groups) {
      context.fillStyle = colours.getPropertyValue(group === "bad" ? "--kind-bad" : `--kind-${group}`) || colours.color;
      for (const [row, place] of members) paint(row, place);
    }
  }
}
