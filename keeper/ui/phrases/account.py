"""Phrases of the Account screen."""

PHRASES: dict[str, tuple[str, str]] = {
    "logged_in_as": ("Logged in as **{name}**", "Angemeldet als **{name}**"),
    "no_door": ("Nobody has to log in here.", "Hier muss sich niemand anmelden."),
    "no_door_text": (
        "This page was opened without the service around it, so there are no logins to show.",
        "Diese Seite läuft ohne den Dienst drum herum, deshalb gibt es keine Anmeldungen zu zeigen.",
    ),
    # browsers
    "browsers": ("Where you are logged in", "Wo du angemeldet bist"),
    "browsers_none": ("No living login was found.", "Es wurde keine gültige Anmeldung gefunden."),
    "browser_on": ("{browser} on {system}", "{browser} unter {system}"),
    "browser_unknown": ("Unknown browser", "Unbekannter Browser"),
    "this_browser": ("This browser", "Dieser Browser"),
    "seen": ("seen {when}", "gesehen {when}"),
    "logged_in_span": ("since {since} · until {until}", "seit {since} · bis {until}"),
    "ends_unused": ("A login that is not used ends by itself.", "Ungenutzte Anmeldungen enden von selbst."),
    "end_done": ("{browser} was logged out.", "{browser} wurde abgemeldet."),
    "end_late": ("{browser} was logged out already.", "{browser} war schon abgemeldet."),
    "everywhere": ("Log out everywhere else", "Überall sonst abmelden"),
    "everywhere_title": ("Log out everywhere else?", "Überall sonst abmelden?"),
    "everywhere_text": (
        "{n} other browsers are logged out at once. They come back with the password only.",
        "{n} andere Browser werden sofort abgemeldet. Zurück geht es dort nur mit dem Passwort.",
    ),
    "everywhere_text.one": (
        "{n} other browser is logged out at once. It comes back with the password only.",
        "{n} anderer Browser wird sofort abgemeldet. Zurück geht es dort nur mit dem Passwort.",
    ),
    "everywhere_yes": ("Log out {n} other browsers", "{n} andere Browser abmelden"),
    "everywhere_yes.one": ("Log out {n} other browser", "{n} anderen Browser abmelden"),
    "everywhere_too": ("Log out everywhere, here too", "Überall abmelden, auch hier"),
    "everywhere_no": ("Change nothing", "Nichts ändern"),
    "everywhere_done": ("{n} other browsers were logged out.", "{n} andere Browser wurden abgemeldet."),
    "everywhere_done.one": ("{n} other browser was logged out.", "{n} anderer Browser wurde abgemeldet."),
    # password
    "password_title": ("Change password", "Passwort ändern"),
    "password_old": ("Current password", "Jetziges Passwort"),
    "password_new": ("New password", "Neues Passwort"),
    "password_again": ("New password, again", "Neues Passwort, noch einmal"),
    "password_text": (
        "At least 8 characters. All other browsers are logged out.",
        "Mindestens 8 Zeichen. Alle anderen Browser werden abgemeldet.",
    ),
    "password_save": ("Change password", "Passwort ändern"),
    "password_done": (
        "The password is changed. All other browsers were logged out.",
        "Das Passwort ist geändert. Alle anderen Browser wurden abgemeldet.",
    ),
    "password_wait_span": (
        "Too many wrong passwords. Try again in {span}.",
        "Zu viele falsche Passwörter. Versuche es in {span} wieder.",
    ),
    # recent logins
    "logins": ("Recent logins", "Letzte Anmeldungen"),
    "logins_none": (
        "Nothing has happened at the door yet. Logins and wrong passwords appear here.",
        "An der Tür war noch nichts los. Hier erscheinen Anmeldungen und falsche Passwörter.",
    ),
    "door_login": ("{name} logged in", "{name} hat sich angemeldet"),
    "door_failed": ("Wrong password for {name}", "Falsches Passwort für {name}"),
    "door_failed_unknown": ("Login with an unknown name refused", "Anmeldung mit unbekanntem Namen abgelehnt"),
    "door_locked": (
        "Too many failed logins from one place: it has to wait {span}",
        "Zu viele Fehlversuche von einer Stelle: Sie muss {span} warten",
    ),
    "door_locked_all": (
        "Many failed logins: all unknown browsers wait longer and longer, up to {span}",
        "Viele Fehlversuche: Alle unbekannten Browser warten immer länger, bis zu {span}",
    ),
    "door_elsewhere": ("{name} ended a login on another device", "{name} hat eine Anmeldung woanders beendet"),
    "door_password": ("The password of {name} was changed", "Das Passwort von {name} wurde geändert"),
    "door_everywhere": ("{name} logged out {n} browsers", "{name} hat {n} Browser abgemeldet"),
    "door_everywhere.one": ("{name} logged out {n} browser", "{name} hat {n} Browser abgemeldet"),
    "door_unlocked": (
        "Failed logins were forgiven on the machine itself",
        "Fehlversuche wurden auf dem Rechner selbst vergeben",
    ),
    "n_times": ("{n} times", "{n}-mal"),
}
