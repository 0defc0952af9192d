-- The deployments that new executions run on, in order, as the engine last said.
CREATE TABLE active (
    place INTEGER PRIMARY KEY,
    deployment TEXT NOT NULL UNIQUE
) STRICT;
