"""Phrases of the Overview."""

PHRASES: dict[str, tuple[str, str]] = {
    "not_looked_yet": ("Plex has not been looked at yet", "Plex wurde noch nicht angesehen"),
    "not_looked_text": (
        "The first look comes within a minute of the start. If not, see logs/keeper.log.",
        "Der erste Blick kommt innerhalb einer Minute nach dem Start. Falls nicht, sieh in logs/keeper.log.",
    ),
    "stale": ("State of Plex unknown", "Zustand von Plex unbekannt"),
    "stale_text": (
        "The last look is {span} old, so nobody knows. It said: {cause}. Is the engine running?",
        "Der letzte Blick ist {span} alt, deshalb weiß es niemand. Er ergab: {cause}. Läuft der Hintergrunddienst?",
    ),
    "looked": ("Looked {when}", "Angesehen {when}"),
    "since": ("for {span}", "seit {span}"),
    "since_over": ("for more than {span}", "seit mehr als {span}"),
    "look_now": ("Look now", "Jetzt ansehen"),
    "look_asked": ("Plex is being looked at.", "Plex wird jetzt angesehen."),
    "what_was_seen": ("What was seen", "Was zu sehen war"),
    "seen_late": ("A part of the look came in time", "Ein Teil des Blicks kam rechtzeitig"),
    "yes": ("yes", "ja"),
    "no": ("no", "nein"),
    "unknown": ("unknown", "unbekannt"),
    # tiles
    "tile_response": ("Response", "Antwortzeit"),
    "tile_response_none": ("no answer", "keine Antwort"),
    "tile_response_usual": ("usually {ms} ms", "meist {ms} ms"),
    "tile_library": ("Something missing", "Etwas fehlt"),
    "tile_library_of": ("of {n} items known", "von {n} bekannten Titeln"),
    "tile_library_never": ("not scanned yet", "noch nie geprüft"),
    "tile_library_alt": ("{part} of the items are complete", "{part} der Titel sind vollständig"),
    "tile_mended": ("Mended, 14 days", "Ergänzt, 14 Tage"),
    "tile_mended_today": ("{n} today", "{n} heute"),
    "tile_mended_alt": ("Items mended per day, last 14 days", "Ergänzte Titel je Tag, letzte 14 Tage"),
    "tile_response_alt": ("Response time of Plex, last 24 hours", "Antwortzeit von Plex, letzte 24 Stunden"),
    "tile_next": ("Next scan", "Nächster Scan"),
    "tile_next_off": ("Off", "Aus"),
    "tile_next_off_text": ("no daily scan", "kein täglicher Scan"),
    # the open incident
    "incident_open": ("Trouble", "Störung"),
    "incident_so_far": ("for {span} · done so far: {deeds}", "seit {span} · bisher getan: {deeds}"),
    "incident_show": ("The whole story", "Die ganze Geschichte"),
    "nothing_tried": ("nothing", "nichts"),
    # availability
    "availability": ("Plex was there", "Plex war da"),
    "span_day": ("24 hours", "24 Stunden"),
    "span_week": ("7 days", "7 Tage"),
    "span_quarter": ("90 days", "90 Tage"),
    "bad_for": ("{span} of trouble", "{span} Störung"),
    "unseen_for": ("{span} not monitored", "{span} nicht überwacht"),
    "little_watched": ("too little data yet", "noch zu wenig Daten"),
    "nothing_watched": ("not monitored", "nicht überwacht"),
    "legend_ok": ("fine", "in Ordnung"),
    "legend_trouble": ("trouble", "Störung"),
    "legend_unknown": ("not monitored", "nicht überwacht"),
    # idle card
    "idle": ("No scan is running", "Kein Scan läuft"),
    "idle_never": (
        "No scan has run yet. The first one reads your libraries and asks Plex to complete what lacks something.",
        "Es lief noch kein Scan. Der erste liest deine Mediatheken und bittet Plex, Fehlendes zu ergänzen.",
    ),
    "nothing_done": ("nothing to do", "nichts zu tun"),
    # events
    "events_title": ("Latest events", "Letzte Ereignisse"),
    "events_none": (
        "Nothing has happened yet. Scans and troubles of Plex appear here.",
        "Noch ist nichts passiert. Hier erscheinen Scans und Störungen von Plex.",
    ),
    "event_scan": ("Scan {status}: {figures}", "Scan {status}: {figures}"),
    "event_over": ("All is well again after {span}", "Nach {span} ist alles wieder gut"),
    "event_updated": ("The update of Plex is over after {span}", "Die Aktualisierung von Plex ist nach {span} fertig"),
    "event_takes_long": ("{cause} That has gone on for {span} now", "{cause} Das dauert nun schon {span}"),
    "event_blind": (
        "For {span} the watchdog has not been able to tell how Plex is",
        "Seit {span} kann der Wächter nicht sagen, wie es um Plex steht",
    ),
    "event_sees": ("The watchdog can see again: {cause}", "Der Wächter sieht wieder: {cause}"),
    "event_crashed": (
        "Plex crashed; its service manager brought it back",
        "Plex ist abgestürzt; sein Dienstverwalter hat es wieder gestartet",
    ),
    "event_crashed_often": (
        "Plex crashed {count} times; its service manager brought it back",
        "Plex ist {count} Mal abgestürzt; sein Dienstverwalter hat es wieder gestartet",
    ),
    "event_disk_filling": (
        "The disk of {disk} is filling up and will be full in about {span}",
        "Der Datenträger von {disk} läuft voll, in etwa {span}",
    ),
    "event_digest": (
        "Plex was there for {share} of the time · {incidents} incidents · {fixed} items mended",
        "Plex war {share} der Zeit da · {incidents} Störungen · {fixed} Titel ergänzt",
    ),
    "event_digest_unseen": (
        "Nobody looked at Plex · {incidents} incidents · {fixed} items mended",
        "Niemand hat nach Plex gesehen · {incidents} Störungen · {fixed} Titel ergänzt",
    ),
    "event_limits_reset": (
        "{by} set back the limits: {count} earlier actions count no more",
        "{by} hat die Grenzen zurückgesetzt: {count} frühere Aktionen zählen nicht mehr",
    ),
    "event_booted": ("This machine was started", "Dieser Rechner wurde gestartet"),
    "event_booted_ours": (
        "This machine was started, as the watchdog asked it to",
        "Dieser Rechner wurde neu gestartet, wie vom Wächter verlangt",
    ),
    "event_acts": ("{action}, because: {cause}", "{action}, weil: {cause}"),
    "event_scan_bare": ("Scan {status}", "Scan {status}"),
}
