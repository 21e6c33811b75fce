-- The watchdog: incidents with their story, what was done, what it remembers between two looks, and looks rolled up.
-- FLOAT is a double in every dialect; REAL is not.

CREATE TABLE incidents (
    number INTEGER NOT NULL PRIMARY KEY,
    cause VARCHAR(24) NOT NULL,
    causes VARCHAR(600) NOT NULL,
    began_at VARCHAR(24) NOT NULL,
    began_boot VARCHAR(80) NOT NULL,
    began_uptime FLOAT NOT NULL,
    opened_at VARCHAR(24) NOT NULL,
    closed_at VARCHAR(24),
    gave_up INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX incidents_open ON incidents (number) WHERE closed_at IS NULL;

-- Incident 0 is none: what was done while nothing was wrong.
CREATE TABLE incident_steps (
    id {identity},
    incident INTEGER NOT NULL,
    at VARCHAR(24) NOT NULL,
    kind VARCHAR(12) NOT NULL,
    cause VARCHAR(24) NOT NULL,
    data_json TEXT NOT NULL
);
CREATE INDEX incident_steps_by_incident ON incident_steps (incident, id);

-- The ledger. Limits are counted from it, so a row is written before the action is done. NULL = not known (yet).
CREATE TABLE actions (
    id {identity},
    action VARCHAR(16) NOT NULL,
    at VARCHAR(24) NOT NULL,
    boot VARCHAR(80) NOT NULL,
    uptime FLOAT NOT NULL,
    incident INTEGER NOT NULL,
    by_whom VARCHAR(80) NOT NULL,
    done INTEGER,
    helped INTEGER,
    said TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX actions_once ON actions (boot, uptime, action);
CREATE INDEX actions_by_incident ON actions (incident, id);

-- One row, id 1.
CREATE TABLE watch_memory (
    id INTEGER NOT NULL PRIMARY KEY,
    saved_at VARCHAR(24) NOT NULL,
    watch_json TEXT NOT NULL
);

-- Hours and days of UTC. good, bad, seconds: seconds. What is neither is unknown. figures: {name: [mean, looks]}.
CREATE TABLE check_hours (
    begins_at VARCHAR(24) NOT NULL PRIMARY KEY,
    seconds FLOAT NOT NULL,
    good FLOAT NOT NULL,
    bad FLOAT NOT NULL,
    looks INTEGER NOT NULL,
    causes_json TEXT NOT NULL,
    response_ms FLOAT,
    answered INTEGER NOT NULL,
    figures_json TEXT NOT NULL
);

CREATE TABLE check_days (
    begins_at VARCHAR(24) NOT NULL PRIMARY KEY,
    seconds FLOAT NOT NULL,
    good FLOAT NOT NULL,
    bad FLOAT NOT NULL,
    looks INTEGER NOT NULL,
    causes_json TEXT NOT NULL,
    response_ms FLOAT,
    answered INTEGER NOT NULL,
    figures_json TEXT NOT NULL
);
