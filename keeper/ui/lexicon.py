"""A word in English and German for every kind, state, outcome, cause and error of the house.

Members of different enums may have the same value ('queued' is a status and a phase), so the table
is kept by class. A test walks all of them.
"""

from __future__ import annotations

from enum import StrEnum

from keeper.rules.types import (
    Cause,
    DeliveryStatus,
    Group,
    Kind,
    Missing,
    Outcome,
    Phase,
    RunStatus,
    Severity,
    Source,
    Why,
)
from keeper.ui.lexicon_speed import SPEED_WORDS
from keeper.ui.lexicon_watch import WATCH_WORDS, Pair

WORDS: dict[type[StrEnum], dict[str, Pair]] = {
    Kind: {
        Kind.MOVIE: ("Movie", "Film"),
        Kind.SHOW: ("Show", "Serie"),
        Kind.SEASON: ("Season", "Staffel"),
        Kind.EPISODE: ("Episode", "Folge"),
        Kind.ARTIST: ("Artist", "Interpret"),
        Kind.ALBUM: ("Album", "Album"),
    },
    Missing: {
        Missing.POSTER: ("Poster", "Poster"),
        Missing.SUMMARY: ("Summary", "Beschreibung"),
        Missing.MATCH: ("Match", "Zuordnung"),
        Missing.IDS: ("IDs", "Kennungen"),
        Missing.YEAR: ("Year", "Jahr"),
        Missing.ART: ("Background", "Hintergrundbild"),
    },
    Outcome: {
        Outcome.FIXED: ("Mended", "Ergänzt"),
        Outcome.STILL_MISSING: ("Still missing", "Fehlt noch"),
        Outcome.GONE: ("Gone", "Nicht mehr da"),
        Outcome.SKIPPED: ("Left alone", "Ausgelassen"),
        Outcome.ERROR: ("Failed", "Fehlgeschlagen"),
        Outcome.WOULD_FIX: ("Would be tried", "Würde versucht"),
    },
    Why: {
        Why.IGNORED: ("you chose to ignore it", "du hast es auf Ignorieren gesetzt"),
        Why.LOCKED: ("locked by hand in Plex", "in Plex von Hand gesperrt"),
        Why.RESTING: ("failed lately, resting", "kürzlich gescheitert, macht Pause"),
        Why.HEALED: ("was complete again already", "war schon wieder vollständig"),
        Why.NOTHING_CAME: ("Plex found nothing to add", "Plex hat nichts gefunden"),
        Why.TOO_SLOW: ("Plex took too long", "Plex hat zu lange gebraucht"),
        Why.LOST_TWICE: ("asked twice, Plex never began", "zweimal gebeten, Plex hat nie begonnen"),
        Why.STUCK_QUEUE: ("Plex's own queue is stuck", "die Warteschlange von Plex steht still"),
        Why.REFUSED: ("Plex refused the request", "Plex hat die Anfrage abgelehnt"),
    },
    RunStatus: {
        RunStatus.QUEUED: ("Waiting", "Wartet"),
        RunStatus.RUNNING: ("Running", "Läuft"),
        RunStatus.SUCCESS: ("Done", "Fertig"),
        RunStatus.FAILED: ("Failed", "Fehlgeschlagen"),
        RunStatus.CANCELLED: ("Cancelled", "Abgebrochen"),
        RunStatus.INTERRUPTED: ("Interrupted", "Unterbrochen"),
    },
    Source: {
        Source.MANUAL: ("Started by hand", "Von Hand gestartet"),
        Source.SCHEDULER: ("Daily scan", "Täglicher Scan"),
        Source.CLI: ("Command line", "Kommandozeile"),
        Source.RETRY: ("Second try", "Neuer Versuch"),
    },
    Phase: {
        Phase.QUEUED: ("Waiting for its turn", "Warten, bis es drankommt"),
        Phase.CONNECTING: ("Connecting to Plex", "Verbinden mit Plex"),
        Phase.COLLECTING: ("Reading the libraries", "Mediatheken lesen"),
        Phase.CONFIRMING: ("Looking closely at what was found", "Funde genau prüfen"),
        Phase.REPAIRING: ("Mending", "Ergänzen"),
        Phase.WAITING: ("Waiting for Plex", "Warten auf Plex"),
        Phase.DONE: ("Done", "Fertig"),
    },
    Cause: {
        Cause.OK: ("Plex is fine", "Plex läuft"),
        Cause.STARTING: ("Plex is starting", "Plex startet gerade"),
        Cause.UPDATING: ("Plex is being updated", "Plex wird aktualisiert"),
        Cause.DOWN: ("Plex is down", "Plex läuft nicht"),
        Cause.STOPPED_BY_OWNER: ("Plex was stopped on purpose", "Plex wurde absichtlich beendet"),
        Cause.NO_NAME: ("The name of the server is not known", "Der Name des Servers ist nicht bekannt"),
        Cause.HUNG: ("Plex does not answer", "Plex antwortet nicht"),
        Cause.OVERLOADED: ("Plex is overloaded", "Plex ist überlastet"),
        Cause.DB_TROUBLE: ("Plex has trouble with its database", "Plex hat Probleme mit seiner Datenbank"),
        Cause.UNAUTHORIZED: ("Plex does not accept the token", "Plex nimmt das Token nicht an"),
        Cause.UNCLAIMED: ("This Plex server has no owner", "Dieser Plex-Server hat keinen Besitzer"),
        Cause.NOT_PLEX: ("This is not your Plex server", "Das ist nicht dein Plex-Server"),
        Cause.MOUNT_MISSING: ("A library folder is missing", "Ein Ordner der Mediathek fehlt"),
        Cause.DISK_FULL: ("A disk is nearly full", "Ein Datenträger ist fast voll"),
        Cause.LINK_ADMIN_DOWN: ("The network interface is switched off", "Die Netzwerkschnittstelle ist ausgeschaltet"),
        Cause.LINK_DOWN: ("No network link", "Keine Netzwerkverbindung"),
        Cause.NO_ADDRESS: ("No network address", "Keine Netzwerkadresse"),
        Cause.NO_ROUTE: ("No way out of this machine", "Kein Weg aus diesem Rechner hinaus"),
        Cause.GATEWAY_DOWN: ("The router does not answer", "Der Router antwortet nicht"),
        Cause.DNS_STUB: (
            "The name service of this machine is dead",
            "Der Namensdienst dieses Rechners ist ausgefallen",
        ),
        Cause.DNS_DOWN: ("The name servers do not answer", "Die Namensserver antworten nicht"),
        Cause.CAPTIVE_PORTAL: ("Somebody else answers for plex.tv", "Für plex.tv antwortet jemand anderes"),
        Cause.CLOCK_WRONG: ("The clock of this machine is wrong", "Die Uhr dieses Rechners geht falsch"),
        Cause.INTERNET_DOWN: ("The internet line is down", "Die Internetleitung ist gestört"),
        Cause.PLEX_TV_DOWN: ("plex.tv does not answer", "plex.tv antwortet nicht"),
        Cause.REMOTE_ACCESS_LOST: ("Plex is not reachable from outside", "Plex ist von außen nicht erreichbar"),
        Cause.CRASHING: ("Plex keeps crashing", "Plex stürzt immer wieder ab"),
        Cause.UNREACHABLE: ("The machine of Plex does not answer", "Der Rechner von Plex antwortet nicht"),
        Cause.MOVED: ("PLEX_URL names an old address", "PLEX_URL nennt eine alte Adresse"),
        Cause.UNKNOWN: ("State of Plex unknown", "Zustand von Plex unbekannt"),
    },
    Severity: {
        Severity.INFO: ("Note", "Hinweis"),
        Severity.WARNING: ("Warning", "Warnung"),
        Severity.ERROR: ("Error", "Fehler"),
    },
    Group: {
        Group.TROUBLE: ("Troubles", "Störungen"),
        Group.ACTION: ("What the watchdog did", "Taten des Wächters"),
        Group.UPDATE: ("Updates and starts", "Updates und Starts"),
        Group.SCAN: ("Scans", "Scans"),
        Group.SPEED: ("Speed tests", "Tempotests"),
        Group.DOOR: ("Logins", "Anmeldungen"),
        Group.OWNER: ("What you changed", "Was du geändert hast"),
        Group.OWN: ("From your own scripts", "Aus eigenen Skripten"),
        Group.DIGEST: ("Digest", "Zusammenfassung"),
    },
    DeliveryStatus: {
        DeliveryStatus.PENDING: ("Waiting", "Wartet"),
        DeliveryStatus.SENT: ("Sent", "Gesendet"),
        DeliveryStatus.FAILED: ("Failed", "Gescheitert"),
        DeliveryStatus.DROPPED: ("Given up", "Aufgegeben"),
    },
    **WATCH_WORDS,
    **SPEED_WORDS,
}

