-- Runs. An execution's first run gives it its lasting number, `origin`: NULL is the run's own key.
-- From now on: status + 8 is that of an earlier run, whose id is `ID~run`.
ALTER TABLE execution ADD COLUMN run INTEGER NOT NULL DEFAULT 1;
ALTER TABLE execution ADD COLUMN origin INTEGER;
-- Whether a message (and not only a signal) wakes it.
ALTER TABLE execution ADD COLUMN listening INTEGER NOT NULL DEFAULT 0;

-- The later runs of executions that have several: the last one is the latest.
CREATE INDEX execution_run ON execution (origin, key) WHERE origin IS NOT NULL;

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
