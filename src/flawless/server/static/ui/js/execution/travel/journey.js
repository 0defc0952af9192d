// The path of an execution as the server's replay shows it, and where on it one stands.
//
// A place is `{kind: "point", n}`, `{kind: "line", n}` (before the n-th executed line) or
// `{kind: "raised"}`: where the error was raised that ended the workflow.
const POINTS_PAGE = 5_000;
const LINES_PAGE = 50_000;
const LINES_PAGES_AHEAD = 4; // loaded at once; others when one comes there
const VIEWS_MAX = 300;
const DEPTH_MAX = 3;

export class Journey {
  // `onChange` is called whenever there is something new to show.
  constructor(app, id, onChange) {
    this.app = app;
    this.id = id;
    this.onChange = onChange;
    this.state = "new"; // loading, ready, failed
    this.beganMs = 0; // when the replay under way was asked for
    this.problem = null; // why there is no path
    this.linesProblem = null; // why there are no lines
    this.path = null;
    this.points = [];
    this.files = new Map();
    this.functions = new Map();
    this.raised = null;
    this.pages = new Map(); // of executed lines
    this.place = null;
    this.moved = false; // whether somebody has chosen the place
    this.depth = 1;
    this.views = new Map();
    this.viewProblem = null;
    this.asking = false;
    this.visit = 0;
  }

  // --- loading -----------------------------------------------------------------------------------

  // Load the path, or load it anew: the place stays.
  async load() {
    const visit = ++this.visit;
    this.state = this.path ? "ready" : "loading";
    this.beganMs = Date.now();
    this.reloading = this.path !== null;
    this.onChange();
    try {
      const { path, points } = await this.ask(visit);
      if (visit !== this.visit) return;
      this.keep(path, points);
      this.problem = null;
    } catch (problem) {
      if (visit !== this.visit) return;
      this.problem = problem;
      if (!this.path) this.state = "failed";
    }
    this.reloading = false;
    this.onChange();
    if (this.state === "ready") {
      this.look();
      for (let page = 0; page < LINES_PAGES_AHEAD; page += 1) await this.loadLines(page);
    }
  }

  async ask(visit) {
    let lines = this.linesProblem === null;
    let path;
    try {
      path = await this.get("", { lines, limit: POINTS_PAGE });
    } catch (problem) {
      if (!lines || !problem.type?.endsWith("replay-too-long")) throw problem;
      lines = false;
      this.linesProblem = problem;
      this.beganMs = Date.now();
      this.onChange();
      path = await this.get("", { lines, limit: POINTS_PAGE });
    }
    const points = resolved(path);
    for (let from = path.next; from !== null && visit === this.visit; ) {
      const page = await this.get("", { lines, from, limit: POINTS_PAGE });
      points.push(...resolved(page));
      from = page.next;
    }
    return { path, points };
  }

  keep(path, points) {
    if (this.path && this.path.run !== path.run) this.place = null;
    if (this.path?.entries !== path.entries) {
      this.views.clear();
      this.pages.clear();
    }
    this.path = path;
    this.points = points;
    this.files = new Map(path.files.map((file) => [file.file, counted(file)]));
    this.functions = new Map(path.functions.map((one) => [one.number, one]));
    const frames = (stack) => path.stacks[stack].map((n) => path.frames[n]);
    this.raised = path.raised ? { frames: frames(path.raised.stack), points: path.raised.points } : null;
    this.state = "ready";
    if (this.wanted !== undefined) this.goTo(this.wanted);
    else if (!this.place || !this.moved) this.place = this.last();
  }

  async loadLines(number) {
    const from = number * LINES_PAGE;
    if (!this.hasLines || from >= this.lineCount || this.pages.has(number)) return;
    this.pages.set(number, null);
    try {
      const page = await this.get("/lines", { from, limit: LINES_PAGE });
      if (page.entries < this.path.entries) return;
      for (const one of page.functions) this.functions.set(one.number, one);
      this.pages.set(number, Uint32Array.from(page.lines));
      this.onChange();
    } catch {
      this.pages.delete(number);
    }
  }

  get(part, query) {
    return this.app.api.get(`executions/${encodeURIComponent(this.id)}/path${part}`, query);
  }

  // --- what there is -----------------------------------------------------------------------------

  // Whether the guest tells where its effects are and no more: it is no Python.
  get placed() {
    return this.path?.placed ?? false;
  }

  get hasLines() {
    return (this.path?.lines_kept ?? 0) > 0;
  }

  get lineCount() {
    return this.path?.lines_kept ?? 0;
  }

  // The executed line with a number: `{file, line, function}`; null while it is on its way.
  lineAt(n) {
    const number = Math.floor(n / LINES_PAGE);
    const page = this.pages.get(number);
    if (!page) {
      if (page === undefined) this.loadLines(number);
      return null;
    }
    const place = 2 * (n - number * LINES_PAGE);
    const one = this.functions.get(page[place]);
    return one ? { file: one.file, line: page[place + 1], function: one.function, user: true } : null;
  }

  // The stack at a place as far as it is known without asking, innermost frame first.
  frames(place) {
    if (place?.kind === "point") return this.points[place.n]?.frames ?? [];
    if (place?.kind === "raised") return this.raised?.frames ?? [];
    if (place?.kind !== "line") return [];
    const frame = this.lineAt(place.n);
    return frame ? [frame] : [];
  }

  // The point that was passed last at a place; -1 before the first one.
  pointAt(place) {
    if (place?.kind === "point") return place.n;
    if (place?.kind === "raised") return this.points.length - 1;
    if (place?.kind !== "line") return -1;
    return upper(this.points, (point) => point.lines_before <= place.n) - 1;
  }

