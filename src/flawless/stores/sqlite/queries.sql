-- Every statement of the store, by name. Parameters are positional, in the order they are numbered.

-- name: insert_chunk
INSERT INTO journal (position, count, data) VALUES (?1, ?2, ?3);

-- name: last_chunk
-- The end of one journal: positions from ?1 on, below ?2.
SELECT position, count, data FROM journal
WHERE position >= ?1 AND position < ?2 ORDER BY position DESC LIMIT 1;

-- name: journal_end
-- As above, without the data.
SELECT position, count FROM journal
WHERE position >= ?1 AND position < ?2 ORDER BY position DESC LIMIT 1;

-- name: insert_execution
INSERT INTO execution (id, workflow, deployment, status, created_us, updated_us, wake_us, digest)
VALUES (?1, ?2, ?3, 0, ?4, ?4, NULL, ?5)
ON CONFLICT (id) DO NOTHING RETURNING key;

-- name: set_status
UPDATE execution SET status = ?2, wake_us = ?3, updated_us = ?4 WHERE key = ?1;

-- name: execution_key
SELECT key FROM execution WHERE id = ?1;

-- name: name_key
SELECT key FROM name WHERE text = ?1;

-- name: insert_name
INSERT INTO name (text) VALUES (?1) RETURNING key;

-- name: save_attempts
INSERT INTO attempt (position, data) VALUES (?1, ?2)
ON CONFLICT (position) DO UPDATE SET data = excluded.data;

-- name: delete_attempts
-- All of one execution or one of its effects: from ?1 on, below ?2.
DELETE FROM attempt WHERE position >= ?1 AND position < ?2;

-- name: save_deployment
INSERT INTO deployment (id, label, kind, manifest, component, created_us)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (id) DO NOTHING;

-- name: save_blob
INSERT INTO blob (sha256, data) VALUES (?1, ?2) ON CONFLICT (sha256) DO NOTHING;

-- name: record
SELECT e.id, w.text, d.text, e.status, e.created_us, e.updated_us, e.wake_us, e.digest
FROM execution AS e
LEFT JOIN name AS w ON w.key = e.workflow
LEFT JOIN name AS d ON d.key = e.deployment
WHERE e.id = ?1;

-- name: records
-- The caller adds conditions, order and limit.
SELECT e.id, w.text, d.text, e.status, e.created_us, e.updated_us, e.wake_us, e.digest
FROM execution AS e
LEFT JOIN name AS w ON w.key = e.workflow
LEFT JOIN name AS d ON d.key = e.deployment
WHERE;

-- name: running
SELECT e.id, w.text, d.text, e.status, e.created_us, e.updated_us, e.wake_us, e.digest
FROM execution AS e
LEFT JOIN name AS w ON w.key = e.workflow
LEFT JOIN name AS d ON d.key = e.deployment
WHERE e.status = 0 AND e.status < 5 AND e.key > ?1 ORDER BY e.key LIMIT ?2;

-- name: due
SELECT e.id, w.text, d.text, e.status, e.created_us, e.updated_us, e.wake_us, e.digest
FROM execution AS e
LEFT JOIN name AS w ON w.key = e.workflow
LEFT JOIN name AS d ON d.key = e.deployment
WHERE e.wake_us <= ?1 AND e.wake_us IS NOT NULL ORDER BY e.wake_us, e.key LIMIT ?2;

-- name: next_wake
SELECT min(wake_us) FROM execution WHERE wake_us IS NOT NULL;

-- name: counts
SELECT status, count(*) FROM execution WHERE status < 5 GROUP BY status;

-- name: count_all
SELECT count(*) FROM execution;

-- name: chunks
SELECT position, count, data FROM journal
WHERE position >= ?1 AND position < ?2 ORDER BY position;

-- name: attempts
SELECT position, data FROM attempt WHERE position >= ?1 AND position < ?2 ORDER BY position;

-- name: deployment
SELECT id, label, kind, manifest, component, created_us FROM deployment WHERE id = ?1;

-- name: deployments
SELECT id, label, kind, manifest, component, created_us FROM deployment ORDER BY key DESC;

-- name: blob
SELECT data FROM blob WHERE sha256 = ?1;

-- name: blob_exists
SELECT 1 FROM blob WHERE sha256 = ?1;

-- name: session
SELECT closed, log_bytes FROM session;

-- name: open_session
UPDATE session SET closed = 0, log_bytes = ?1;

-- name: close_session
UPDATE session SET closed = 1;
