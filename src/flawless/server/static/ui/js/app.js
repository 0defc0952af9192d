// The application: what all pages share, and which page is shown.
//
// A page is a class with `constructor(app, params)`, `render()`, and optionally `connected()`,
// `disconnected()`, `queryChanged()` and `title`. It calls `app.update()` when it has changed.
import { Api, Problem } from "./api.js";
import { Dialogs } from "./dialogs.js";
import { Health } from "./health.js";
import { Keyboard } from "./keyboard.js";
import { html, nothing, render } from "./lit.js";
import { href, loadStyles, match } from "./router.js";
import { Session } from "./session.js";
import { shell } from "./shell.js";
import { Toasts } from "./toasts.js";
import { notice } from "./components/notice.js";

const TICK_MS = 1000; // how often times that are relative to now are drawn again

export class App {
  constructor(root) {
    this.root = root;
    this.api = new Api({ onAuthentication: () => this.session.login() });
    this.session = new Session(this);
    this.toasts = new Toasts(this);
    this.dialogs = new Dialogs(this);
    this.keyboard = new Keyboard(this);
    this.health = new Health(this);
    this.page = null;
    this.route = null;
    this.connection = "connecting"; // connecting, live, polling, lost
    this.scheduled = false;
    this.visits = 0;
  }

  async start() {
    history.scrollRestoration = "manual";
    window.addEventListener("popstate", () => this.show());
    document.addEventListener("click", (event) => this.followLink(event));
    document.addEventListener("visibilitychange", () => this.update());
    this.keyboard.add(this.globalKeys());
    setInterval(() => document.visibilityState === "visible" && this.update(), TICK_MS);
    this.api.ready = this.session.load();
    this.health.start();
    await this.show();
  }

  // --- what pages use ---------------------------------------------------------------------------

  // Draw again, once, before the next frame.
  update() {
    if (this.scheduled) return;
    this.scheduled = true;
    // Frames stop in hidden tabs; what is drawn there late is drawn when it is seen.
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  get query() {
    return new URLSearchParams(location.search);
  }

  href(path, query = null) {
    return href(path, query);
  }

  navigate(address, { replace = false } = {}) {
    history.replaceState({ ...history.state, scroll: window.scrollY }, "");
    if (replace) history.replaceState({}, "", address);
    else history.pushState({}, "", address);
    return this.show();
  }

  toast(message, options = {}) {
    this.toasts.add(message, options);
  }

  // Show an error that no place on the page is about.
  fail(error) {
    if (!(error instanceof Problem)) console.error(error);
    this.toasts.add(error.message, { kind: "bad", detail: error.hint ?? "" });
  }

  dialog(body, options = {}) {
    return this.dialogs.open(body, options);
  }

  may(role) {
    return this.session.may(role);
  }

  // Why an action is not to be had; empty where it is.
  refusal(role) {
    return this.session.refusal(role);
  }

  now() {
    return this.api.now();
  }

  connected(state) {
    if (this.connection === state) return;
    this.connection = state;
    this.update();
  }

  // --- inside -----------------------------------------------------------------------------------

  async show() {
    const visit = ++this.visits;
    const { route, params } = match(location.pathname);
    const key = JSON.stringify(params);
    if (this.page !== null && this.route === route && this.key === key) {
      this.page.queryChanged?.();
      this.update();
      return;
    }
    let Page;
    try {
      [Page] = await Promise.all([route.page(), loadStyles(route.styles)]);
    } catch (error) {
      if (visit === this.visits) this.broken(error);
      return;
    }
    if (visit !== this.visits) return; // somebody has gone on meanwhile
    this.leave();
    [this.route, this.key] = [route, key];
    this.page = new Page(this, params);
    this.page.connected?.();
    this.draw();
    window.scrollTo(0, history.state?.scroll ?? 0);
    if (visit > 1) document.getElementById("main")?.focus({ preventScroll: true });
  }

  leave() {
    this.page?.disconnected?.();
    this.page = null;
  }

  broken(error) {
    console.error(error);
    this.leave();
    const text = "This page could not be loaded";
    this.page = {
      title: text,
      render: () => notice({ kind: "bad", title: text, detail: "Load it again." }),
    };
    this.draw();
  }

  draw() {
    const page = this.page;
    document.title = page?.title ? `${page.title} · Flawless` : "Flawless";
    const content = page === null ? nothing : page.render();
    render(html`${shell(this, content)}${this.toasts.render()}`, this.root);
    page?.drawn?.();
  }

  followLink(event) {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest?.("a[href]");
    if (!link || link.target || link.hasAttribute("download")) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin) return;
    if (!url.pathname.startsWith(new URL(document.baseURI).pathname)) return;
    if (url.pathname === location.pathname && url.search === location.search && url.hash) return;
    event.preventDefault();
    this.navigate(url.pathname + url.search);
  }

  globalKeys() {
    const go = (keys, name, label) => ({
      keys,
      label: `Go to ${label}`,
      group: "Everywhere",
      run: () => this.navigate(href([name])),
    });
    return [
      go("g e", "executions", "executions"),
      go("g s", "start", "start"),
      go("g i", "inbox", "inbox"),
      go("g d", "deployments", "deployments"),
      go("g h", "health", "health"),
      {
        keys: "?",
        label: "Show these shortcuts",
        group: "Everywhere",
        run: () => this.dialogs.shortcuts(),
      },
    ];
  }
}
