"""The words for what a look sees: every fact, how its value is written, and what its small print means."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from keeper.ui.lexicon_watch import Pair


class Unit(StrEnum):
    """How a value is written."""

    PLAIN = "plain"  # yes, no, a number or a name
    MS = "ms"
    PERCENT = "percent"
    GB = "gb"
    MB = "mb"
    CELSIUS = "celsius"
    SPAN = "span"  # seconds
    MOMENT = "moment"  # seconds since 1970


class Place(StrEnum):
    """The groups in which facts are shown, in this order."""

    PLEX = "plex"
    PROCESS = "process"
    FOLDERS = "folders"
    NETWORK = "network"
    MACHINE = "machine"
    OTHER = "other"


class FactWord(NamedTuple):
    place: Place
    words: Pair
    unit: Unit = Unit.PLAIN


#: Numbers and marks for the program alone.
UNSHOWN = ("boot_id", "plex_pid", "machine_identifier", "pid", "control", "url")
#: Facts whose detail is such a mark.
UNTOLD = ("identity", "same_server")

PLACES: Mapping[Place, Pair] = {
    Place.PLEX: ("Plex", "Plex"),
    Place.PROCESS: ("Program and service", "Programm und Dienst"),
    Place.FOLDERS: ("Folders and disks", "Ordner und Datenträger"),
    Place.NETWORK: ("Network", "Netzwerk"),
    Place.MACHINE: ("This machine", "Dieser Rechner"),
    Place.OTHER: ("Other", "Anderes"),
}
_PLEX, _PROCESS, _FOLDERS, _NETWORK, _MACHINE = (
    Place.PLEX, Place.PROCESS, Place.FOLDERS, Place.NETWORK, Place.MACHINE,
)  # fmt: skip
#: By the name before a ':'; what follows it is the folder or disk that is meant.
FACTS: Mapping[str, FactWord] = {
    "name": FactWord(_PLEX, ("Name", "Name")),
    "version": FactWord(_PLEX, ("Version", "Version")),
    "port": FactWord(_PLEX, ("Its port answers", "Sein Port antwortet")),
    "asked_over": FactWord(_PLEX, ("Asked another way", "Auf anderem Weg gefragt")),
    "identity": FactWord(_PLEX, ("Says who it is", "Sagt, wer es ist")),
    "same_server": FactWord(_PLEX, ("The same server as ever", "Derselbe Server wie immer")),
    "claimed": FactWord(_PLEX, ("Has an owner", "Hat einen Besitzer")),
    "token": FactWord(_PLEX, ("Accepts the token", "Nimmt das Token an")),
    "response_ms": FactWord(_PLEX, ("Response time", "Antwortzeit"), Unit.MS),
    "in_time": FactWord(_PLEX, ("Answers in time", "Antwortet rechtzeitig")),
    "count": FactWord(_PLEX, ("Library can be read", "Mediathek ist lesbar")),
    "count_ms": FactWord(_PLEX, ("Response time of the library", "Antwortzeit der Mediathek"), Unit.MS),
    "count_in_time": FactWord(_PLEX, ("Library answers in time", "Mediathek antwortet rechtzeitig")),
    "sessions": FactWord(_PLEX, ("Playing now", "Laufende Wiedergaben")),
    "recordings": FactWord(_PLEX, ("Recording now", "Laufende Aufnahmen")),
    "plex_updating": FactWord(_PLEX, ("Plex reports an update", "Plex meldet eine Aktualisierung")),
    "mapping": FactWord(_PLEX, ("Reachable from outside", "Von außen erreichbar")),
    "process": FactWord(_PROCESS, ("Process is there", "Prozess ist da")),
    "service": FactWord(_PROCESS, ("Service is active", "Dienst ist aktiv")),
    "service_restarts": FactWord(_PROCESS, ("Restarts by the service manager", "Neustarts durch die Dienstverwaltung")),
    "crashing": FactWord(_PROCESS, ("Keeps crashing", "Stürzt immer wieder ab")),
    "updating": FactWord(_PROCESS, ("An update is at work", "Eine Aktualisierung läuft")),
    "plex_age_s": FactWord(_PROCESS, ("Running for", "Läuft seit"), Unit.SPAN),
    "plex_started": FactWord(_PROCESS, ("Started", "Gestartet"), Unit.MOMENT),
    "plex_memory_mb": FactWord(_PROCESS, ("Memory of Plex", "Speicher von Plex"), Unit.MB),
    "mounts": FactWord(_FOLDERS, ("All library folders are there", "Alle Ordner der Mediathek sind da")),
    "mount": FactWord(_FOLDERS, ("{which} is there", "{which} ist da")),
    "disk": FactWord(_FOLDERS, ("Enough room for Plex", "Genug Platz für Plex")),
    "disk_free_gb": FactWord(_FOLDERS, ("Free on {which}", "Frei auf {which}"), Unit.GB),
    "interface": FactWord(_NETWORK, ("Interface", "Schnittstelle")),
    "link_up": FactWord(_NETWORK, ("Interface is switched on", "Schnittstelle ist eingeschaltet")),
    "carrier": FactWord(_NETWORK, ("Signal on the cable", "Signal auf dem Kabel")),
    "address": FactWord(_NETWORK, ("Has an address", "Hat eine Adresse")),
    "route": FactWord(_NETWORK, ("Knows a way out", "Kennt einen Weg hinaus")),
    "gateway": FactWord(_NETWORK, ("Router answers", "Router antwortet")),
    "internet": FactWord(_NETWORK, ("Internet answers", "Internet antwortet")),
    "dns": FactWord(_NETWORK, ("Names are found", "Namen werden gefunden")),
    "dns_local": FactWord(_NETWORK, ("Name service of this machine", "Namensdienst dieses Rechners")),
    "dns_servers": FactWord(_NETWORK, ("Name servers answer", "Namensserver antworten")),
    "dns_public": FactWord(_NETWORK, ("Public name servers answer", "Öffentliche Namensserver antworten")),
    "plex_tv": FactWord(_NETWORK, ("plex.tv answers", "plex.tv antwortet")),
    "captive": FactWord(_NETWORK, ("Somebody else answers for plex.tv", "Jemand anderes antwortet für plex.tv")),
    "clock": FactWord(_MACHINE, ("The clock is right", "Die Uhr geht richtig")),
    "cpu_percent": FactWord(_MACHINE, ("Processor", "Prozessor"), Unit.PERCENT),
    "memory_percent": FactWord(_MACHINE, ("Memory", "Arbeitsspeicher"), Unit.PERCENT),
    "swap_percent": FactWord(_MACHINE, ("Swap", "Auslagerung"), Unit.PERCENT),
    "load1": FactWord(_MACHINE, ("Load", "Auslastung (Load)")),
    "temperature_c": FactWord(_MACHINE, ("Temperature", "Temperatur"), Unit.CELSIUS),
    "uptime_s": FactWord(_MACHINE, ("Switched on for", "Eingeschaltet seit"), Unit.SPAN),
}

#: The small print. A detail that is not here is shown as it is: a name, a path, a size.
DETAILS: Mapping[str, Pair] = {
    "not yet known": ("not yet known", "noch nicht bekannt"),
    "no swap": ("there is none", "es gibt keine"),
    "no sensor": ("no sensor", "kein Sensor"),
    "no figure": ("not measured", "nicht gemessen"),
    "running": ("", ""),
    "active": ("", ""),
    "activating": ("it is starting", "er startet gerade"),
    "inactive": ("stopped", "gestoppt"),
    "failed": ("failed", "gescheitert"),
    "paused": ("paused", "angehalten"),
    "unhealthy": ("it reports itself as unwell", "er meldet sich als gestört"),
    "gone": ("it is gone", "er ist weg"),
    "hidden": ("not visible for this user", "für diesen Benutzer nicht sichtbar"),
    "elsewhere": ("on another machine", "auf einem anderen Rechner"),
    "no_host": ("not looked at here", "wird hier nicht angesehen"),
    "no_service_manager": ("no service manager", "keine Dienstverwaltung"),
    "no_answer": ("no answer", "keine Antwort"),
    "unknown_unit": ("the service is not known", "der Dienst ist nicht bekannt"),
    "refused": ("refused", "abgewiesen"),
    "dropped": ("connection dropped", "Verbindung abgebrochen"),
    "silent": ("silent", "schweigt"),
    "late": ("too late", "zu spät"),
    "no_arp": ("silent", "schweigt"),
    "unreachable": ("unreachable", "nicht erreichbar"),
    "unknown": ("unknown", "unbekannt"),
    "unclear": ("unclear", "unklar"),
    "unreadable": ("unreadable", "nicht lesbar"),
    "partly": ("only some of them", "nur ein Teil davon"),
    "no_name": ("the name is not found", "der Name wird nicht gefunden"),
    "no_way": ("there is no way there", "es führt kein Weg dorthin"),
    "no_certificates": ("no certificates", "keine Zertifikate"),
    "no_interface": ("no interface", "keine Schnittstelle"),
    "no_carrier": ("no signal", "kein Signal"),
    "admin_down": ("switched off", "ausgeschaltet"),
    "link_local_only": ("only a makeshift one", "nur eine behelfsmäßige"),
    "none": ("none", "keine"),
    "not_configured": ("none is set", "keiner ist eingestellt"),
    "garbled": ("not understandable", "nicht verständlich"),
    "other": ("another one", "ein anderer"),
    "missing": ("missing", "fehlt"),
    "unmounted": ("its disk is not mounted", "sein Datenträger ist nicht eingehängt"),
    "anchor_gone": ("the anchor file is gone", "die Ankerdatei fehlt"),
    "denied": ("no right to look", "kein Recht, nachzusehen"),
    "empty": ("empty", "leer"),
    "new and empty": ("new and empty", "neu und leer"),
    "never_seen": ("never seen here", "hier nie gesehen"),
    "route": ("carries the way out", "führt hinaus"),
    "plex_tv": ("plex.tv answers", "plex.tv antwortet"),
    "plex_tv_unknown": ("plex.tv is not known there", "plex.tv ist dort nicht bekannt"),
    "loopback": ("within this machine", "innerhalb dieses Rechners"),
}
#: Details that begin so, with the words for the beginning.
BEGINNINGS: Mapping[str, Pair] = {
    "because of ": ("because of another trouble", "wegen einer anderen Störung"),
    "behind ": ("hidden by another trouble", "von einer anderen Störung verdeckt"),
    "no answer within ": ("no answer in time", "keine Antwort in der Frist"),
    "of ": ("of {rest}", "von {rest}"),
}
