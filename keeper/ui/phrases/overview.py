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
    # strip
    "strip_title": ("Plex, last 24 hours", "Plex, letzte 24 Stunden"),
    "legend_ok": ("fine", "in Ordnung"),
    "legend_trouble": ("trouble", "Störung"),
    "legend_unknown": ("not monitored", "nicht überwacht"),
    "strip_ok": ("fine", "in Ordnung"),
    "strip_trouble": ("trouble in {bad} of {looks} looks", "Störung bei {bad} von {looks} Blicken"),
    "strip_unknown": ("not monitored", "nicht überwacht"),
    "strip_share": ("{part} fine", "{part} in Ordnung"),
    "strip_nothing": ("no looks yet", "noch kein Blick"),
    "strip_label": (
        "Half-hours: {ok} fine, {trouble} with trouble, {unknown} not monitored",
        "Halbe Stunden: {ok} in Ordnung, {trouble} mit Störung, {unknown} nicht überwacht",
    ),
    "strip_now": ("now", "jetzt"),
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
    "event_scan_bare": ("Scan {status}", "Scan {status}"),
}
