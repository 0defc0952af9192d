-- Every statement of the store, by name. Parameters are positional, in the order they are numbered.

-- name: insert_chunks
-- As many rows as the braces are filled with.
INSERT INTO journal (position, count, data) VALUES {rows};

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

-- name: insert_ended
-- One that has ended in the same commit, with the status ?6 at ?7.
INSERT INTO execution (id, workflow, deployment, status, created_us, updated_us, wake_us, digest)
VALUES (?1, ?2, ?3, ?6, ?4, ?7, NULL, ?5)
ON CONFLICT (id) DO NOTHING RETURNING key;

-- name: insert_marked
-- One that waits until ?6 before it begins, if that is not NULL, or has the attributes ?7.
INSERT INTO execution (
    id, workflow, deployment, status, created_us, updated_us, wake_us, digest, start_us, attributes
)
VALUES (?1, ?2, ?3, ?6 IS NOT NULL, ?4, ?4, ?6, ?5, ?6, ?7)
ON CONFLICT (id) DO NOTHING RETURNING key;

-- name: complete_block
-- The executions with keys from ?1 on, below ?2, are a block.
INSERT INTO creation (block, earliest_us, latest_us)
SELECT ?1 >> 10, min(created_us), max(created_us) FROM execution WHERE key >= ?1 AND key < ?2;

-- name: index_attributes
INSERT INTO attribute (name, value, key)
SELECT one.key, one.value, e.key FROM execution AS e, json_each(e.attributes) AS one
WHERE e.key = ?1;

-- name: set_status
UPDATE execution SET status = ?2, wake_us = ?3, updated_us = ?4, listening = ?5 WHERE key = ?1;

-- name: execution_key
SELECT key FROM execution WHERE id = ?1;

-- name: execution_origin
-- NULL for an earlier run: nothing that lasts belongs to it.
SELECT iif(status < 8, coalesce(origin, key), NULL) FROM execution WHERE id = ?1;

-- name: execution_keys
SELECT key, coalesce(origin, key), status, run FROM execution WHERE id = ?1;

-- name: recipient
SELECT key, coalesce(origin, key), id, status, wake_us, listening FROM execution WHERE id = ?1;

-- name: recipient_of_origin
SELECT key, coalesce(origin, key), id, status, wake_us, listening FROM execution
WHERE key = coalesce((SELECT max(r.key) FROM execution AS r WHERE r.origin = ?1), ?1);

-- name: wake
UPDATE execution SET wake_us = ?2 WHERE key = ?1;

-- name: rename_run
UPDATE execution SET id = ?2, status = ?3, updated_us = coalesce(?4, updated_us),
    wake_us = NULL, listening = 0
WHERE key = ?1;

-- name: insert_run
INSERT INTO execution (
    id, workflow, deployment, status, created_us, updated_us, wake_us, digest, run, origin,
    attributes
)
SELECT ?1, ?2, ?3, 0, ?4, ?4, NULL, ?5, ?6, ?7, attributes FROM execution WHERE key = ?8
RETURNING key;

-- name: insert_child
INSERT INTO child (key, parent, run, effect, close, depth) VALUES (?1, ?2, ?3, ?4, ?5, ?6);

-- name: child_link
SELECT parent, run, effect FROM child WHERE key = ?1;

-- name: children_to_cancel
SELECT key FROM child WHERE parent = ?1 AND close = 'cancel' ORDER BY key;

-- name: inbox
SELECT last, waiting, waiting_bytes FROM inbox WHERE key = ?1;

-- name: save_inbox
INSERT INTO inbox (key, last, waiting, waiting_bytes) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (key) DO UPDATE SET
    last = excluded.last, waiting = excluded.waiting, waiting_bytes = excluded.waiting_bytes;

-- name: free_inbox
UPDATE inbox SET waiting = waiting - ?2, waiting_bytes = waiting_bytes - ?3 WHERE key = ?1;

-- name: insert_message
INSERT INTO message (position, name, payload, at_us, id) VALUES (?1, ?2, ?3, ?4, ?5);

