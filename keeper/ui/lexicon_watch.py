"""The watchdog's words: actions, permissions, reasons and evidence. The lexicon takes them in."""

from __future__ import annotations

from enum import StrEnum

from keeper.rules.types import Action, Armed, Reason, StepKind

Pair = tuple[str, str]  # English, German

#: Reasons are sentences: {wanted} is the action they speak of, {until} ', until 14:32' or nothing.
WATCH_WORDS: dict[type[StrEnum], dict[str, Pair]] = {
    Action: {
        Action.NONE: ("Nothing", "Nichts"),
        Action.RESTART_PLEX: ("Restart of Plex", "Neustart von Plex"),
        Action.NET_SOFT: ("Soft network reset", "Sanfter Netzwerk-Reset"),
        Action.NET_HARD: ("Hard network reset", "Harter Netzwerk-Reset"),
        Action.DNS_RESET: ("Name service reset", "Reset des Namensdienstes"),
        Action.REBOOT: ("Reboot of this machine", "Neustart dieses Rechners"),
        Action.REACHABILITY: ("New try for remote access", "Neuer Versuch für den Fernzugriff"),
    },
    Armed: {
        Armed.RESTART: ("Restart Plex", "Plex neu starten"),
        Armed.NETWORK: ("Reset the network", "Netzwerk zurücksetzen"),
        Armed.DNS: ("Reset the name service", "Namensdienst zurücksetzen"),
        Armed.REBOOT: ("Reboot this machine", "Diesen Rechner neu starten"),
        Armed.OUTAGE_REBOOT: ("Reboot for a dead line, too", "Neustart auch bei toter Leitung"),
    },
    StepKind: {
        StepKind.OPENED: ("Seen", "Gesehen"),
        StepKind.CHANGED: ("Changed", "Verändert"),
        StepKind.DECIDED: ("Decided", "Entschieden"),
        StepKind.ACTED: ("Done", "Getan"),
        StepKind.PROVED: ("Proof", "Probe"),
        StepKind.OWNER: ("By hand", "Von Hand"),
        StepKind.CLOSED: ("Over", "Vorbei"),
    },
    Reason: {
        Reason.FINE: ("All is well, nothing is to be done.", "Alles in Ordnung, es ist nichts zu tun."),
        Reason.NOTHING_HELPS: (
            "Nothing that the watchdog may do can mend this. It takes somebody to look after it.",
            "Nichts, was der Wächter tun darf, hilft hier. Darum muss sich jemand kümmern.",
        ),
        Reason.ACT: (
            "{wanted}: everything allows it, it is done now.",
            "{wanted}: Nichts spricht dagegen, es geschieht jetzt.",
        ),
        Reason.CONFIRMING: (
            "{wanted}: not yet, the trouble has to be seen for longer{until}.",
            "{wanted}: noch nicht, die Störung muss länger zu sehen sein{until}.",
        ),
        Reason.OWNER: (
            "Somebody stopped Plex in good order. That is respected.",
            "Jemand hat Plex ordentlich beendet. Das wird respektiert.",
        ),
        Reason.HELD: (
            "{wanted}: not now, somebody told the watchdog to keep its hands off{until}.",
            "{wanted}: nicht jetzt, jemand hat dem Wächter gesagt, nichts zu tun{until}.",
        ),
        Reason.NOT_ARMED: (
            "{wanted}: would be done, but it is not allowed on the page Watchdog.",
            "{wanted}: wäre jetzt dran, ist aber auf der Seite Wächter nicht erlaubt.",
        ),
        Reason.NOT_ABLE: (
            "{wanted}: would be done, but this machine cannot do it, or not without more rights.",
            "{wanted}: wäre jetzt dran, aber dieser Rechner kann es nicht, oder nicht ohne mehr Rechte.",
        ),
        Reason.VERIFYING: (
            "{wanted}: not yet, the last action gets time to show its effect{until}.",
            "{wanted}: noch nicht, die letzte Aktion bekommt Zeit zu wirken{until}.",
        ),
        Reason.IN_USE: ("{wanted}: not now, somebody is watching.", "{wanted}: nicht jetzt, es schaut jemand."),
        Reason.IN_USE_UNKNOWN: (
            "{wanted}: not yet, because it cannot be told whether somebody is watching{until}.",
            "{wanted}: noch nicht, weil sich nicht feststellen lässt, ob jemand schaut{until}.",
        ),
        Reason.PAUSE: (
            "{wanted}: not yet, there is a pause between two tries{until}.",
            "{wanted}: noch nicht, zwischen zwei Versuchen liegt eine Pause{until}.",
        ),
        Reason.DAY_LIMIT: (
            "{wanted}: done often enough within 24 hours, so not again{until}.",
            "{wanted}: in 24 Stunden oft genug getan, deshalb nicht noch einmal{until}.",
        ),
        Reason.GAVE_UP: (
            "{wanted}: it did not help, so the watchdog gave up for now{until}.",
            "{wanted}: Es hat nicht geholfen, der Wächter gibt vorerst auf{until}.",
        ),
        Reason.TRIED: (
            "Everything that could help was tried once. Nothing of it is tried again.",
            "Alles, was helfen könnte, wurde einmal versucht. Nichts davon wird wiederholt.",
        ),
        Reason.JUST_BOOTED: (
            "{wanted}: not yet, this machine started a short while ago{until}.",
            "{wanted}: noch nicht, dieser Rechner ist gerade erst gestartet{until}.",
        ),
        Reason.REBOOT_LIMIT: (
            "{wanted}: done as often today as allowed, so not again{until}.",
            "{wanted}: heute so oft getan wie erlaubt, deshalb nicht noch einmal{until}.",
        ),
        Reason.REBOOT_PAUSE: (
            "{wanted}: not yet, the last one is too recent{until}.",
            "{wanted}: noch nicht, der letzte ist zu kurz her{until}.",
        ),
        Reason.NEVER_SEEN: (
            "{wanted}: not done, because Plex has never answered at this address. Is PLEX_URL right?",
            "{wanted}: nicht getan, denn unter dieser Adresse hat Plex noch nie geantwortet. Stimmt PLEX_URL?",
        ),
        Reason.ONLOOKER: (
            "Another watchdog acts on this data file; this one only looks.",
            "Ein anderer Wächter handelt für diese Datendatei; dieser sieht nur zu.",
        ),
    },
}