#: What a person can do about it, or may expect; '' where nothing needs saying.
ADVICE: dict[str, Pair] = {
    Cause.OK: ("", ""),
    Cause.STARTING: (
        "It reports that it is starting or updating its database. This usually takes a few minutes.",
        "Der Server startet oder bringt seine Datenbank auf Stand. Das dauert meist ein paar Minuten.",
    ),
    Cause.UPDATING: (
        "Everything else waits until the update is over.",
        "Alles andere wartet, bis die Aktualisierung fertig ist.",
    ),
    Cause.STOPPED_BY_OWNER: (
        "It stays stopped until you start it.",
        "Der Server bleibt aus, bis du ihn startest.",
    ),
    Cause.DOWN: (
        "Nothing listens at its address. Check that Plex Media Server is started.",
        "Unter seiner Adresse antwortet niemand. Sieh nach, ob Plex Media Server gestartet ist.",
    ),
    Cause.NO_NAME: (
        "Check the name in PLEX_URL for a typo. If it is right, the name service of your network is down.",
        "Prüfe den Namen in PLEX_URL auf Tippfehler. Stimmt er, ist der Namensdienst deines Netzes gestört.",
    ),
    Cause.HUNG: (
        "It accepts connections and then stays silent. If this lasts, restart Plex Media Server.",
        "Der Server nimmt Verbindungen an und schweigt dann. Hält das an, starte Plex Media Server neu.",
    ),
    Cause.OVERLOADED: (
        "It asks for patience. Scans slow down or wait by themselves.",
        "Der Server bittet um Geduld. Scans werden von selbst langsamer oder warten.",
    ),
    Cause.DB_TROUBLE: (
        "It answers, but reading the library fails or crawls. In Plex, try Troubleshooting > Optimize Database.",
        "Das Lesen der Mediathek scheitert oder dauert lange. Versuche in Plex „Datenbank optimieren“.",
    ),
    Cause.UNAUTHORIZED: (
        "Put a new token of the server's owner into PLEX_TOKEN in .env and start Plex Keeper again.",
        "Trage ein neues Token des Besitzers als PLEX_TOKEN in .env ein und starte Plex Keeper neu.",
    ),
    Cause.UNCLAIMED: (
        "Sign in to the server with your Plex account, then put its token into PLEX_TOKEN.",
        "Melde den Server mit deinem Plex-Konto an und trage danach sein Token als PLEX_TOKEN ein.",
    ),
    Cause.NOT_PLEX: (
        "Something answers at PLEX_URL, but not the Plex server. Check port and http or https, and leave /web off.",
        "Unter PLEX_URL antwortet etwas, aber nicht der Plex-Server. Prüfe Port und http oder https, ohne /web.",
    ),
    Cause.MOUNT_MISSING: (
        "Do not empty the trash in Plex. Check the disk or network share; scans wait until it is back.",
        "Leere in Plex nicht den Papierkorb. Prüfe Platte oder Freigabe; Scans warten, bis alles wieder da ist.",
    ),
    Cause.DISK_FULL: (
        "Free some space before Plex can no longer write its database.",
        "Schaffe Platz, bevor Plex seine Datenbank nicht mehr schreiben kann.",
    ),
    Cause.LINK_ADMIN_DOWN: (
        "Somebody or something switched it off. With the network actions armed it is switched on again.",
        "Jemand oder etwas hat sie ausgeschaltet. Mit erlaubten Netz-Aktionen wird sie wieder eingeschaltet.",
    ),
    Cause.LINK_DOWN: (
        "Check the cable, the switch or the access point.",
        "Prüfe Kabel, Switch oder Access Point.",
    ),
    Cause.NO_ADDRESS: (
        "The router gave no address. With the network actions armed one is asked for again.",
        "Der Router hat keine Adresse vergeben. Mit erlaubten Netz-Aktionen wird neu gefragt.",
    ),
    Cause.NO_ROUTE: (
        "The default route is missing. With the network actions armed it is asked for again.",
        "Die Standardroute fehlt. Mit erlaubten Netz-Aktionen wird sie neu geholt.",
    ),
    Cause.GATEWAY_DOWN: (
        "Look at the router; restart it if need be. Plex keeps serving your home.",
        "Sieh nach dem Router, starte ihn notfalls neu. Zu Hause läuft Plex weiter.",
    ),
    Cause.DNS_STUB: (
        "The servers behind it answer. With the name service action armed it is restarted.",
        "Die Server dahinter antworten. Mit erlaubter Namensdienst-Aktion wird er neu gestartet.",
    ),
    Cause.DNS_DOWN: (
        "Often this is the router. Public name servers can stand in for it.",
        "Oft ist das der Router. Öffentliche Namensserver können einspringen.",
    ),
    Cause.CAPTIVE_PORTAL: (
        "A login page of the network, or something that intercepts: open a web page on this machine.",
        "Eine Anmeldeseite des Netzes oder etwas, das mitliest: Öffne auf diesem Rechner eine Webseite.",
    ),
    Cause.CLOCK_WRONG: (
        "Certificates are not valid at its time. Switch on time synchronisation.",
        "Zertifikate gelten zu ihrer Zeit nicht. Schalte den Zeitabgleich ein.",
    ),
    Cause.INTERNET_DOWN: (
        "The router answers, nothing beyond it does: your provider's matter. Plex keeps serving your home.",
        "Der Router antwortet, dahinter nichts: Das liegt am Anbieter. Zu Hause läuft Plex weiter.",
    ),
    Cause.PLEX_TV_DOWN: (
        "All is well here. Logging in to Plex and remote access may fail until it is back.",
        "Hier ist alles in Ordnung. Anmeldung und Fernzugriff können ausfallen, bis es wieder da ist.",
    ),
    Cause.REMOTE_ACCESS_LOST: (
        "At home all is well. Check the port of the router under Settings > Remote Access in Plex.",
        "Zu Hause ist alles in Ordnung. Prüfe in Plex unter Einstellungen > Fernzugriff den Port des Routers.",
    ),
    Cause.CRASHING: (
        "It ends shortly after every start. Its own log, in the folder 'Logs' of its data, says why.",
        "Es endet kurz nach jedem Start. Warum, steht in seinem Protokoll, im Ordner 'Logs' seiner Daten.",
    ),
    Cause.UNREACHABLE: (
        "The network here is well. Is the machine of Plex switched on, and its address still the one in PLEX_URL?",
        "Das Netz hier ist in Ordnung. Ist der Rechner von Plex an, und stimmt seine Adresse in PLEX_URL noch?",
    ),
    Cause.MOVED: (
        "Plex is well, but this machine no longer has the address in PLEX_URL. Put in the new one, or 127.0.0.1.",
        "Plex läuft, aber dieser Rechner hat die Adresse in PLEX_URL nicht mehr. Trage die neue ein, oder 127.0.0.1.",
    ),
    Cause.UNKNOWN: (
        "The last look failed. Another one follows by itself.",
        "Der letzte Blick ist misslungen. Der nächste folgt von selbst.",
    ),
}

