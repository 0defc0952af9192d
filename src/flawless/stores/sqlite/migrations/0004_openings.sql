-- When engines opened the store, the last ones; clean: whether it had been closed in order before.
CREATE TABLE opening (
    key INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL,
    version TEXT NOT NULL,
    clean INTEGER NOT NULL
) STRICT;

-- Whether each session since the last row of `opening` was closed (1) or not (0).
ALTER TABLE session ADD COLUMN clean INTEGER NOT NULL DEFAULT 1;
