-- When an execution was to begin, if not at once.
ALTER TABLE execution ADD COLUMN start_us INTEGER;
-- The attributes it was given, if any, as a JSON object.
ALTER TABLE execution ADD COLUMN attributes TEXT;

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

INSERT INTO creation (block, earliest_us, latest_us)
SELECT key >> 10, min(created_us), max(created_us) FROM execution
WHERE key < (SELECT max(key) >> 10 << 10 FROM execution) GROUP BY key >> 10;