#: How a library item stands, as the store counts it.
STATES: dict[str, Pair] = {
    "ok": ("Complete", "Vollständig"),
    "flawed": ("Something missing", "Etwas fehlt"),
    "resting": ("Resting", "Macht Pause"),
    "ignored": ("Ignored", "Ignoriert"),
    "gone": ("Gone", "Nicht mehr da"),
}

#: A sentence for each code of the error family.
ERRORS: dict[str, Pair] = {
    "error": ("Something went wrong.", "Da ist etwas schiefgegangen."),
    "settings": ("This setting cannot be used.", "Diese Einstellung geht so nicht."),
    "auth_file": ("The login file cannot be used.", "Die Anmeldedatei ist nicht brauchbar."),
    "password": ("The password could not be changed.", "Das Passwort ließ sich nicht ändern."),
    "session_ended": ("This login has ended. Log in again.", "Diese Anmeldung ist beendet. Melde dich neu an."),
    "password_wrong": (
        "The current password is wrong. Nothing was changed.",
        "Das jetzige Passwort stimmt nicht. Geändert wurde nichts.",
    ),
    "password_short": (
        "The new password is too short: it needs at least 8 characters.",
        "Das neue Passwort ist zu kurz: Es braucht mindestens 8 Zeichen.",
    ),
    "password_long": (
        "The new password is too long: at most 72 letters fit, fewer when they have accents.",
        "Das neue Passwort ist zu lang: Höchstens 72 Buchstaben passen hinein, mit Umlauten weniger.",
    ),
    "password_empty": ("The new password is empty.", "Das neue Passwort ist leer."),
    "password_missing": ("Type your current password too.", "Gib auch dein jetziges Passwort ein."),
    "password_differ": (
        "The two new passwords are not the same. Type them again.",
        "Die beiden neuen Passwörter sind nicht gleich. Gib sie noch einmal ein.",
    ),
    "password_wait": (
        "Too many wrong passwords. Try again later.",
        "Zu viele falsche Passwörter. Versuche es später wieder.",
    ),
    "store": ("The data file is busy or cannot be used now.", "Die Datendatei ist gerade nicht benutzbar."),
    "store_newer": (
        "The data file was written by a newer Plex Keeper.",
        "Die Datendatei stammt von einem neueren Plex Keeper.",
    ),
    "store_damaged": ("The data file is damaged.", "Die Datendatei ist beschädigt."),
    "store_refused": ("This cannot be stored.", "Das lässt sich nicht speichern."),
    "wrong_use": ("That is not understood.", "Das ist nicht zu verstehen."),
    "run": ("The scan cannot do that now.", "Das geht bei diesem Scan gerade nicht."),
    "plex": ("Plex could not be used.", "Plex war nicht zu benutzen."),
    "plex_unreachable": ("Plex could not be reached.", "Plex war nicht zu erreichen."),
    "plex_silent": ("Plex did not answer in time.", "Plex hat nicht rechtzeitig geantwortet."),
    "plex_starting": ("Plex was still starting.", "Plex war noch beim Starten."),
    "plex_overloaded": ("Plex was overloaded.", "Plex war überlastet."),
    "plex_garbled": ("Plex gave an unreadable answer.", "Plex hat eine unlesbare Antwort gegeben."),
    "plex_rejected": ("Plex refused the request.", "Plex hat die Anfrage abgelehnt."),
    "plex_not_found": ("Plex does not know this.", "Plex kennt das nicht."),
    "plex_unauthorized": ("Plex does not accept the token.", "Plex nimmt das Token nicht an."),
    "plex_forbidden": ("The token is not the owner's.", "Das Token gehört nicht dem Besitzer."),
    "plex_other_server": (
        "Another Plex server answers at this address.",
        "Unter dieser Adresse antwortet ein anderer Plex-Server.",
    ),
    "stopped": ("It was stopped.", "Es wurde angehalten."),
    "cancelled": ("It was cancelled.", "Es wurde abgebrochen."),
    "interrupted": ("Plex Keeper was stopped in the middle of it.", "Plex Keeper wurde mittendrin beendet."),
}
