-- Speed tests: one row for each that was asked for, whatever came of it. low: what was too slow, words with spaces
-- between. bytes: of all its measurements. boot and uptime: when it began, whatever the clock of the machine was set to.
CREATE TABLE speed_tests (
    id {identity},
    status VARCHAR(12) NOT NULL,
    source VARCHAR(12) NOT NULL,
    requested_by VARCHAR(80) NOT NULL,
    local_date VARCHAR(10) NOT NULL,
    anyway INTEGER NOT NULL DEFAULT 0,
    created_at VARCHAR(24) NOT NULL,
    began_at VARCHAR(24),
    boot VARCHAR(80) NOT NULL DEFAULT '',
    uptime FLOAT NOT NULL DEFAULT 0,
    finished_at VARCHAR(24),
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    provider VARCHAR(20),
    server VARCHAR(200) NOT NULL DEFAULT '',
    server_name VARCHAR(200) NOT NULL DEFAULT '',
    ping_ms FLOAT,
    download_mbps FLOAT,
    upload_mbps FLOAT,
    low VARCHAR(40) NOT NULL DEFAULT '',
    bytes INTEGER NOT NULL DEFAULT 0,
    seconds FLOAT NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    error_code VARCHAR(20) NOT NULL DEFAULT '',
    progress_json TEXT NOT NULL DEFAULT '{}',
    progress_at VARCHAR(24),
    owner VARCHAR(120),
    holder VARCHAR(200)
);
CREATE UNIQUE INDEX one_running_speed_test ON speed_tests (status) WHERE status = 'running';
CREATE INDEX speed_tests_by_date ON speed_tests (local_date);
CREATE INDEX speed_tests_by_result ON speed_tests (status, began_at);

-- Each measurement of a test by one provider; flaw: why it does not count, NULL = it can be believed.
CREATE TABLE speed_runs (
    id {identity},
    test_id INTEGER NOT NULL,
    at VARCHAR(24) NOT NULL,
    provider VARCHAR(20) NOT NULL,
    server VARCHAR(200) NOT NULL DEFAULT '',
    server_name VARCHAR(200) NOT NULL DEFAULT '',
    ping_ms FLOAT,
    download_mbps FLOAT,
    upload_mbps FLOAT,
    flaw VARCHAR(20),
    said TEXT NOT NULL DEFAULT '',
    bytes INTEGER NOT NULL DEFAULT 0,
    seconds FLOAT NOT NULL DEFAULT 0
);
CREATE INDEX speed_runs_by_test ON speed_runs (test_id);
CREATE INDEX speed_runs_by_time ON speed_runs (at);
CREATE INDEX speed_runs_by_provider ON speed_runs (provider, at);

-- One row for each local date whose test became due. outcome '' = the date is not over yet.
CREATE TABLE speed_days (
    local_date VARCHAR(10) NOT NULL PRIMARY KEY,
    outcome VARCHAR(12) NOT NULL DEFAULT '',
    hindrance VARCHAR(20),
    again_at VARCHAR(24),
    again_boot VARCHAR(80) NOT NULL DEFAULT '',
    again_uptime FLOAT NOT NULL DEFAULT 0,
    settled_at VARCHAR(24)
);
