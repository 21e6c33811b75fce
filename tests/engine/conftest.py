"""Simulated servers and rigs for the engine's tests."""

import pytest
from rig import Rig

from keeper.demo.process import DemoPlex

QUICK = {"refresh_seconds": "0.05-0.15", "lost": 0}


@pytest.fixture
def serve():
    """Starts simulated servers that end with the test."""
    started = []

    def start(library="movies:40:8", **options):
        started.append(DemoPlex(library=library, **(QUICK | options)).start())
        return started[-1]

    yield start
    for plex in started:
        plex.stop()


@pytest.fixture
def rig(tmp_path, serve):
    """A rig on a small, quick server: 40 movies, 8 of them flawed, all of them mendable."""
    rig = Rig(tmp_path, serve(never_mend=0))
    yield rig
    rig.database.close()
