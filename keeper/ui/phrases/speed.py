"""Phrases of the Speed screen and of everything that tells of the speed of the line."""

PHRASES: dict[str, tuple[str, str]] = {
    "speed": ("Speed", "Tempo"),
    "speed_help": (
        "How fast the line is, how fast it was, measure it now",
        "Wie schnell die Leitung ist und war, jetzt messen",
    ),
    # figures
    "sp_figures": (
        "download {download} and upload {upload}, ping {ping}",
        "Download {download} und Upload {upload}, Ping {ping}",
    ),
    "sp_low": ("{what} too slow", "{what} zu langsam"),
    "sp_and": (" and ", " und "),
    "sp_to": (" to ", " bis "),
    "sp_slow": ("Too slow", "Zu langsam"),
    "sp_slow_then": ("too slow by the limit of that time", "zu langsam nach der damaligen Grenze"),
    "sp_usual_missing": (
        "What is usual with this server is known after {n} more results; until then the share of it does not count.",
        "Was bei diesem Server üblich ist, steht nach {n} weiteren Ergebnissen fest; so lange zählt der Anteil daran "
        "nicht.",
    ),
    "sp_usual_missing.one": (
        "What is usual with this server is known after one more result; until then the share of it does not count.",
        "Was bei diesem Server üblich ist, steht nach einem weiteren Ergebnis fest; so lange zählt der Anteil daran "
        "nicht.",
    ),
    "sp_usual": ("usually {value}", "sonst {value}"),
    "sp_at_least": ("at least {value}", "mindestens {value}"),
    "sp_at_most": ("at most {value}", "höchstens {value}"),
    "sp_unconfirmed": (
        "it was slow, and the second measurement could not be believed",
        "es war langsam, und die zweite Messung war nicht glaubhaft",
    ),
    # the last result
    "sp_last": ("Last result", "Letztes Ergebnis"),
    "sp_never": ("The line has not been measured yet", "Die Leitung wurde noch nicht gemessen"),
    "sp_never_text": (
        "The daily test measures it by itself, when nobody is watching. Or measure it now.",
        "Der tägliche Test misst sie von selbst, wenn niemand schaut. Oder miss sie jetzt.",
    ),
    "sp_never_off": (
        "The daily test is off. Measure it now, or switch the daily test on below.",
        "Der tägliche Test ist aus. Miss jetzt, oder schalte ihn unten ein.",
    ),
    "sp_alarm": ("Line slow", "Leitung langsam"),
    "sp_alarm_on": (
        "Alarm: {n} of the last {of} results were too slow.",
        "Alarm: {n} der letzten {of} Ergebnisse waren zu langsam.",
    ),
    "sp_alarm_on.one": (
        "Alarm: one of the last {of} results was too slow.",
        "Alarm: Eines der letzten {of} Ergebnisse war zu langsam.",
    ),
    "sp_alarm_on_only": ("Alarm: the last result was too slow.", "Alarm: Das letzte Ergebnis war zu langsam."),
    "sp_alarm_stays": ("Alarm: the line was too slow.", "Alarm: Die Leitung war zu langsam."),
    "sp_alarm_ends": ("It ends when {n} in a row are fine.", "Er endet, wenn {n} nacheinander gut sind."),
    "sp_alarm_ends.one": ("It ends with the next fine one.", "Er endet mit dem nächsten guten."),
    "sp_alarm_off": (
        "No alarm yet: {n} of the last {of} results were too slow.",
        "Noch kein Alarm: {n} der letzten {of} Ergebnisse waren zu langsam.",
    ),
    "sp_alarm_off.one": (
        "No alarm yet: one of the last {of} results was too slow.",
        "Noch kein Alarm: Eines der letzten {of} Ergebnisse war zu langsam.",
    ),
    "sp_alarm_off_only": (
        "No alarm yet: the last result was too slow.",
        "Noch kein Alarm: Das letzte Ergebnis war zu langsam.",
    ),
    "sp_alarm_far": (
        "No alarm: none of the last {n} results was too slow.",
        "Kein Alarm: Keines der letzten {n} Ergebnisse war zu langsam.",
    ),
    "sp_alarm_far.one": (
        "No alarm: the last result was not too slow.",
        "Kein Alarm: Das letzte Ergebnis war nicht zu langsam.",
    ),
    "sp_alarm_tells": ("You are told when {n} of {among} are.", "Gemeldet wird ab {n} von {among}."),
    "sp_alarm_tells.one": ("You are told when one of {among} is.", "Gemeldet wird ab einem von {among}."),
    "sp_alarm_tells_each": ("You are told of each slow one.", "Gemeldet wird jedes langsame."),
    # the test
    "sp_test": ("Speed test", "Tempotest"),
    "sp_next": ("Next one: {moment} ({when})", "Nächster: {moment} ({when})"),
    "sp_next_off": ("The daily test is off.", "Der tägliche Test ist aus."),
    "sp_next_due": ("The next one is due now.", "Der nächste ist jetzt fällig."),
    "sp_next_unknown": ("When the next one comes is not known.", "Wann der nächste kommt, ist nicht bekannt."),
    "sp_hindered": ("Today's test was put off: {why}.", "Der heutige Test ist aufgeschoben: {why}."),
    "sp_hindered_all": ("Nothing can be measured now: {why}.", "Jetzt kann nicht gemessen werden: {why}."),
    "sp_next_budget": ("Next one: on {date} at the earliest", "Nächster: frühestens am {date}"),
    "sp_start": ("Measure now", "Jetzt messen"),
    "sp_started": ("The line is being measured.", "Die Leitung wird gemessen."),
    "sp_refused": ("That cannot be done now.", "Das geht gerade nicht."),
    "sp_cost": ("Costs about {size}", "Kostet etwa {size}"),
    "sp_cost_most": ("Costs {size} at the most", "Kostet höchstens {size}"),
    "sp_left": ("{left} of {all} left this month", "noch {left} von {all} in diesem Monat"),
    "sp_too_little": (
        "{left} left, a test may need up to {need}: possible again on {date}, or raise `SPEED_TEST_MONTHLY_MB`.",
        "Noch {left} übrig, ein Test kann bis zu {need} brauchen: wieder möglich am {date}, oder erhöhe "
        "`SPEED_TEST_MONTHLY_MB`.",
    ),
    "sp_too_little_ever": (
        "A test may need up to {need}, and {all} a month are allowed: raise `SPEED_TEST_MONTHLY_MB`.",
        "Ein Test kann bis zu {need} brauchen, und {all} im Monat sind erlaubt: Erhöhe `SPEED_TEST_MONTHLY_MB`.",
    ),
    "sp_ask_title": ("Measure now?", "Jetzt messen?"),
    "sp_ask_watched": (
        ":orange[:material/play_circle:] **Somebody is watching**, or something is being recorded.",
        ":orange[:material/play_circle:] **Es schaut jemand**, oder etwas wird aufgenommen.",
    ),
    "sp_ask_unknown": (
        ":orange[:material/help:] **It cannot be told whether somebody is watching.**",
        ":orange[:material/help:] **Es lässt sich nicht feststellen, ob jemand schaut.**",
    ),
    "sp_ask_text": (
        "A test fills the whole line for up to two minutes. Whoever watches from outside may see the picture stop.",
        "Ein Test füllt bis zu zwei Minuten die ganze Leitung. Wer von außen schaut, dessen Bild kann stehen bleiben.",
    ),
    "sp_ask_no": ("Not now", "Jetzt nicht"),
    "sp_ask_yes": ("Measure anyway", "Trotzdem messen"),
    # the test that runs
    "sp_running": ("Speed test", "Tempotest"),
    "sp_starting": ("Starting", "Es geht los"),
    "sp_waiting": ("Waiting for its turn", "Wartet, bis er drankommt"),
    "sp_elapsed": ("{seconds} s", "{seconds} s"),
    "sp_elapsed_of": ("{seconds} s of about {expected}", "{seconds} s von etwa {expected}"),
    "sp_whole_machine": (
        "What this machine receives and sends at this moment",
        "Was dieser Rechner in diesem Moment empfängt und sendet",
    ),
    "sp_second": ("Second measurement", "Zweite Messung"),
    "sp_confirming": (
        "The first result was slow. It counts only when a second measurement says so too.",
        "Das erste Ergebnis war langsam. Es zählt nur, wenn eine zweite Messung es bestätigt.",
    ),
    "sp_cancelled": ("The speed test is being cancelled.", "Der Tempotest wird abgebrochen."),
    "sp_too_late": ("It had ended already.", "Er war schon zu Ende."),
    # how it ended
    "sp_ended": ("ended {when}", "beendet {when}"),
    "sp_outcome_fine": ("Measured: {figures}.", "Gemessen: {figures}."),
    "sp_outcome_low": ("Measured: {figures}. {low}.", "Gemessen: {figures}. {low}."),
    "sp_outcome_failed": ("The last test brought no result: {why}.", "Der letzte Test brachte kein Ergebnis: {why}."),
    "sp_outcome_failed_bare": ("The last test brought no result.", "Der letzte Test brachte kein Ergebnis."),
    "sp_outcome_put_off": ("Not measured: {why}.", "Nicht gemessen: {why}."),
    "sp_outcome_put_off_bare": ("The last test was not made.", "Der letzte Test wurde nicht gemacht."),
    "sp_outcome_cancelled": ("The last test was cancelled.", "Der letzte Test wurde abgebrochen."),
    "sp_outcome_interrupted": (
        "The last test was interrupted: Plex Keeper was stopped in the middle of it.",
        "Der letzte Test wurde unterbrochen: Plex Keeper wurde mittendrin beendet.",
    ),
    # history
    "sp_history": ("History", "Verlauf"),
    "sp_range": ("Period", "Zeitraum"),
    "sp_days_7": ("7 days", "7 Tage"),
    "sp_days_30": ("30 days", "30 Tage"),
    "sp_days_90": ("90 days", "90 Tage"),
    "sp_days_365": ("1 year", "1 Jahr"),
    "sp_none_in_range": ("No result in this period.", "Kein Ergebnis in diesem Zeitraum."),
    "sp_gap_none": (
        "No test was made: the daily test was off, or the service did not run",
        "Kein Test: Der tägliche Test war aus, oder der Dienst lief nicht",
    ),
    "sp_gap_failed": ("All tests of the day failed", "Alle Tests des Tages scheiterten"),
    "sp_gap_skipped": ("Left out: {why}", "Ausgelassen: {why}"),
    "sp_legend_daily": ("result", "Ergebnis"),
    "sp_legend_manual": ("asked for by hand", "von Hand gemessen"),
    "sp_legend_low": ("too slow", "zu langsam"),
    "sp_legend_usual": ("usual", "üblich"),
    "sp_legend_limit": ("your limit", "deine Grenze"),
    "sp_earlier": ("{n} more before these", "{n} weitere davor"),
    "sp_legend_other": ("another provider", "anderer Anbieter"),
    "sp_other": ("Measured by another provider than the one before", "Von einem anderen Anbieter als davor gemessen"),
    "sp_legend_gap": ("no result", "kein Ergebnis"),
    "sp_alt": ("Line speed of {days} days, {n} results.", "Tempo der Leitung in {days} Tagen, {n} Ergebnisse."),
    "sp_alt.one": ("Line speed of {days} days, one result.", "Tempo der Leitung in {days} Tagen, ein Ergebnis."),
    "sp_alt_one": (
        "{what} from {least} to {most}, too slow: {low}.",
        "{what} von {least} bis {most}, zu langsam: {low}.",
    ),
    "sp_alt_gaps": ("{n} days without a result.", "{n} Tage ohne Ergebnis."),
    "sp_alt_gaps.one": ("{n} day without a result.", "{n} Tag ohne Ergebnis."),
    # who measures
    "sp_sources": ("Who measures", "Wer misst"),
    "sp_sources_demo": (
        "In the demo, a pretended line is measured: nothing leaves this machine.",
        "In der Demo wird eine nachgeahmte Leitung gemessen: Nichts verlässt diesen Rechner.",
    ),
    "sp_col_source": ("Provider and server", "Anbieter und Server"),
    "sp_col_results": ("Results", "Ergebnisse"),
    "sp_col_download": ("Download, Mbit/s", "Download, Mbit/s"),
    "sp_col_upload": ("Upload, Mbit/s", "Upload, Mbit/s"),
    "sp_col_ping": ("Ping, ms", "Ping, ms"),
    "sp_col_last": ("Last one", "Zuletzt"),
    "sp_pin": (
        "Results come from {n} servers, each with a usual value of its own. `SPEED_TEST_SERVER={server}` in `.env` "
        "keeps to {name}.",
        "Die Ergebnisse kommen von {n} Servern, jeder mit eigenem üblichen Wert. `SPEED_TEST_SERVER={server}` in "
        "`.env` bleibt bei {name}.",
    ),
    "sp_usable": ("can be used here", "ist hier verfügbar"),
    "sp_unusable": ("cannot be used here", "ist hier nicht verfügbar"),
    "sp_usable_unknown": ("may not be usable here", "ist hier vielleicht nicht verfügbar"),
    "sp_trouble": ("{n} times in {days} days, last", "{n}-mal in {days} Tagen, zuletzt"),
    "sp_trouble.one": ("once in {days} days,", "einmal in {days} Tagen,"),
    # all tests
    "sp_tests": ("Speed tests", "Tempotests"),
    "sp_anyway": ("although somebody might be watching", "obwohl vielleicht jemand schaute"),
    "sp_no_runs": ("Nothing was measured.", "Gemessen wurde nichts."),
    # wishes
    "sp_wishes": ("What the line should bring", "Was die Leitung bringen soll"),
    "sp_daily": ("Measure every day by itself", "Jeden Tag von selbst messen"),
    "sp_daily_text": (
        "From {hour} on, when nobody is watching; up to {n} tries. `SPEED_TEST_HOUR` and `SPEED_TEST_TIMEZONE` in "
        "`.env` set the time.",
        "Ab {hour}, wenn niemand schaut; bis zu {n} Versuche. Die Zeit legen `SPEED_TEST_HOUR` und "
        "`SPEED_TEST_TIMEZONE` in `.env` fest.",
    ),
    "sp_daily_text.one": (
        "From {hour} on, when nobody is watching; one try. `SPEED_TEST_HOUR` and `SPEED_TEST_TIMEZONE` in `.env` set "
        "the time.",
        "Ab {hour}, wenn niemand schaut; ein Versuch. Die Zeit legen `SPEED_TEST_HOUR` und `SPEED_TEST_TIMEZONE` in "
        "`.env` fest.",
    ),
    "sp_hour": ("{hour} ({zone})", "{hour} Uhr ({zone})"),
    "sp_hour_yours": ("{hour} ({zone}), where you are {yours}", "{hour} Uhr ({zone}), bei dir {yours} Uhr"),
    "sp_wish_down": ("Least download, Mbit/s", "Min. Download, Mbit/s"),
    "sp_wish_up": ("Least upload, Mbit/s", "Min. Upload, Mbit/s"),
    "sp_wish_ping": ("Most ping, ms", "Max. Ping, ms"),
    "sp_wish_zero": ("0 = not asked for", "0 = egal"),
    "sp_wish_share": (
        "Too slow when less than … % of the usual value",
        "Zu langsam, wenn weniger als … % des üblichen Werts",
    ),
    "sp_wish_range": (
        "{what}: a number from {least} to {most}.",
        "{what}: eine Zahl von {least} bis {most}.",
    ),
    "sp_wish_after": ("Alarm after … slow results", "Alarm ab … langsamen Ergebnissen"),
    "sp_wish_of": ("among the latest …", "unter den letzten …"),
    "sp_wish_alarm_wrong": (
        "There cannot be more slow results than are looked at.",
        "Es kann nicht mehr langsame Ergebnisse geben, als angesehen werden.",
    ),
    "sp_wish_nothing": (
        "Nothing is asked for: no result can be too slow, and there will be no alarm.",
        "Nichts ist verlangt: Kein Ergebnis kann zu langsam sein, und es gibt keinen Alarm.",
    ),
    # the month
    "sp_budget": ("Data used this month", "Datenverbrauch in diesem Monat"),
    "sp_budget_used": ("**{used}** used by speed tests", "**{used}** für Tempotests verbraucht"),
    "sp_budget_of": ("{used} of {all} used by speed tests", "{used} von {all} für Tempotests verbraucht"),
    "sp_budget_left": ("{left} left · begins anew on {date}", "noch {left} · beginnt neu am {date}"),
    "sp_budget_daily": (
        "A test costs about {each}: {month} a month when nothing is measured twice.",
        "Ein Test kostet etwa {each}: {month} im Monat, wenn nichts zweimal gemessen wird.",
    ),
    "sp_budget_setting": (
        "The limit is never exceeded: a test that does not fit is not made. `SPEED_TEST_MONTHLY_MB` in `.env` sets it.",
        "Die Grenze wird nie überschritten: Ein Test, der nicht passt, wird nicht gemacht. `SPEED_TEST_MONTHLY_MB` "
        "in `.env` legt sie fest.",
    ),
    "sp_budget_none": (
        "There is no limit. On a metered line set one: `SPEED_TEST_MONTHLY_MB` in `.env`.",
        "Es gibt keine Grenze. Hat deine Leitung ein Datenvolumen, setze eine: `SPEED_TEST_MONTHLY_MB` in `.env`.",
    ),
    # events
    "sp_event_measured": ("Line measured: {figures}", "Leitung gemessen: {figures}"),
    "sp_event_failed": ("The speed test failed: {why}", "Der Tempotest ist fehlgeschlagen: {why}"),
    "sp_event_day_failed": (
        "No speed of the line for {date} after {n} tries",
        "Kein Messwert der Leitung für {date} nach {n} Versuchen",
    ),
    "sp_event_day_failed.one": (
        "No speed of the line for {date} after one try",
        "Kein Messwert der Leitung für {date} nach einem Versuch",
    ),
    "sp_event_skipped": ("No speed test on {date}: {why}", "Kein Tempotest am {date}: {why}"),
    "sp_event_slow": (
        "The line is slow: {n} of the last {of} results were too slow",
        "Die Leitung ist langsam: {n} der letzten {of} Ergebnisse waren zu langsam",
    ),
    "sp_event_slow.one": (
        "The line is slow: one of the last {of} results was too slow",
        "Die Leitung ist langsam: Eines der letzten {of} Ergebnisse war zu langsam",
    ),
    "sp_event_slow_only": (
        "The line is slow: the last result was too slow",
        "Die Leitung ist langsam: Das letzte Ergebnis war zu langsam",
    ),
    "sp_event_fine": ("The line is fast again", "Die Leitung ist wieder schnell"),
    "sp_event_usual": (
        "This speed is usual now: download {down} and upload {up}. It was {before}",
        "Dieses Tempo ist nun üblich: Download {down} und Upload {up}. Es war {before}",
    ),
    "sp_event_none": (
        "For {n} days no speed test has brought a result",
        "Seit {n} Tagen hat kein Tempotest ein Ergebnis gebracht",
    ),
    "sp_event_none.one": (
        "For one day no speed test has brought a result",
        "Seit einem Tag hat kein Tempotest ein Ergebnis gebracht",
    ),
    "sp_event_budget": (
        "The data budget of speed tests is nearly used up: {used} of {budget} MB in {month}",
        "Das Datenkontingent der Tempotests ist fast aufgebraucht: {used} von {budget} MB im {month}",
    ),
    "sp_event_wishes": ("{by} changed what the line should bring", "{by} hat geändert, was die Leitung bringen soll"),
    "sp_event_changed": ("{by} changed: {what}", "{by} hat geändert: {what}"),
    "sp_change": ("{name} {after} instead of {before}", "{name} {after} statt {before}"),
    "sp_change_daily": ("daily test", "täglicher Test"),
    "sp_change_least_download": ("least download", "Mindest-Download"),
    "sp_change_least_upload": ("least upload", "Mindest-Upload"),
    "sp_change_most_ping": ("most ping", "höchster Ping"),
    "sp_change_share": ("share of the usual value", "Anteil am üblichen Wert"),
    "sp_change_alarm_after": ("slow results for an alarm", "langsame Ergebnisse für einen Alarm"),
    "sp_change_alarm_of": ("results looked at for an alarm", "für einen Alarm angesehene Ergebnisse"),
    "sp_change_on": ("on", "an"),
    "sp_change_off": ("off", "aus"),
    "sp_change_nothing": ("not asked for", "egal"),
    # the tile of the Overview
    "tile_speed": ("Line speed", "Leitung"),
    "tile_speed_never": ("not measured yet", "noch nicht gemessen"),
    "tile_speed_alt": ("Download of the latest results", "Download der letzten Ergebnisse"),
}
