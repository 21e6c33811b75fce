-- The first house. Times are UTC text 'YYYY-MM-DDTHH:MM:SS.mmmZ': they sort as text and SQLite's datetime() reads them.
-- {identity} becomes the dialect's self-numbering primary key.

CREATE TABLE settings (
    key VARCHAR(80) NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    changed_at VARCHAR(24) NOT NULL,
    changed_by VARCHAR(80) NOT NULL
);

CREATE TABLE leases (
    name VARCHAR(40) NOT NULL PRIMARY KEY,
    owner VARCHAR(120) NOT NULL,
    holder VARCHAR(200) NOT NULL,
    until VARCHAR(24) NOT NULL
);

CREATE TABLE day_marks (
    name VARCHAR(40) NOT NULL,
    local_date VARCHAR(10) NOT NULL,
    marked_at VARCHAR(24) NOT NULL,
    job_id VARCHAR(40),
    PRIMARY KEY (name, local_date)
);

-- A server has a short number, because it stands in every row of media_state.
CREATE TABLE servers (
    id {identity},
    machine_id VARCHAR(120) NOT NULL UNIQUE,
    name VARCHAR(200) NOT NULL
);

-- Which server answers at which address; another one answering there is an error until the owner agrees.
CREATE TABLE addresses (
    url VARCHAR(400) NOT NULL PRIMARY KEY,
    server_id INTEGER NOT NULL,
    pinned_at VARCHAR(24) NOT NULL
);

CREATE TABLE scan_runs (
    job_id VARCHAR(40) NOT NULL PRIMARY KEY,
    status VARCHAR(12) NOT NULL,
    source VARCHAR(12) NOT NULL,
    requested_by VARCHAR(80) NOT NULL,
    dry_run INTEGER NOT NULL,
    options_json TEXT NOT NULL,
    created_at VARCHAR(24) NOT NULL,
    started_at VARCHAR(24),
    finished_at VARCHAR(24),
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    error_code VARCHAR(40),
    phase VARCHAR(12) NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    current_title TEXT NOT NULL DEFAULT '',
    eta_seconds REAL,
    note TEXT NOT NULL DEFAULT '',
    progress_at VARCHAR(24),
    stats_json TEXT NOT NULL DEFAULT '{}',
    owner VARCHAR(120),
    holder VARCHAR(200),
    lease_until VARCHAR(24),
    resumes INTEGER NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX one_running_scan ON scan_runs (status) WHERE status = 'running';
CREATE INDEX scan_runs_by_start ON scan_runs (started_at);
CREATE INDEX scan_runs_by_creation ON scan_runs (created_at);

CREATE TABLE scan_items (
    job_id VARCHAR(40) NOT NULL,
    rating_key VARCHAR(40) NOT NULL,
    position INTEGER NOT NULL,
    section_key VARCHAR(20) NOT NULL,
    section_title TEXT NOT NULL,
    kind VARCHAR(12) NOT NULL,
    title TEXT NOT NULL,
    parent TEXT NOT NULL,
    year INTEGER NOT NULL,
    found_missing VARCHAR(80) NOT NULL,
    missing VARCHAR(80) NOT NULL,
    asks INTEGER NOT NULL DEFAULT 0,
    found_at VARCHAR(24) NOT NULL,
    asked_at VARCHAR(24),
    judged_at VARCHAR(24),
    outcome VARCHAR(16),
    why VARCHAR(40) NOT NULL DEFAULT '',
    PRIMARY KEY (job_id, rating_key)
);
CREATE INDEX scan_items_by_outcome ON scan_items (job_id, outcome, position);
CREATE INDEX scan_items_by_position ON scan_items (job_id, position);

CREATE TABLE media_state (
    server_id INTEGER NOT NULL,
    rating_key VARCHAR(40) NOT NULL,
    section_key VARCHAR(20) NOT NULL,
    kind VARCHAR(12) NOT NULL,
    title TEXT NOT NULL,
    parent TEXT NOT NULL,
    year INTEGER NOT NULL,
    state VARCHAR(12) NOT NULL DEFAULT 'ok',
    missing VARCHAR(80) NOT NULL DEFAULT '',
    outcome VARCHAR(16),
    why VARCHAR(40) NOT NULL DEFAULT '',
    failed_count INTEGER NOT NULL DEFAULT 0,
    next_try_at VARCHAR(24),
    ignored INTEGER NOT NULL DEFAULT 0,
    changed_at VARCHAR(24) NOT NULL,
    job_id VARCHAR(40) NOT NULL,
    PRIMARY KEY (server_id, rating_key)
);
-- Only flawed items are looked for by title; an index over all of them would cost every scan more than it gives.
CREATE INDEX media_state_flawed ON media_state (server_id, section_key, title, rating_key) WHERE state = 'flawed';
CREATE INDEX media_state_due ON media_state (server_id, next_try_at) WHERE next_try_at IS NOT NULL;

CREATE TABLE library_sections (
    server_id INTEGER NOT NULL,
    section_key VARCHAR(20) NOT NULL,
    type VARCHAR(20) NOT NULL,
    title TEXT NOT NULL,
    agent VARCHAR(120) NOT NULL,
    uuid VARCHAR(80) NOT NULL,
    locations_json TEXT NOT NULL,
    seen_at VARCHAR(24) NOT NULL,
    PRIMARY KEY (server_id, section_key)
);

CREATE TABLE checks (
    id {identity},
    at VARCHAR(24) NOT NULL,
    cause VARCHAR(24) NOT NULL,
    sentence TEXT NOT NULL,
    facts_json TEXT NOT NULL,
    decision_json TEXT NOT NULL,
    milliseconds REAL
);
CREATE INDEX checks_by_time ON checks (at);

CREATE TABLE events (
    id {identity},
    at VARCHAR(24) NOT NULL,
    kind VARCHAR(60) NOT NULL,
    severity VARCHAR(12) NOT NULL,
    message TEXT NOT NULL,
    data_json TEXT NOT NULL
);
CREATE INDEX events_by_time ON events (at);

CREATE TABLE sessions (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    username VARCHAR(80) NOT NULL,
    password_mark VARCHAR(64) NOT NULL,
    created_at VARCHAR(24) NOT NULL,
    last_seen_at VARCHAR(24) NOT NULL,
    expires_at VARCHAR(24) NOT NULL,
    address VARCHAR(80) NOT NULL,
    browser VARCHAR(200) NOT NULL,
    revoked_at VARCHAR(24)
);

CREATE TABLE login_failures (
    id {identity},
    at VARCHAR(24) NOT NULL,
    place VARCHAR(80) NOT NULL,
    stranger INTEGER NOT NULL,
    username VARCHAR(80) NOT NULL
);
CREATE INDEX login_failures_by_place ON login_failures (place, at);
CREATE INDEX login_failures_by_time ON login_failures (stranger, at);
