/** What can be JSON. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export type Status = "running" | "waiting" | "parked" | "completed" | "failed" | "cancelled";

/** What a problem document of the server holds (RFC 9457), with the fields of its kind. */
export interface Problem {
  type: string;
  title?: string;
  detail?: string;
  hint?: string;
  status?: number;
  [field: string]: any;
}

/** What went wrong, in the words of the server or of this module. */
export class FlawlessError extends Error {
  constructor(problem: Problem, options?: { cause?: unknown });
  /**
   * The kind, as the server names it (`execution-not-found`, `input-invalid`, ...), or `unreachable`,
   * `not-flawless`, `result-timeout`, `execution-failed`, `execution-cancelled`.
   */
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  /** What to do, where the detail does not say it. */
  readonly hint: string;
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  /** All fields, such as `path` of an input that does not fit, or `outcome` of a failure. */
  readonly problem: Problem;
  /** Whether the same request may do better later. */
  readonly again: boolean;
  readonly retryAfterMs: number;
}

// --- streams -------------------------------------------------------------------------------------

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

export interface StreamOptions {
  onConnection?: (connection: Connection) => void;
  /** Ends the subscription. */
  signal?: AbortSignal;
  /** Go on after this event. */
  lastEventId?: string;
  /** Keep the stream open while nobody sees the page. */
  whileHidden?: boolean;
}

export interface SubscribeOptions extends StreamOptions {
  /** Called with each event, in order; awaited before the next. */
  onEvent: (event: StreamEvent) => unknown;
  /** Headers of each request, or what gives them. */
  headers?: Headers | (() => Headers | Promise<Headers>);
  credentials?: RequestCredentials;
}

/**
 * Read server-sent events until the stream ends (true) or `signal` is aborted (false), through lost
 * connections.
 */
export function subscribe(url: string | URL, options: SubscribeOptions): Promise<boolean>;

/** A fresh random id of 100 bits. */
export function newId(): string;

// --- documents -----------------------------------------------------------------------------------

export interface ExecutionDocument {
  id: string;
  workflow: string;
  deployment: string;
  status: Status;
  created_at: string;
  updated_at: string;
  wake_at: string | null;
  start_at: string | null;
  attributes: Record<string, string>;
  run: number;
  [field: string]: any;
}

export interface Started extends ExecutionDocument {
  /** False when the id was known. */
  new: boolean;
  response?: any;
  result?: any;
  error?: Failure;
}

export interface Failure {
  type: string;
  module: string;
  message: string;
  traceback?: string;
  [field: string]: any;
}

export interface Outcome {
  id: string;
  status: Status;
  result?: any;
  error?: Failure;
}

export interface State<T = any> {
  id: string;
  value: T;
  /** Counts from 1; null when nothing was published yet. */
  version: number | null;
  at: string | null;
}

export interface Whoami {
  name: string;
  role: "read" | "operate" | "deploy" | null;
  via: "local" | "token" | "session" | "capability";
  rights: string[];
  execution: string | null;
  csrf: string | null;
  expires_at: string | null;
}

export interface Capability {
  token: string;
  expires_at: string;
  rights: string[];
}

// --- the client ----------------------------------------------------------------------------------

interface Ask {
  signal?: AbortSignal;
}

interface Wait extends Ask {
  waitS?: number;
}

export interface FlawlessOptions {
  /** Where the engine is; by default where this module came from. */
  url?: string | URL;
  /** A token, or what gives one; it goes into a header, never into an address. */
  token?: string | (() => string | null | undefined | Promise<string | null | undefined>);
  /** How many seconds a call is tried again after failures, where that is safe. */
  retryS?: number;
}

export interface StartOptions extends Wait {
  /** The arguments: an object for keywords, an array for positions. */
  input?: any;
  /** The same id, workflow and input is the same execution, however often it is started. */
  id?: string;
  deadlineS?: number;
  attributes?: Record<string, string>;
  startAt?: Date | string;
  delayS?: number;
}

export interface Filters {
  status?: Status;
  workflow?: string;
  prefix?: string;
  attributes?: Record<string, string>;
  createdAfter?: Date | string;
  createdBefore?: Date | string;
}

export interface ListFilters extends Filters, Ask {
  limit?: number;
  before?: string;
  runs?: boolean;
}

export interface ChangesOptions extends Omit<Filters, "status">, StreamOptions {
  /** The list has to be loaded again. */
  onReset?: () => void;
}

export class Flawless {
  constructor(options?: FlawlessOptions);
  readonly url: string;
  start(workflow: string, options?: StartOptions): Promise<Execution>;
  execution(id: string): Execution;
  list(filters?: ListFilters): Promise<{ executions: ExecutionDocument[]; next: string | null }>;
  executions(filters?: ListFilters): AsyncGenerator<ExecutionDocument, void>;
  changes(
    listener: (executions: ExecutionDocument[]) => void,
    options?: ChangesOptions,
  ): Promise<boolean>;
  workflows(options?: Ask): Promise<any[]>;
  whoami(options?: Ask): Promise<Whoami>;
  inbox(
    options?: Ask & { limit?: number; before?: string },
  ): Promise<{ items: any[]; next: string | null }>;
}

export interface WatchOptions extends Ask {
  /** The execution has ended. */
  onEnd?: (outcome: Outcome) => void;
  onConnection?: (connection: Connection) => void;
  /** The watch cannot go on: there is no such execution, or the token does not open it. */
  onError?: (error: FlawlessError) => void;
}

/** A watch; iterated, it gives each state, or the newest where several came meanwhile. */
export class Watch<T = any> implements AsyncIterable<State<T>> {
  private constructor();
  /** How the execution ended; null when the watch was stopped before. */
  readonly ended: Promise<Outcome | null>;
  stop(): void;
  [Symbol.asyncIterator](): AsyncIterator<State<T>>;
}

interface ByAndId extends Ask {
  reason?: string;
  by?: string;
  /** Two requests with the same id are one. */
  id?: string;
}

export class Execution {
  private constructor();
  readonly id: string;
  /** The answer to the start; null where it was not started with this handle. */
  readonly started: Started | null;
  get(options?: Ask): Promise<ExecutionDocument>;
  state<T = any>(options?: Ask): Promise<State<T>>;
  send(name: string, payload?: any, options?: Ask & { id?: string }): Promise<boolean>;
  result(options?: Wait): Promise<any>;
  response(options?: Wait): Promise<any>;
  outcome(options?: Wait): Promise<Outcome>;
  journal(options?: Ask & { from?: number }): AsyncGenerator<Record<string, any>, void>;
  logs(options?: Ask & { from?: number }): AsyncGenerator<Record<string, any>, void>;
  cancel(options?: ByAndId & { graceS?: number }): Promise<ExecutionDocument>;
  terminate(options?: ByAndId): Promise<ExecutionDocument>;
  capability(
    options?: Ask & { rights?: string[]; ttlS?: number; messages?: string[] },
  ): Promise<Capability>;
  watch<T = any>(listener?: (value: T, state: State<T>) => void, options?: WatchOptions): Watch<T>;
  events(
    onEvent: (event: StreamEvent) => unknown,
    options?: StreamOptions & { include?: ("execution" | "state" | "journal" | "logs")[] },
  ): Promise<boolean>;
}
