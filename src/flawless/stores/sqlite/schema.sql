-- A number for each workflow name and deployment id, so that an execution does not repeat them.
CREATE TABLE name (
    key INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

-- One row per execution. `key` counts up: its order is the order of creation.
-- status: 0 running, 1 waiting, 2 parked, 3 failed, 4 cancelled, 5 completed; 8 more than that is
-- the status of an earlier run, whose id is `ID~run`.
-- origin: the key of the execution's first run, by which all is found that lasts from run to run;
-- NULL is the run's own key. listening: whether a message (and not only a signal) wakes it.
-- start_us: when it was to begin, if not at once. attributes: those it was given, if any, as a JSON
-- object.
CREATE TABLE execution (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workflow INTEGER NOT NULL,
    deployment INTEGER NOT NULL,
    status INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    wake_us INTEGER,
    digest BLOB NOT NULL,
    run INTEGER NOT NULL DEFAULT 1,
    origin INTEGER,
    listening INTEGER NOT NULL DEFAULT 0,
    start_us INTEGER,
    attributes TEXT
) STRICT;

-- All that needs attention or is worth finding; the many that completed cost nothing here.
CREATE INDEX execution_status ON execution (status, key) WHERE status < 5;

-- The timer index.
CREATE INDEX execution_wake ON execution (wake_us, key) WHERE wake_us IS NOT NULL;

-- The later runs of executions that have several: the last one is the latest.
CREATE INDEX execution_run ON execution (origin, key) WHERE origin IS NOT NULL;

-- Attributes, to find executions by; key = that of a run: it is in the order of lists.
CREATE TABLE attribute (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    key INTEGER NOT NULL,
    PRIMARY KEY (name, value, key)
) STRICT, WITHOUT ROWID;

-- When the executions of a block were created; block = execution.key / 2^10. The newest block, to
-- which more are added, is not in it.
CREATE TABLE creation (
    block INTEGER PRIMARY KEY,
    earliest_us INTEGER NOT NULL,
    latest_us INTEGER NOT NULL
) STRICT;

-- position = execution.key * 2^24 + the position of the row's first entry in its journal.
CREATE TABLE journal (
    position INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;

-- position = execution.key * 2^24 + the number of the effect.
CREATE TABLE attempt (
    position INTEGER PRIMARY KEY,
    data BLOB NOT NULL
) STRICT;

-- key = the origin of an execution that is a child; parent = the origin of who started it.
CREATE TABLE child (
    key INTEGER PRIMARY KEY,
    parent INTEGER NOT NULL,
    run INTEGER NOT NULL,
    effect INTEGER NOT NULL,
    close TEXT NOT NULL,
    depth INTEGER NOT NULL
) STRICT;

CREATE INDEX child_parent ON child (parent, key);

-- Those who are told when their parent ends.
CREATE INDEX child_cancel ON child (parent, key) WHERE close = 'cancel';

-- key = the origin of an execution something was sent to; `last` is the last number given.
-- waiting and waiting_bytes count messages of users, not signals.
CREATE TABLE inbox (
    key INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    waiting_bytes INTEGER NOT NULL
) STRICT;

-- position = inbox.key * 2^30 + the number of the message.
CREATE TABLE message (
    position INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    payload BLOB NOT NULL,
    at_us INTEGER NOT NULL,
    id TEXT
) STRICT;

-- The ids of all messages an execution ever got, waiting or not.
CREATE TABLE message_id (
    inbox INTEGER NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (inbox, id)
) STRICT, WITHOUT ROWID;

-- key = 2 * the origin of an execution (its state), and 1 more (its response).
CREATE TABLE visible (
    key INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE deployment (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    label TEXT NOT NULL,
    kind TEXT NOT NULL,
    manifest BLOB NOT NULL,
    component TEXT NOT NULL,
    created_us INTEGER NOT NULL
) STRICT;

-- zlib-compressed bytes under the sha256 of what they decompress to.
CREATE TABLE blob (
    key INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    data BLOB NOT NULL
) STRICT;

-- One row: whether the last engine closed the store (1) or not (0), and to what length it could
-- write the log beforehand: shorter it can never be; -1 while a command accepts the store. clean:
-- whether each session since the last row of `opening` was closed. Before pages are moved from the log into the file, the row is marked, and
-- moved with them: so the file by itself tells up to where it has the log. log_salt: of which log;
-- mark counts up; mark_base: the last mark of the log before. touched counts up, for a commit to have
-- something to change.
CREATE TABLE session (
    closed INTEGER NOT NULL,
    log_bytes INTEGER NOT NULL,
    clean INTEGER NOT NULL DEFAULT 1,
    log_salt INTEGER,
    mark INTEGER NOT NULL DEFAULT 0,
    mark_base INTEGER NOT NULL DEFAULT 0,
    touched INTEGER NOT NULL DEFAULT 0
) STRICT;

-- When engines opened the store, the last ones; clean: whether it had been closed in order before.
CREATE TABLE opening (
    key INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL,
    version TEXT NOT NULL,
    clean INTEGER NOT NULL
) STRICT;

-- The deployments that new executions run on, in order, as the engine last said.
CREATE TABLE active (
    place INTEGER PRIMARY KEY,
    deployment TEXT NOT NULL UNIQUE
) STRICT;
