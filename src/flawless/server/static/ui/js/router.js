// Which page an address shows. Addresses are paths below <base>: executions/ID?attr=...

const BASE = new URL(document.baseURI).pathname;

// Pages are loaded when they are first wanted, with the style sheets of their own.
const ROUTES = [
  {
    path: ["executions"],
    page: () => import("./pages/executions.js").then((module) => module.ExecutionsPage),
    styles: ["executions.css"],
    nav: "executions",
  },
  {
    path: ["executions", ":id"],
    page: () => import("./pages/execution.js").then((module) => module.ExecutionPage),
    styles: ["execution.css", "execution-bars.css", "execution-timeline.css", "execution-tabs.css", "execution-travel.css", "execution-travel-code.css", "inbox.css", "start.css"],
    nav: "executions",
  },
  {
    path: ["start"],
    page: () => import("./pages/start.js").then((module) => module.StartPage),
    styles: ["start.css"],
    nav: "start",
  },
  {
    path: ["inbox"],
    page: () => import("./pages/inbox.js").then((module) => module.InboxPage),
    styles: ["inbox.css"],
    nav: "inbox",
  },
  {
    path: ["deployments"],
    page: () => import("./pages/deployments.js").then((module) => module.DeploymentsPage),
    styles: ["deployments.css"],
    nav: "deployments",
  },
  {
    path: ["deployments", ":id"],
    page: () => import("./pages/deployment.js").then((module) => module.DeploymentPage),
    styles: ["deployments.css"],
    nav: "deployments",
  },
  {
    path: ["health"],
    page: () => import("./pages/health.js").then((module) => module.HealthPage),
    styles: ["health.css"],
    nav: "health",
  },
];

const NOT_FOUND = {
  page: () => import("./pages/not-found.js").then((module) => module.NotFoundPage),
  styles: [],
  nav: "",
};

// The segments of a location below the base, decoded; null for one that is not well-formed.
function segments(pathname) {
  const rest = pathname.startsWith(BASE) ? pathname.slice(BASE.length) : pathname;
  try {
    return rest.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return null;
  }
}

export function match(pathname) {
  const found = segments(pathname);
  if (found?.length === 0) found.push("executions");
  for (const route of ROUTES) {
    const params = found && fit(route.path, found);
    if (params) return { route, params };
  }
  return { route: NOT_FOUND, params: {} };
}

function fit(pattern, found) {
  if (pattern.length !== found.length) return null;
  const params = {};
  for (const [place, part] of pattern.entries()) {
    if (part.startsWith(":")) params[part.slice(1)] = found[place];
    else if (part !== found[place]) return null;
  }
  return params;
}

// The address of a page: `href(["executions", id], {run: 2})`.
export function href(path, query = null) {
  const url = new URL(path.map(encodeURIComponent).join("/"), document.baseURI);
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") url.searchParams.append(name, one);
    }
  }
  return url.pathname + url.search;
}

// Load the style sheets of a page, each once, next to this module's own.
const loaded = new Map();

export function loadStyles(names) {
  return Promise.all(
    names.map((name) => {
      if (!loaded.has(name)) loaded.set(name, sheet(name));
      return loaded.get(name);
    }),
  );
}

function sheet(name) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL(`../css/${name}`, import.meta.url).href;
  return new Promise((resolve) => {
    link.onload = resolve;
    link.onerror = resolve; // a page without its style is better than none
    document.head.append(link);
  });
}
