"""Phrases of the screens Events and Notifications."""

PHRASES: dict[str, tuple[str, str]] = {
    "events": ("Events", "Ereignisse"),
    "events_help": (
        "Everything that was told, and whether it arrived",
        "Alles, was gemeldet wurde, und ob es angekommen ist",
    ),
    "outlets": ("Notifications", "Benachrichtigungen"),
    "outlets_help": ("Who is told what, and when", "Wem was wann gemeldet wird"),
    "events_all": ("All events", "Alle Ereignisse"),
    # the filter
    "ev_search": ("Search messages", "Meldungen suchen"),
    "ev_least": ("How serious", "Wie ernst"),
    "ev_all": ("Everything", "Alles"),
    "ev_warnings": ("Warnings and errors", "Warnungen und Fehler"),
    "ev_errors": ("Errors only", "Nur Fehler"),
    "ev_groups": ("What about", "Worum es geht"),
    "ev_kinds": ("Single kinds", "Einzelne Arten"),
    "ev_kinds_all": ("All kinds", "Alle Arten"),
    "ev_from": ("From", "Von"),
    "ev_to": ("To", "Bis"),
    "ev_outlet": ("On its way to", "Auf dem Weg zu"),
    "ev_state": ("Delivery", "Zustellung"),
    # the list
    "ev_none": ("Nothing has happened yet.", "Noch ist nichts passiert."),
    "ev_none_text": (
        "Troubles of Plex, what the watchdog does, scans and logins appear here.",
        "Hier stehen Störungen von Plex, Taten des Wächters, Scans und Anmeldungen.",
    ),
    "ev_none_fits": ("No event fits this filter.", "Kein Ereignis passt zu diesem Filter."),
    "ev_none_fits_text": ("Take something out of it.", "Nimm etwas davon heraus."),
    "ev_none_here": ("Nothing found up to here.", "Bis hierher nichts gefunden."),
    "ev_none_here_text": (
        "The search goes back piece by piece, so that it stays quick.",
        "Gesucht wird Stück für Stück, damit es schnell bleibt.",
    ),
    "ev_further": ("Search further back", "Weiter zurück suchen"),
    "ev_whole": ("Read it all", "Ganz lesen"),
    "ev_sent": ("sent", "gesendet"),
    "ev_waits": ("waiting since {span}", "wartet seit {span}"),
    "ev_next": ("next try {when}", "nächster Versuch {when}"),
    "ev_held": ("after the quiet hours, {when}", "nach der Ruhezeit, {when}"),
    "ev_blocked": ("blocked", "blockiert"),
    "ev_again": ("It is tried again at once.", "Es wird sofort noch einmal versucht."),
    "ev_late": (
        "Nothing to send again: it has arrived meanwhile, or is just being sent.",
        "Nichts mehr zu senden: Es ist inzwischen angekommen oder gerade unterwegs.",
    ),
    "ev_take": ("Take away what is shown by this filter:", "Mitnehmen, was dieser Filter zeigt:"),
    "ev_csv": ("as CSV", "als CSV"),
    "ev_json": ("as JSON", "als JSON"),
    # events about telling
    "post_changed": ("{by} changed what is told, when and where.", "{by} hat geändert, was wem wann gemeldet wird."),
    "post_blocked_event": (
        "Nothing can be delivered to {outlet}. Why, stands under Notifications.",
        "An {outlet} kann nichts zugestellt werden. Warum, steht unter Benachrichtigungen.",
    ),
    "post_budget_event": (
        "This month's {budget} calls will not be enough; about {missing} will be missing. "
        "Choose fewer kinds of events for it, or a larger plan.",
        "Die {budget} Aufrufe dieses Monats werden nicht reichen, etwa {missing} werden fehlen. "
        "Wähle dafür weniger Arten von Ereignissen oder einen größeren Tarif.",
    ),
    "post_blocked_line": (
        "Messages cannot be delivered to {outlets} at present. They wait.",
        "Meldungen an {outlets} kommen gerade nicht an. Sie warten.",
    ),
    # one outlet
    "outlets_none": ("Nobody is told yet.", "Noch wird niemandem etwas gemeldet."),
    "outlets_none_text": (
        "Add a chat, mail or push target below, or set up Airtable or a webhook in .env.",
        "Füge unten ein Chat-, Mail- oder Push-Ziel hinzu, oder richte Airtable oder einen Webhook in .env ein.",
    ),
    "outlet_gone": ("This target was removed.", "Dieses Ziel wurde entfernt."),
    "outlet_works": ("working", "läuft"),
    "outlet_ready": ("ready, nothing sent yet", "bereit, noch nichts gesendet"),
    "outlet_blocked": ("takes nothing", "nimmt nichts an"),
    "outlet_paused": ("wants silence, goes on {when}", "will Ruhe, weiter {when}"),
    "outlet_off": ("switched off", "ausgeschaltet"),
    "outlet_blocked_chat": (
        "Repair it over there and send a test. If its address has changed, remove it here and add it again. "
        "What waits is kept.",
        "Bring es dort in Ordnung und sende einen Test. Hat sich die Adresse geändert, entferne es hier und füge es "
        "neu hinzu. Was wartet, bleibt erhalten.",
    ),
    "outlet_blocked_env": (
        "Repair it over there and send a test, or correct .env and restart the service. What waits is kept.",
        "Bring es dort in Ordnung und sende einen Test, oder berichtige .env und starte den Dienst neu. Was wartet, "
        "bleibt erhalten.",
    ),
    "outlet_refused": ("That did not work just now.", "Das ging gerade nicht."),
    "outlet_sent": ("last sent {when}", "zuletzt gesendet {when}"),
    "outlet_never": ("nothing sent yet", "noch nichts gesendet"),
    "post_added": ("{by} added a target{label}", "{by} hat ein Ziel hinzugefügt{label}"),
    "post_removed": ("{by} removed a target{label}", "{by} hat ein Ziel entfernt{label}"),
    "post_gone": (
        "{outlet} has not been set up for long; what it was still to tell is dropped",
        "{outlet} ist schon lange nicht mehr eingerichtet; was dort noch zu melden war, entfällt",
    ),
    "outlet_only_test": ("only the test sent so far", "bisher nur den Test gesendet"),
    "outlet_waiting": ("{n} waiting", "{n} warten"),
    "outlet_waiting.one": ("{n} waiting", "{n} wartet"),
    "outlet_failed": ("{n} failed", "{n} gescheitert"),
    "outlet_calls": ("{n} calls this month", "{n} Aufrufe diesen Monat"),
    "outlet_calls.one": ("{n} call this month", "{n} Aufruf diesen Monat"),
    "outlet_budget": ("{used} of {budget} calls this month", "{used} von {budget} Aufrufen diesen Monat"),
    "test_send": ("Send a test", "Test senden"),
    "test_under_way": ("The test is on its way …", "Der Test ist unterwegs …"),
    "test_done": ("The test has arrived.", "Der Test ist angekommen."),
    "test_later": ("Not now:", "Gerade nicht:"),
    "test_uncertain": ("It may have arrived; no answer came.", "Er kam vielleicht an, eine Antwort blieb aus."),
    "test_refused": ("It was not taken:", "Er wurde nicht angenommen:"),
    "unblock": ("It is repaired", "Ist repariert"),
    "unblock_done": ("What waits there is sent now.", "Was dort wartet, wird jetzt gesendet."),
    "retry_all": ("Try the {n} failed again", "Die {n} gescheiterten neu versuchen"),
    "retry_all.one": ("Try the failed one again", "Das gescheiterte neu versuchen"),
    "deliveries_again": ("{n} are tried again.", "{n} werden noch einmal versucht."),
    "deliveries_again.one": ("{n} is tried again.", "{n} wird noch einmal versucht."),
    "remove": ("Remove", "Entfernen"),
    "remove_title": ("Remove this target?", "Dieses Ziel entfernen?"),
    "remove_text": (
        "It is told nothing more. To have it back, its address has to be typed again.",
        "Ihm wird nichts mehr gemeldet. Um es zurückzuholen, muss die Adresse neu eingegeben werden.",
    ),
    "remove_waiting": (
        "It is told nothing more, and {n} waiting messages are given up. To have it back, its address has to be typed "
        "again.",
        "Ihm wird nichts mehr gemeldet, und {n} wartende Meldungen werden aufgegeben. Um es zurückzuholen, muss die "
        "Adresse neu eingegeben werden.",
    ),
    "remove_waiting.one": (
        "It is told nothing more, and one waiting message is given up. To have it back, its address has to be typed "
        "again.",
        "Ihm wird nichts mehr gemeldet, und eine wartende Meldung wird aufgegeben. Um es zurückzuholen, muss die "
        "Adresse neu eingegeben werden.",
    ),
    "remove_yes": ("Remove it", "Entfernen"),
    "remove_no": ("Keep it", "Behalten"),
    "remove_done": ("The target was removed.", "Das Ziel wurde entfernt."),
    # what it tells
    "tells": ("Tells", "Meldet"),
    "tells_on": ("Tell something here", "Hier etwas melden"),
    "tells_what": ("What", "Was"),
    "tells_usual": ("The usual", "Das Übliche"),
    "tells_own": ("My own choice", "Eigene Auswahl"),
    "tells_usual_text": (
        "Troubles, what the watchdog did, updates, speed tests, your scripts and the digest. Scans, logins and what "
        "you changed only when something is wrong with them.",
        "Störungen, Taten des Wächters, Updates, Tempotests, deine Skripte und die Zusammenfassung. Scans, Anmeldungen "
        "und was du geändert hast nur, wenn damit etwas nicht stimmt.",
    ),
    "tells_groups": ("What is told here", "Was hier gemeldet wird"),
    "tells_nothing": ("Nothing", "Nichts"),
    "tells_quiet": ("Quiet hours count here; errors are told all the same", "Ruhezeiten gelten hier, außer für Fehler"),
    "tells_quiet_short": ("with quiet hours", "mit Ruhezeiten"),
    # another one
    "target_title": ("Add a chat, mail or push target", "Chat-, Mail- oder Push-Ziel hinzufügen"),
    "target_url": ("Address in the form of apprise", "Adresse in der Form von apprise"),
    "target_help": (
        "It holds tokens or passwords: it is kept in a private file and never shown again.",
        "Sie enthält Tokens oder Passwörter: Sie kommt in eine private Datei und wird nie wieder angezeigt.",
    ),
    "target_add": ("Add", "Hinzufügen"),
    "target_done": ("The target was added. Send a test.", "Das Ziel ist da. Sende einen Test."),
    "target_refused": ("This address cannot be used.", "Diese Adresse kann nicht benutzt werden."),
    "target_examples": ("How addresses look", "Wie Adressen aussehen"),
    "target_telegram": (
        "The token that @BotFather gave your bot, and the number of the chat; write to the bot once first.",
        "Das Token, das @BotFather deinem Bot gab, und die Nummer des Chats; schreib dem Bot vorher einmal.",
    ),
    "target_mail": (
        "Your mail account, best with an app password, and who is to get it; @ in the name is written %40.",
        "Dein Mailkonto, am besten mit App-Passwort, und wer es bekommt; ein @ im Namen wird %40 geschrieben.",
    ),
    "target_ntfy": (
        "A topic that nobody can guess, because whoever knows it can read along.",
        "Ein Thema, das niemand errät, denn wer es kennt, liest mit.",
    ),
    "target_pushover": (
        "Your user key and the token of an application that you made there.",
        "Dein Benutzerschlüssel und das Token einer Anwendung, die du dort angelegt hast.",
    ),
    "target_discord": (
        "The last two parts of the address of a webhook, from the settings of the channel.",
        "Die letzten zwei Teile der Adresse eines Webhooks, aus den Einstellungen des Kanals.",
    ),
    "target_slack": (
        "The three parts of the address of an incoming webhook, and the channel.",
        "Die drei Teile der Adresse eines eingehenden Webhooks und der Kanal.",
    ),
    "target_more": (
        "Some 170 services are known; apprise describes each address at github.com/caronc/apprise/wiki.",
        "Rund 170 Dienste sind bekannt; apprise beschreibt jede Adresse auf github.com/caronc/apprise/wiki.",
    ),
    # quiet hours and the digest
    "quiet_title": ("Quiet hours and digest", "Ruhezeiten und Zusammenfassung"),
    "quiet_on": ("Quiet hours", "Ruhezeiten"),
    "quiet_from": ("Quiet from", "Ruhe ab"),
    "quiet_to": ("Until", "Bis"),
    "quiet_text": (
        "Where a target wants them, only errors are told then; the rest follows afterwards. Times are those of the "
        "daily scan's zone.",
        "Wo ein Ziel sie beachtet, kommen dann nur Fehler, der Rest danach. Es gilt die Zeitzone des täglichen Scans.",
    ),
    "digest": ("Digest", "Zusammenfassung"),
    "digest_off": ("Off", "Aus"),
    "digest_daily": ("Daily", "Täglich"),
    "digest_weekly": ("Mondays", "Montags"),
    "digest_at": ("Digest at", "Zusammenfassung um"),
    "digest_text": (
        "How long Plex was there, what went wrong and what was mended.",
        "Wie lange Plex da war, was schiefging und was ergänzt wurde.",
    ),
    # what only .env can set up
    "env_title": ("Set up in .env", "In .env einrichten"),
    "env_text": (
        "These hold for the whole service. After a change, restart it.",
        "Das gilt für den ganzen Dienst. Starte ihn nach einer Änderung neu.",
    ),
    "env_set": ("set up", "eingerichtet"),
    "env_missing": ("still missing: {names}", "fehlt noch: {names}"),
    "env_airtable": ("Airtable", "Airtable"),
    "env_airtable_text": (
        "Make a personal access token that may read and write records of your base, and put it and the id of the base "
        "into .env. The table needs the fields Name, Time, Message and Script, and better also Event ID.",
        "Lege ein persönliches Token an, das Datensätze deiner Base lesen und schreiben darf, und trag es und die "
        "Kennung der Base in .env ein. Die Tabelle braucht die Felder Name, Time, Message und Script, besser auch "
        "Event ID.",
    ),
    "env_telegram": ("Telegram", "Telegram"),
    "env_telegram_text": (
        "Let @BotFather make a bot and put its token and the number of your chat into .env. Write to the bot once, or "
        "it may not write to you.",
        "Lass @BotFather einen Bot anlegen und trag sein Token und die Nummer deines Chats in .env ein. Schreib dem "
        "Bot einmal, sonst darf er dir nicht schreiben.",
    ),
    "env_webhook": ("Webhook", "Webhook"),
    "env_webhook_text": (
        "Every event goes as JSON to WEBHOOK_URL. It is signed with WEBHOOK_SECRET, so that the receiver knows it is "
        "from here.",
        "Jedes Ereignis geht als JSON an WEBHOOK_URL. Es ist mit WEBHOOK_SECRET unterschrieben, damit der Empfänger "
        "weiß, dass es von hier kommt.",
    ),
    "env_ping": ("Sign of life", "Lebenszeichen"),
    "env_ping_text": (
        "HEALTH_PING_URL is asked for every minute while the watchdog works. A service such as healthchecks.io then "
        "tells you when this machine falls silent.",
        "HEALTH_PING_URL wird jede Minute aufgerufen, solange der Wächter arbeitet. Ein Dienst wie healthchecks.io "
        "sagt dir dann, wenn dieser Rechner verstummt.",
    ),
}
