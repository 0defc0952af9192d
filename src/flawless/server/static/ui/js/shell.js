// The frame around the pages: navigation, connection, theme, who is here.
import { html, nothing } from "./lit.js";
import { MARK, icon } from "./components/icon.js";
import { notice } from "./components/notice.js";
import { themeSwitch } from "./components/theme-switch.js";

const ITEMS = [
  { name: "executions", label: "Executions", icon: "list" },
  { name: "start", label: "Start", icon: "play" },
  { name: "inbox", label: "Inbox", icon: "inbox" },
  { name: "deployments", label: "Deployments", icon: "layers" },
  { name: "health", label: "Health", icon: "pulse" },
];

const CONNECTION = {
  connecting: "Connecting",
  live: "Live",
  polling: "Connected",
  lost: "No connection, trying again",
};

export function shell(app, content) {
  return html`<a class="skip" href="#main" @click=${skip}>Skip to content</a>
    <div class="shell">
      <header class="nav">
        <a class="brand" href=${app.href(["executions"])} aria-label="Flawless: executions"
          >${MARK}<span>Flawless</span></a
        >
        <nav class="nav-items" aria-label="Pages">${ITEMS.map((item) => navItem(app, item))}</nav>
        <div class="nav-foot">
          ${connection(app)}
          ${themeSwitch(app)}
          ${who(app)}
        </div>
      </header>
      <main class="main" id="main" tabindex="-1"><div class="page">${trouble(app)}${content}</div></main>
    </div>`;
}

function navItem(app, item) {
  const waiting = item.name === "inbox" ? app.health.waiting : "";
  const label = waiting ? `${item.label}, ${waiting} waiting` : item.label;
  return html`<a
    class="nav-item"
    href=${app.href([item.name])}
    title=${item.label}
    aria-label=${label}
    aria-current=${app.route?.nav === item.name ? "page" : "false"}
    >${icon(item.icon)}<span class="label">${item.label}</span>${waiting
      ? html`<span class="nav-count">${waiting}</span>`
      : nothing}</a
  >`;
}

// An engine in trouble concerns every page; the health page says more about it by itself.
function trouble(app) {
  if (app.health.trouble === "" || app.route?.nav === "health") return nothing;
  return notice({
    kind: "bad",
    title: "The engine is in trouble",
    detail: app.health.trouble,
    action: html`<a class="button small" href=${app.href(["health"])}>Health</a>`,
  });
}

function connection(app) {
  const text = CONNECTION[app.connection];
  return html`<div class="connection" role="status" data-state=${app.connection} title=${text}>
    <span class="lamp"></span><span class="label">${text}</span>
  </div>`;
}

function who(app) {
  const { name, role, canLogOut, via } = app.session;
  if (!role || via === "local") return nothing;
  return html`<div class="who">
    <div class="grow">
      <div class="who-name">${name}</div>
      <div class="muted small">${role}</div>
    </div>
    ${canLogOut
      ? html`<button
          class="button quiet small icon-only"
          aria-label="Log out"
          title=${`Log out ${name}`}
          @click=${() => app.session.logout()}
        >
          ${icon("out")}
        </button>`
      : nothing}
  </div>`;
}

// The base address is not this page's: a plain fragment would lead elsewhere.
function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}