-- name: receive_message
DELETE FROM message WHERE position = ?1 RETURNING name, length(payload);

-- name: delete_messages
DELETE FROM message WHERE position >= ?1 AND position < ?2;

-- name: delete_orders
-- The signals of one inbox that tell it what to do; those that tell of children stay.
DELETE FROM message
WHERE position >= ?1 AND position < ?2
AND name >= ':' AND name < ';' AND NOT (name >= ':child:' AND name < ':child;');

-- name: message_known
SELECT 1 FROM message_id WHERE inbox = ?1 AND id = ?2;

-- name: insert_message_id
INSERT INTO message_id (inbox, id) VALUES (?1, ?2);

-- name: save_state
INSERT INTO visible (key, version, at_us, value) VALUES (?1, 1, ?2, ?3)
ON CONFLICT (key) DO UPDATE SET
    version = version + 1, at_us = excluded.at_us, value = excluded.value;

-- name: save_response
INSERT INTO visible (key, version, at_us, value) VALUES (?1, 1, ?2, ?3)
ON CONFLICT (key) DO NOTHING;

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

-- name: records
-- How a record is read. Statements begin with it where they say {records}; callers may add to it.
SELECT e.id, w.text, d.text, e.status, e.created_us, e.updated_us, e.wake_us, e.digest, e.run,
    p.id, c.run, c.effect, c.close, c.depth, e.start_us, e.attributes
FROM execution AS e
LEFT JOIN name AS w ON w.key = e.workflow
LEFT JOIN name AS d ON d.key = e.deployment
LEFT JOIN child AS c ON c.key = coalesce(e.origin, e.key)
LEFT JOIN execution AS p ON p.key = coalesce(
    (SELECT max(r.key) FROM execution AS r WHERE r.origin = c.parent), c.parent
);

-- name: record
{records}
WHERE e.id = ?1;

-- name: records_of_keys
{records}
WHERE e.key IN (SELECT value FROM json_each(?1)) ORDER BY e.key DESC;

-- name: walk
-- For lists. What is in braces is filled in by `search.py`.
SELECT {key} FROM {source}{execution}
WHERE {way} AND {key} >= ? AND {key} < ? AND {conditions} ORDER BY {key} DESC LIMIT ?;

-- name: measure
-- As above, along the index alone.
SELECT count(*), min(key) FROM (
    SELECT {key} AS key FROM {source} WHERE {way} AND {key} >= ? AND {key} < ?
    ORDER BY {key} DESC LIMIT ?
);

-- name: has_attribute
SELECT 1 FROM attribute AS o WHERE o.name = ? AND o.value = ? AND o.key = e.key;

-- name: newest_key
SELECT max(key) FROM execution;

-- name: earliest_from
-- The earliest time at which an execution with a key from ?1 on was created.
SELECT min(created_us) FROM execution WHERE key >= ?1;

-- name: last_block_before
-- The last block with an execution that was created before ?1.
SELECT block FROM creation WHERE earliest_us < ?1 ORDER BY block DESC LIMIT 1;

-- name: first_block_after
-- The first block with an execution that was created at ?1 or later.
SELECT block FROM creation WHERE latest_us >= ?1 ORDER BY block LIMIT 1;

-- name: count_prefix
-- At most ?3 ids from ?1 on, below ?2.
SELECT count(*) FROM (SELECT 1 FROM execution WHERE id >= ?1 AND id < ?2 LIMIT ?3);

-- name: running
{records}
WHERE e.status = 0 AND e.status < 5 AND e.key > ?1 ORDER BY e.key LIMIT ?2;

-- name: due
{records}
WHERE e.wake_us <= ?1 AND e.wake_us IS NOT NULL ORDER BY e.wake_us, e.key LIMIT ?2;

-- name: next_wake
SELECT min(wake_us) FROM execution WHERE wake_us IS NOT NULL;

-- name: counts
SELECT status, count(*) FROM execution WHERE status < 5 GROUP BY status;

-- name: count_all
SELECT count(*) FROM execution;

-- name: count_earlier_runs
-- As many as there are later ones.
SELECT count(*) FROM execution WHERE origin IS NOT NULL;

