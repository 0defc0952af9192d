// Who is asking, and what that role may do.

const ROLES = ["read", "operate", "deploy"];
const DOES = { operate: "start, end, repair and decide", deploy: "deploy" };

export class Session {
  constructor(app) {
    this.app = app;
    this.known = false;
    this.name = "";
    this.role = null;
    this.via = "";
  }

  async load() {
    try {
      const found = await this.app.api.get("whoami");
      this.known = true;
      this.name = found.name ?? "";
      this.role = found.role;
      this.via = found.via;
      this.app.api.csrf = found.csrf ?? null;
    } catch (error) {
      if (error.missing) this.role = "deploy"; // a server without roles refuses nothing
    }
    this.app.update();
  }

  may(role) {
    return this.role !== null && ROLES.indexOf(this.role) >= ROLES.indexOf(role);
  }

  refusal(role) {
    if (this.may(role)) return "";
    if (this.role === null) return "It is not known yet what you may do here";
    return `Your role here is "${this.role}"; to ${DOES[role]} takes "${role}"`;
  }

  get canLogOut() {
    return this.via === "session";
  }

  login() {
    const url = new URL("../login", document.baseURI);
    url.searchParams.set("next", location.pathname + location.search);
    location.assign(url);
  }

  async logout() {
    const headers = this.app.api.csrf ? { "X-Flawless-CSRF": this.app.api.csrf } : {};
    try {
      await fetch(new URL("../logout", document.baseURI), { method: "POST", headers });
    } catch (error) {
      this.app.fail(error);
      return;
    }
    location.assign(new URL("../login", document.baseURI));
  }
}
