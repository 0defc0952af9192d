-- A number for each workflow name and deployment id, so that an execution does not repeat them.
CREATE TABLE name (
    key INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

-- One row per execution. `key` counts up: its order is the order of creation.
-- status: 0 running, 1 waiting, 2 parked, 3 failed, 4 cancelled, 5 completed.
CREATE TABLE execution (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workflow INTEGER NOT NULL,
    deployment INTEGER NOT NULL,
    status INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    wake_us INTEGER,
    digest BLOB NOT NULL
) STRICT;

-- All that needs attention or is worth finding; the many that completed cost nothing here.
CREATE INDEX execution_status ON execution (status, key) WHERE status < 5;

-- The timer index.
CREATE INDEX execution_wake ON execution (wake_us, key) WHERE wake_us IS NOT NULL;

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
-- write the log beforehand: shorter it can never be.
CREATE TABLE session (
    closed INTEGER NOT NULL,
    log_bytes INTEGER NOT NULL
) STRICT;

INSERT INTO session (closed, log_bytes) VALUES (1, 0);
