"""The error family. Each error is a sentence a person can act on, a stable `code`, and a word on retrying.

KeeperError
├── SettingsError            a setting is wrong: names key, value and accepted form
├── AuthFileError            auth.yaml cannot be used
├── PasswordRefused          a new password cannot be used, or the old one was wrong
├── StoreError               the data file: busy, damaged, newer than this program
│   ├── StoreNewer
│   ├── StoreDamaged
│   └── StoreRefused         what it was given cannot be stored, now or later
├── RunError                 what was asked for cannot be done now: a scan, an action, a script
│   └── WrongUse             nor ever: a command or a script says something that nobody understands
├── PlexError                anything between us and the server
│   ├── PlexUnreachable      refused, no route, name not found, connection cut     (retry)
│   ├── PlexSilent           accepted, then no complete answer in time             (retry)
│   ├── PlexStarting         503 Maintenance, or 'still starting up'               (retry)
│   ├── PlexOverloaded       503 without Maintenance, 502, 504, 429                (retry)
│   ├── PlexGarbled          200, but not what a Plex server says                  (retry)
│   ├── PlexRejected         any other status                                      (retry)
│   ├── PlexNotFound         404
│   ├── PlexUnauthorized     401: the token
│   ├── PlexForbidden        403: the token is not the owner's
│   └── PlexOtherServer      another server answers at the same address
└── Stopped                  not a failure: somebody or something ends the work
    ├── Cancelled            the owner asked for it
    └── Interrupted          the service stops
"""

from __future__ import annotations


class KeeperError(Exception):
    """Base of all. `retry` tells the catcher whether the same thing may work a little later."""

    code = "error"
    retry = False

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class SettingsError(KeeperError):
    code = "settings"

    def __init__(self, key: str, value: str, accepted: str) -> None:
        super().__init__(f"{key} is {value!r}; accepted is {accepted}.")
        self.key = key


class AuthFileError(KeeperError):
    code = "auth_file"


class PasswordRefused(KeeperError):
    """A password cannot be used or changed; the sentence says why, `seconds` when to try again."""

    code = "password"

    def __init__(self, sentence: str, code: str = "password", seconds: float = 0.0) -> None:
        super().__init__(sentence)
        self.code, self.seconds = code, seconds


class StoreError(KeeperError):
    code = "store"
    retry = True


class StoreNewer(StoreError):
    code = "store_newer"
    retry = False


class StoreDamaged(StoreError):
    code = "store_damaged"
    retry = False


class StoreRefused(StoreError):
    """What it was given is nothing that can be stored: no number, or no result."""

    code = "store_refused"
    retry = False


class RunError(KeeperError):
    code = "run"


class WrongUse(RunError):
    """What was typed cannot be meant: no such file, outlet or folder, a script that is none. Commands end with 2."""

    code = "wrong_use"


class PlexError(KeeperError):
    code = "plex"
    retry = True


class PlexUnreachable(PlexError):
    code = "plex_unreachable"


class PlexSilent(PlexError):
    code = "plex_silent"


class PlexStarting(PlexError):
    code = "plex_starting"


class PlexOverloaded(PlexError):
    code = "plex_overloaded"


class PlexGarbled(PlexError):
    code = "plex_garbled"


class PlexRejected(PlexError):
    code = "plex_rejected"

    def __init__(self, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status


class PlexNotFound(PlexError):
    code = "plex_not_found"
    retry = False


class PlexUnauthorized(PlexError):
    code = "plex_unauthorized"
    retry = False


class PlexForbidden(PlexError):
    code = "plex_forbidden"
    retry = False


class PlexOtherServer(PlexError):
    code = "plex_other_server"
    retry = False


class Stopped(KeeperError):
    code = "stopped"


class Cancelled(Stopped):
    code = "cancelled"


class Interrupted(Stopped):
    code = "interrupted"
