-- Which event has to go where, and what became of it. An outlet's cursor is the last event that was looked at for it.

CREATE TABLE outlets (
    name VARCHAR(80) NOT NULL PRIMARY KEY,
    fingerprint VARCHAR(120) NOT NULL,
    cursor INTEGER NOT NULL,
    registered_at VARCHAR(24) NOT NULL,
    blocked TEXT NOT NULL DEFAULT '',
    blocked_at VARCHAR(24),
    paused_until VARCHAR(24),
    last_sent_at VARCHAR(24)
);

-- begun_at: a try was begun and nobody knows yet what became of it. held_until: quiet hours. next_at: a try failed.
CREATE TABLE deliveries (
    id {identity},
    event_id INTEGER NOT NULL,
    outlet VARCHAR(80) NOT NULL,
    status VARCHAR(12) NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    begun_at VARCHAR(24),
    held_until VARCHAR(24),
    next_at VARCHAR(24),
    sent_at VARCHAR(24),
    remote_id VARCHAR(200) NOT NULL DEFAULT '',
    why TEXT NOT NULL DEFAULT '',
    uncertain INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX deliveries_once ON deliveries (event_id, outlet);
CREATE INDEX deliveries_by_status ON deliveries (outlet, status, event_id);
-- What waits is little beside what was sent: the courier asks small indexes.
CREATE INDEX deliveries_ready ON deliveries (outlet, event_id) WHERE status = 'pending' AND held_until IS NULL;
CREATE INDEX deliveries_held ON deliveries (outlet, held_until, event_id)
    WHERE status = 'pending' AND held_until IS NOT NULL;
CREATE INDEX deliveries_again ON deliveries (outlet) WHERE status = 'pending' AND next_at IS NOT NULL;

-- month: 'YYYY-MM' of UTC.
CREATE TABLE outlet_calls (
    name VARCHAR(80) NOT NULL,
    month VARCHAR(7) NOT NULL,
    calls INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (name, month)
);

-- Lists of events, newest first: each filter walks along the index that has its rows together and in order.
CREATE INDEX events_by_kind ON events (kind, severity, id);
CREATE INDEX events_by_kind_and_time ON events (kind, severity, at, id);
CREATE INDEX events_by_severity ON events (severity, id);
CREATE INDEX events_by_severity_and_time ON events (severity, at, id);
