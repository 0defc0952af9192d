// The entry: makes the application and starts it.
import { App } from "./app.js";

await new App(document.getElementById("app")).start();
