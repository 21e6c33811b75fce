-- Every start and stop of Plex, as the watchdog noticed it. lived: seconds that it had run, NULL = not known.
-- by_agent: us, owner, updater, crash, machine or unknown. person: who asked us for it.

CREATE TABLE plex_turns (
    id {identity},
    at VARCHAR(24) NOT NULL,
    what VARCHAR(12) NOT NULL,
    by_agent VARCHAR(12) NOT NULL,
    lived FLOAT,
    person VARCHAR(80) NOT NULL DEFAULT ''
);
