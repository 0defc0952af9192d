/** What a problem document of the server holds (RFC 9457), with the fields of its kind. */
export interface Problem {
  type: string;
  title?: string;
  detail?: string;
  hint?: string;
  status?: number;
  [field: string]: unknown;
}

/** What went wrong, in the words of the server or of this module. */
export class FlawlessError extends Error {
  constructor(problem: Problem, options?: ErrorOptions);
  /** The kind: `execution-not-found`, `input-invalid`, `unreachable`, ... */
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  /** What to do, where the detail does not say it. */
  readonly hint: string;
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  readonly problem: Problem;
  /** Whether the same request may do better later. */
  readonly again: boolean;
  readonly retryAfterMs: number;
}

export interface StreamEvent {
  type: string;
  id: string;
  data: any;
}

/** How a stream's connection stands. `lost`: it is tried again in `retryMs`. */
export type Connection =
  | { state: "open" }
  | { state: "lost"; error: FlawlessError | null; retryMs: number }
  | { state: "closed" };

type Headers = Record<string, string>;

export interface SubscribeOptions {
  /** Called with each event, in order; awaited before the next. */
  onEvent: (event: StreamEvent) => unknown;
  onConnection?: (connection: Connection) => void;
  /** Ends the subscription. */
  signal?: AbortSignal;
  /** Headers of each request, or what gives them. */
  headers?: Headers | (() => Headers | Promise<Headers>);
  credentials?: RequestCredentials;
  /** Go on after this event. */
  lastEventId?: string;
  /** Keep the stream open while nobody sees the page. */
  whileHidden?: boolean;
}

/**
 * Read server-sent events until the stream ends (true) or `signal` is aborted (false), through lost
 * connections.
 */
export function subscribe(url: string | URL, options: SubscribeOptions): Promise<boolean>;

/** A fresh random id of 100 bits. */
export function newId(): string;
