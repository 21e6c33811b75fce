"""Pages stay quick with 500 runs and 100,000 item rows in the file."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import pytest
from serving import Service

from keeper.store.db import Database

expect = pytest.importorskip("playwright.sync_api").expect
LIMIT_SECONDS = 1.5
RUNS, ITEMS = 500, 100_000


def fill(store: Any) -> str:
    """A file of somebody with a long history; the id of one of its runs."""
    Database(store).migrate()
    connection = sqlite3.connect(store)
    with connection:
        connection.execute("insert into servers values (1, 'abc', 'Demo Server')")
        connection.execute("insert into addresses values ('demo', 1, '2026-01-01T00:00:00.000Z')")
        when = "2026-11-%02dT%02d:00:00.000Z"
        connection.executemany(
            "insert into scan_runs (job_id,status,source,requested_by,dry_run,options_json,created_at,started_at,"
            "finished_at,phase,stats_json,seconds) values (?,'success','manual','me',0,'{}',?,?,?,'done',?,12)",
            [(f"run-{n}", *[when % (1 + n % 20, n % 24)] * 3, '{"checked": 200, "fixed": 3}') for n in range(RUNS)],
        )
        connection.executemany(
            "insert into scan_items (job_id,rating_key,position,section_key,section_title,kind,title,parent,year,"
            "found_missing,missing,asks,found_at,judged_at,outcome) values (?,?,?,'1','Movies','movie',?,'',1999,"
            "'poster','',1,'2026-11-01T00:00:00.000Z','2026-11-01T00:00:01.000Z','fixed')",
            [(f"run-{n % RUNS}", str(n), n, f"Title {n}") for n in range(ITEMS)],
        )
        connection.executemany(
            "insert into media_state (server_id,rating_key,section_key,kind,title,parent,year,state,missing,changed_at,"
            "job_id) values (1,?,'1','movie',?,'',1999,?,?,'2026-11-01T00:00:00.000Z','run-1')",
            [(str(n), f"Title {n}", *(("flawed", "poster") if n % 50 == 0 else ("ok", ""))) for n in range(ITEMS)],
        )
    connection.close()
    return "run-7"


def test_every_page_opens_within_one_and_a_half_seconds(tmp_path: Any, browser: Any, log_in: Any) -> None:
    service = Service(tmp_path)
    job_id = fill(service.store)
    with service:
        page = browser.new_context(locale="en-GB").new_page()
        log_in(page, service.address)
        ready = {
            "/": "100,000 items",
            "/library": "2,000",
            "/runs": "12 s",
            f"/runs?job={job_id}": "Title 7",
        }
        for path, text in ready.items():
            took = []
            for _ in range(3):
                began = time.monotonic()
                page.goto(service.address + path)
                expect(page.get_by_text(text).first).to_be_visible()
                took.append(time.monotonic() - began)
            assert min(took) < LIMIT_SECONDS, f"{path}: {took}"
        page.context.close()
