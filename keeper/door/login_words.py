"""What the login page says, in German and English. It is made before Streamlit, so it has its own words."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Sign in",
        "lead": "Sign in to look after your server.",
        "name_label": "User name",
        "password_label": "Password",  # nosec B105  # a label
        "button": "Sign in",
        "other_name": "Deutsch",
        "wrong": "User name or password is wrong.",
        "wait": "Too many failed attempts. Please try again in {wait}.",
        "crowd": "Many people are signing in right now. Please try again in {wait}.",
        "trouble": "Signing in is not possible right now. The reason is in the log of the service.",
        "second": "second",
        "seconds": "seconds",
        "minute": "minute",
        "minutes": "minutes",
    },
    "de": {
        "title": "Anmelden",
        "lead": "Melde dich an, um nach deinem Server zu sehen.",
        "name_label": "Benutzername",
        "password_label": "Passwort",  # nosec B105  # a label
        "button": "Anmelden",
        "other_name": "English",
        "wrong": "Benutzername oder Passwort ist falsch.",
        "wait": "Zu viele Fehlversuche. Bitte versuche es in {wait} noch einmal.",
        "crowd": "Gerade melden sich viele an. Bitte versuche es in {wait} noch einmal.",
        "trouble": "Die Anmeldung ist gerade nicht möglich. Der Grund steht im Protokoll des Dienstes.",
        "second": "Sekunde",
        "seconds": "Sekunden",
        "minute": "Minute",
        "minutes": "Minuten",
    },
}
