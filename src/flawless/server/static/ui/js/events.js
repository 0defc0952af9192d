// Streams of server-sent events, with the application told how the connection stands.
import { subscribe } from "../../flawless.js";

const RETRY_MS = 5_000; // after an answer that says that trying again is of no use by itself

// Listen to `path` of the API until the function that is returned is called.
//
// `onEvent({type, data, id})` gets each event. `onRefused(error)` is called when the server does not
// have the stream, or cannot or will not give it: the caller then asks for what it needs now and then.
export function listen(app, path, { query = null, ...heard }) {
  const stopper = new AbortController();
  run(app, app.api.url(path, query), heard, stopper.signal);
  return () => stopper.abort();
}

async function run(app, url, { onEvent, onRefused = () => {} }, signal) {
  while (!signal.aborted) {
    try {
      await subscribe(url, {
        onEvent,
        onConnection: ({ state }) => app.connected(STATES[state]),
        signal,
        credentials: "same-origin",
      });
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 401) return app.session.login();
      if (error.status >= 400) return onRefused(error);
      console.error(error);
      app.connected("lost");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

const STATES = { open: "live", lost: "lost", closed: "live" };
