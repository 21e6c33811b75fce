"""Phrases of the panel that breaks something, which only the demo has."""

PHRASES: dict[str, tuple[str, str]] = {
    "demo_title": ("Break something", "Etwas kaputt machen"),
    "demo_badge": ("Demo only", "Nur in der Demo"),
    "demo_whole": (
        "Nothing is broken. Choose something and see what the watchdog makes of it; it looks right away.",
        "Nichts ist kaputt. Such dir etwas aus und schau zu, was der Wächter daraus macht; er sieht sofort nach.",
    ),
    "demo_mended": (
        "Nothing is broken any more. The watchdog's next looks will show whether Plex is well again.",
        "Es ist nichts mehr kaputt. Die nächsten Blicke des Wächters zeigen, ob Plex wieder in Ordnung ist.",
    ),
    "demo_done": ("Done; the watchdog looks right away.", "Erledigt; der Wächter sieht sofort nach."),
    "demo_refused": ("That did not work.", "Das hat nicht geklappt."),
    "break_mend": ("Mend everything", "Alles heil machen"),
    "break_crash": ("Plex crashes", "Plex stürzt ab"),
    "break_hang": ("Plex hangs", "Plex hängt"),
    "break_starting": ("Plex is starting", "Plex startet gerade"),
    "break_database": ("The library is slow", "Die Mediathek ist zäh"),
    "break_film": ("Somebody plays a film", "Jemand schaut einen Film"),
    "break_folder": ("A folder disappears", "Ein Ordner verschwindet"),
    "break_text_crash": (
        "Its process is gone. When a second look confirms that, Plex is restarted, and the looks that follow show "
        "whether it helped.",
        "Der Prozess ist weg. Bestätigt das ein zweiter Blick, wird Plex neu gestartet, und die nächsten Blicke "
        "zeigen, ob es geholfen hat.",
    ),
    "break_text_hang": (
        "It accepts connections and never answers. Several looks over three minutes must agree; and because nobody can "
        "be asked who is watching, the restart follows only after five.",
        "Es nimmt Verbindungen an und antwortet nie. Mehrere Blicke über drei Minuten müssen sich einig sein; und weil "
        "sich nicht erfragen lässt, wer gerade schaut, folgt der Neustart erst nach fünf.",
    ),
    "break_text_starting": (
        "For a minute and a half it says that it is busy with its own start. A restart would only make that longer, so "
        "the watchdog waits.",
        "Anderthalb Minuten lang sagt es, dass es mit dem eigenen Start beschäftigt ist. Ein Neustart würde das nur "
        "verlängern, also wartet der Wächter.",
    ),
    "break_text_database": (
        "Plex answers, its library does not. A restart would not mend that: it is told, and scans wait.",
        "Plex antwortet, seine Mediathek nicht. Ein Neustart heilt das nicht: Es wird gemeldet, und Scans warten.",
    ),
    "break_text_film": (
        "Nothing that would cut the film off is done while anybody can see that it runs. Let Plex hang as well: nobody "
        "can still be watching after five minutes, and only then is it restarted.",
        "Solange zu sehen ist, dass der Film läuft, geschieht nichts, was ihn abbricht. Lass Plex zusätzlich hängen: "
        "Nach fünf Minuten kann niemand mehr schauen, und erst dann wird neu gestartet.",
    ),
    "break_text_folder": (
        "The films are gone, as when a drive falls off. It is told, scans wait, and nothing is deleted.",
        "Die Filme sind weg, wie bei einer abgefallenen Platte. Es wird gemeldet, Scans warten, und nichts wird "
        "gelöscht.",
    ),
}
