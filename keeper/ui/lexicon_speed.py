"""The words of the speed test: who measures, what came of it, why none is made now, and why a result does not count.
The lexicon takes them in."""

from __future__ import annotations

from enum import StrEnum

from keeper.rules.types import Aspect, Flaw, Hindrance, SpeedProvider, SpeedSource, SpeedStatus
from keeper.ui.lexicon_watch import Pair

#: Hindrances and flaws are sentences without their full stop: they stand after a colon, or alone.
SPEED_WORDS: dict[type[StrEnum], dict[str, Pair]] = {
    SpeedProvider: {
        SpeedProvider.SPEEDTEST_CLI: ("speedtest-cli", "speedtest-cli"),
        SpeedProvider.OOKLA: ("Ookla Speedtest", "Ookla Speedtest"),
        SpeedProvider.LIBRESPEED: ("LibreSpeed", "LibreSpeed"),
        SpeedProvider.HTTP: ("Own HTTP test", "Eigener HTTP-Test"),
    },
    SpeedSource: {
        SpeedSource.SCHEDULE: ("Daily test", "Täglicher Test"),
        SpeedSource.MANUAL: ("Started by hand", "Von Hand gestartet"),
        SpeedSource.CLI: ("Command line", "Kommandozeile"),
    },
    SpeedStatus: {
        SpeedStatus.QUEUED: ("Waiting", "Wartet"),
        SpeedStatus.RUNNING: ("Running", "Läuft"),
        SpeedStatus.SUCCESS: ("Measured", "Gemessen"),
        SpeedStatus.FAILED: ("Failed", "Fehlgeschlagen"),
        SpeedStatus.PUT_OFF: ("Not measured", "Nicht gemessen"),
        SpeedStatus.CANCELLED: ("Cancelled", "Abgebrochen"),
        SpeedStatus.INTERRUPTED: ("Interrupted", "Unterbrochen"),
    },
    Hindrance: {
        Hindrance.IN_USE: ("somebody is watching", "es schaut jemand"),
        Hindrance.IN_USE_UNKNOWN: (
            "it cannot be told whether somebody is watching",
            "es lässt sich nicht feststellen, ob jemand schaut",
        ),
        Hindrance.UPDATING: ("Plex is starting or being updated", "Plex startet oder wird aktualisiert"),
        Hindrance.NO_LINE: ("there is no internet", "es gibt kein Internet"),
        Hindrance.ACTING: ("the watchdog is at work", "der Wächter ist bei der Arbeit"),
        Hindrance.SCANNING: ("a scan is running", "es läuft ein Scan"),
        Hindrance.BUDGET: ("the data budget is used up", "das Datenkontingent ist aufgebraucht"),
        Hindrance.FAILED: ("no result could be believed", "kein Ergebnis war glaubhaft"),
    },
    Flaw: {
        Flaw.NOT_INSTALLED: ("it is not installed", "es ist nicht installiert"),
        Flaw.BROKEN: ("it ended with an error", "es endete mit einem Fehler"),
        Flaw.BLOCKED: ("the provider refused (403)", "der Anbieter hat abgelehnt (403)"),
        Flaw.NO_SERVER: ("no server could be reached", "kein Server war erreichbar"),
        Flaw.TOO_LATE: ("it was not done in time", "es wurde nicht rechtzeitig fertig"),
        Flaw.GARBLED: ("its answer cannot be read", "die Antwort ist nicht lesbar"),
        Flaw.NO_PING: ("it never reached its server", "der Server wurde nie erreicht"),
        Flaw.NO_DOWNLOAD: ("it measured no download", "es kam kein Download zustande"),
        Flaw.NO_UPLOAD: ("it measured no upload", "es kam kein Upload zustande"),
        Flaw.ABSURD: ("its figures cannot be true", "die Werte können nicht stimmen"),
        Flaw.STOPPED: ("it was ended before it was done", "es wurde vorher beendet"),
        Flaw.TOO_MANY_BYTES: ("it would have cost too much data", "es hätte zu viele Daten verbraucht"),
    },
    Aspect: {
        Aspect.DOWNLOAD: ("Download", "Download"),
        Aspect.UPLOAD: ("Upload", "Upload"),
        Aspect.PING: ("Ping", "Ping"),
    },
}
