// Watching what an execution publishes: one stream for all who watch the same one.

/** Tell a listener; what it throws is its page's own error, and nobody else's. */
export function tell(listener, ...what) {
  try {
    listener?.(...what);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** The stream of one execution's state, shared by its watches; it ends with the last of them. */
export class Feed {
  #watches = new Set();
  #stop = new AbortController();
  #state = null;
  #connection = null;

  /** `open(options)` subscribes; `closed()` is called when this feed is of no more use. */
  constructor(open, closed) {
    this.closed = closed;
    const signal = this.#stop.signal;
    const onConnection = (connection) => {
      if (connection.state === "closed") return; // each watch is closed for itself
      this.#connection = connection;
      for (const watch of [...this.#watches]) watch.onConnection(connection);
    };
    const onEvent = ({ type, data }) => {
      if (type === "state" && data.version !== null && !same(data, this.#state)) {
        this.#state = data;
        for (const watch of [...this.#watches]) watch.onState(data);
      }
      if (type === "end") this.#end((watch) => watch.onEnd(data));
    };
    // Not at once: who begins to watch is to be there when the first event comes.
    queueMicrotask(() => {
      open({ signal, onEvent, onConnection }).catch((error) => {
        this.#end((watch) => watch.onError(error));
      });
    });
  }

  join(watch) {
    this.#watches.add(watch);
    // Not at once: `const watch = run.watch(...)` is to be done when the listener is called.
    queueMicrotask(() => {
      if (!this.#watches.has(watch)) return;
      if (this.#connection !== null) watch.onConnection(this.#connection);
      if (this.#state !== null && !watch.told) watch.onState(this.#state);
    });
  }

  leave(watch) {
    this.#watches.delete(watch);
    if (this.#watches.size === 0) {
      this.#stop.abort();
      this.closed();
    }
  }

  #end(how) {
    this.closed();
    for (const watch of [...this.#watches]) how(watch);
    this.#watches.clear();
  }
}

const same = (one, other) =>
  other !== null && one.version === other.version && one.at === other.at;

/** One watch: tells a listener, or is iterated; `ended` is how the execution ended. */
export class Watch {
  #feed;
  #listener;
  #options;
  #newest = null;
  #over = false;
  #settle;
  #wake = () => {};
  #error = null;
  /** Whether it has seen a state. */
  told = false;

  constructor(feed, listener, options) {
    this.#feed = feed;
    this.#listener = listener;
    this.#options = options;
    this.ended = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.ended.catch(() => {}); // whoever does not ask for it hears of it through `onError`
    this.stop = this.stop.bind(this);
    options.signal?.addEventListener("abort", this.stop);
    if (options.signal?.aborted) this.#finish(null);
    else feed.join(this);
  }

  /** Watch no more. */
  stop() {
    this.#finish(null);
  }

  onState(state) {
    this.#newest = state;
    this.told = true;
    tell(this.#listener, state.value, state);
    this.#wake();
  }

  onConnection(connection) {
    tell(this.#options.onConnection, connection);
  }

  onEnd(outcome) {
    this.#finish(outcome);
    tell(this.#options.onEnd, outcome);
  }

  onError(error) {
    if (this.#over) return;
    this.#error = error;
    this.#settle.reject(error);
    this.#finish(null);
    tell(this.#options.onError, error);
  }

  #finish(outcome) {
    if (this.#over) return;
    this.#over = true;
    this.#options.signal?.removeEventListener("abort", this.stop);
    this.#feed.leave(this);
    tell(this.#options.onConnection, { state: "closed" });
    this.#settle.resolve(outcome);
    this.#wake();
  }

  /** Each state, or the newest where several came since the last one was taken. */
  async *[Symbol.asyncIterator]() {
    try {
      for (;;) {
        if (this.#newest !== null) {
          const state = this.#newest;
          this.#newest = null;
          yield state;
        } else if (this.#error !== null) {
          throw this.#error;
        } else if (this.#over) {
          return;
        } else {
          await new Promise((resolve) => (this.#wake = resolve));
        }
      }
    } finally {
      this.stop();
    }
  }
}
