-- Before pages are moved from the log into the file, the row is marked, and moved with them: so the
-- file by itself tells up to where it has the log. log_salt: of which log; mark counts up; mark_base:
-- the last mark of the log before. touched counts up, for a commit to have something to change.
ALTER TABLE session ADD COLUMN log_salt INTEGER;
ALTER TABLE session ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN mark_base INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN touched INTEGER NOT NULL DEFAULT 0;