-- name: chunks
SELECT position, count, data FROM journal
WHERE position >= ?1 AND position < ?2 ORDER BY position;

-- name: chunks_from
-- From the chunk that holds the position ?2 on, of a journal with positions from ?1 to ?3.
SELECT position, count, data FROM journal
WHERE position >= (
    SELECT max(position) FROM journal WHERE position >= ?1 AND position <= ?2
) AND position <= ?3 ORDER BY position;

-- name: waking_message
-- Behind the position ?1, below ?2: a signal, or any message if ?3 is 1.
SELECT 1 FROM message
WHERE position > ?1 AND position < ?2 AND (?3 = 1 OR name >= ':' AND name < ';') LIMIT 1;

-- name: messages
-- Behind the position ?1, below ?2.
SELECT position, name, payload, at_us, id FROM message
WHERE position > ?1 AND position < ?2 ORDER BY position LIMIT ?3;

-- name: visible
SELECT value, version, at_us FROM visible WHERE key = ?1;

-- name: attempts
SELECT position, data FROM attempt WHERE position >= ?1 AND position < ?2 ORDER BY position;

-- name: deployment
SELECT id, label, kind, manifest, component, created_us FROM deployment WHERE id = ?1;

-- name: deployments
SELECT id, label, kind, manifest, component, created_us FROM deployment
WHERE key < CASE WHEN ?1 IS NULL THEN 9223372036854775807
    ELSE ifnull((SELECT key FROM deployment WHERE id = ?1), 0) END
ORDER BY key DESC LIMIT ?2;

-- name: active
SELECT deployment FROM active ORDER BY place;

-- name: forget_active
DELETE FROM active;

-- name: insert_active
INSERT INTO active (deployment) VALUES (?1);

-- name: blob
SELECT data FROM blob WHERE sha256 = ?1;

-- name: blob_exists
SELECT 1 FROM blob WHERE sha256 = ?1;

-- name: session
SELECT closed, log_bytes FROM session;

-- name: open_session
UPDATE session SET clean = min(clean, closed), closed = 0, log_bytes = ?1;

-- name: close_session
UPDATE session SET closed = 1;

-- name: marks
SELECT closed, log_salt, mark, mark_base FROM session;

-- name: session_page
SELECT rootpage FROM sqlite_schema WHERE name = 'session';

-- name: set_mark
-- ?1: the salt of the log.
UPDATE session SET
    mark_base = CASE WHEN log_salt IS ?1 THEN mark_base ELSE mark END,
    mark = mark + 1,
    log_salt = ?1;

-- name: touch_session
UPDATE session SET touched = touched + 1;

-- name: forget_marks
-- The length says that the store is being accepted.
UPDATE session SET closed = 0, log_salt = NULL, log_bytes = -1;

-- name: insert_opening
INSERT INTO opening (at_us, version, clean) SELECT ?1, ?2, clean FROM session;

-- name: session_noted
UPDATE session SET clean = 1;

-- name: forget_openings
-- All but the latest ?1.
DELETE FROM opening WHERE key <= (SELECT max(key) FROM opening) - ?1;

-- name: openings
SELECT at_us, version, clean FROM opening ORDER BY key DESC LIMIT ?1;

-- name: children
SELECT e.id, w.text, d.text, e.status, e.created_us, e.updated_us, e.wake_us, e.digest, e.run,
    ?2, c.run, c.effect, c.close, c.depth, e.start_us, e.attributes
FROM child AS c
JOIN execution AS e ON e.key = coalesce(
    (SELECT max(r.key) FROM execution AS r WHERE r.origin = c.key), c.key
)
LEFT JOIN name AS w ON w.key = e.workflow
LEFT JOIN name AS d ON d.key = e.deployment
WHERE c.key IN (
    -- Those that are left out are passed over in the index: nothing is looked up for them.
    SELECT key FROM child WHERE parent = ?1 ORDER BY key LIMIT ?3 OFFSET ?4
) ORDER BY c.key;

-- name: child_count
SELECT count(*) FROM child WHERE parent = ?1;