  // The line that a place is at, or behind; -1 before the first one.
  lineOf(place) {
    if (place?.kind === "line") return place.n;
    if (place?.kind === "raised") return this.lineCount - 1;
    return (this.points[place?.n]?.lines_before ?? 0) - 1;
  }

  // --- places ------------------------------------------------------------------------------------

  first() {
    return this.points.length ? { kind: "point", n: 0 } : this.lineCount ? { kind: "line", n: 0 } : null;
  }

  last() {
    if (this.raised) return { kind: "raised" };
    if (this.points.length) return { kind: "point", n: this.points.length - 1 };
    return this.lineCount ? { kind: "line", n: this.lineCount - 1 } : null;
  }

  // How many stops a slider over effects, or over lines, has.
  stops(unit) {
    return (unit === "lines" ? this.lineCount : this.points.length) + (this.raised ? 1 : 0);
  }

  // The stop that a place is at; and the other way round.
  stopOf(place, unit) {
    if (place?.kind === "raised") return this.stops(unit) - 1;
    return Math.max(0, unit === "lines" ? this.lineOf(place) : this.pointAt(place));
  }

  placeOf(stop, unit) {
    if (this.raised && stop >= this.stops(unit) - 1) return { kind: "raised" };
    return { kind: unit === "lines" ? "line" : "point", n: stop };
  }

  // The place so many stops further; a place between two stops counts as behind the first of them.
  step(by, unit) {
    const { place } = this;
    let at = this.stopOf(place, unit);
    if (unit === "lines" && place?.kind === "point") at = this.lineOf(place);
    if (unit === "effects" && place?.kind === "line") at = this.pointAt(place) + (by < 0 ? 1 : 0);
    const stop = Math.min(this.stops(unit) - 1, Math.max(0, at + by));
    if (stop >= 0) this.move(this.placeOf(stop, unit));
  }

  // The next (or previous) time that a line is executed; around the end if need be.
  passing(file, line, back) {
    if (this.placed) return this.asked(file, line, back);
    const here = this.lineOf(this.place);
    const total = this.lineCount;
    for (let away = 1; away <= total; away += 1) {
      const n = (here + (back ? total - away : away)) % total;
      const page = this.pages.get(Math.floor(n / LINES_PAGE));
      if (!page) continue;
      const place = 2 * (n % LINES_PAGE);
      if (page[place + 1] === line && this.functions.get(page[place])?.file === file) return { kind: "line", n };
    }
    return null;
  }

  // The next (or previous) effect that was asked for on a line.
  asked(file, line, back) {
    const here = this.pointAt(this.place);
    const total = this.points.length;
    for (let away = 1; away <= total; away += 1) {
      const n = (here + (back ? total - away : away)) % total;
      const [frame] = this.points[n].frames;
      if (frame?.file === file && frame.line === line) return { kind: "point", n };
    }
    return null;
  }

  move(place) {
    if (!place) return;
    this.place = place;
    this.moved = true;
    this.look();
    this.onChange();
  }

  // Go to the point of a journal's entry, to a line (`{line}`), or to the end (null), now or as
  // soon as the path is there.
  goTo(wanted) {
    this.wanted = wanted;
    if (this.state !== "ready") return;
    this.wanted = undefined;
    if (wanted?.line !== undefined && this.hasLines) {
      return this.move({ kind: "line", n: Math.min(wanted.line, this.lineCount - 1) });
    }
    if (wanted?.position !== undefined) {
      const n = upper(this.points, (point) => point.position < wanted.position);
      if (n < this.points.length) return this.move({ kind: "point", n });
    }
    this.place = this.last();
    this.moved = false;
    this.look();
  }

  // --- views -------------------------------------------------------------------------------------

  // What the server has told about a place; undefined while it is on its way.
  view(place = this.place) {
    return place ? this.views.get(keyOf(place, this.depth)) : undefined;
  }

  // Show one more level of values, everywhere.
  deepen(level) {
    if (level < this.depth || this.depth >= DEPTH_MAX) return;
    this.depth = Math.min(DEPTH_MAX, level + 1);
    this.look();
  }

  // Ask about the place; one request at a time, and then about where one stands by then.
  async look() {
    if (this.asking || !this.path?.traced) return;
    while (this.place && !this.view()) {
      this.asking = true;
      const { place, depth } = this;
      try {
        const query = { depth, ...(place.kind === "raised" ? { raised: true } : { [place.kind]: place.n }) };
        this.remember(keyOf(place, depth), await this.get("/variables", query));
        this.viewProblem = null;
      } catch (problem) {
        this.viewProblem = { place, problem };
        if (this.place === place) break;
      }
      this.onChange();
    }
    this.asking = false;
    this.onChange();
  }

  remember(key, view) {
    if (this.views.size >= VIEWS_MAX) this.views.delete(this.views.keys().next().value);
    this.views.set(key, view);
  }
}

function keyOf(place, depth) {
  return `${place.kind} ${place.n ?? ""} ${depth}`;
}

function resolved(page) {
  const stacks = page.stacks.map((stack) => stack.map((n) => page.frames[n]));
  return page.points.map((point) => ({ ...point, frames: point.stack === null ? [] : stacks[point.stack] }));
}

function counted(file) {
  const counts = new Map();
  for (let n = 0; n < file.counts.length; n += 2) counts.set(file.counts[n], file.counts[n + 1]);
  return { ...file, counts, missed: new Set(file.missed) };
}

// How many of the first items fulfil a condition that holds for those, and for no others.
function upper(items, holds) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}