#: What it means that a fact of this name is not so.
EVIDENCE: dict[str, Pair] = {
    "process": ("the process of Plex is not there", "der Prozess von Plex fehlt"),
    "service": ("the service of Plex is not active", "der Dienst von Plex ist nicht aktiv"),
    "port": ("nothing listens on its port", "auf seinem Port antwortet niemand"),
    "identity": ("Plex does not say who it is", "Plex sagt nicht, wer es ist"),
    "same_server": ("it is another server", "es ist ein anderer Server"),
    "claimed": ("the server has no owner", "der Server hat keinen Besitzer"),
    "token": ("the token does not work", "das Token geht nicht"),
    "count": ("the library cannot be read", "die Mediathek lässt sich nicht lesen"),
    "crashing": ("it keeps crashing shortly after its start", "es stürzt immer wieder kurz nach dem Start ab"),
    "count_in_time": ("the library answers too slowly", "die Mediathek antwortet zu langsam"),
    "in_time": ("it answers too slowly", "es antwortet zu langsam"),
    "mapping": ("not reachable from outside", "von außen nicht erreichbar"),
    "mounts": ("a library folder is missing", "ein Ordner der Mediathek fehlt"),
    "mount": ("this folder is missing", "dieser Ordner fehlt"),
    "disk": ("a disk is nearly full", "ein Datenträger ist fast voll"),
    "link_up": ("the interface is switched off", "die Schnittstelle ist ausgeschaltet"),
    "carrier": ("no signal on the cable", "kein Signal auf dem Kabel"),
    "address": ("no usable address", "keine brauchbare Adresse"),
    "route": ("no default route", "keine Standardroute"),
    "gateway": ("the router is silent", "der Router schweigt"),
    "internet": ("nobody outside answers", "draußen antwortet niemand"),
    "dns": ("names are not found", "Namen werden nicht gefunden"),
    "dns_local": ("the name service of this machine is silent", "der Namensdienst dieses Rechners schweigt"),
    "dns_servers": ("the name servers are silent", "die Namensserver schweigen"),
    "dns_public": ("public name servers are silent", "öffentliche Namensserver schweigen"),
    "plex_tv": ("plex.tv does not answer as it should", "plex.tv antwortet nicht, wie es soll"),
}
#: Facts that are fine when they are not so; they are no evidence of trouble.
FINE_WHEN_FALSE = ("updating", "plex_updating", "captive", "crashing")
