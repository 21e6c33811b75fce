"""Phrases of the Watchdog screen, and of whatever else speaks of it."""

PHRASES: dict[str, tuple[str, str]] = {
    # what it thinks
    "seen_once": (
        "Seen once; it has to be seen again before it counts.",
        "Einmal gesehen; erst beim zweiten Mal zählt es.",
    ),
    "look_failed": (
        "The look itself failed. Nothing is done on what nobody knows; another look follows.",
        "Der Blick selbst ist misslungen. Auf Unbekanntes hin wird nichts getan; der nächste Blick folgt.",
    ),
    "under_way": (
        "{action} is under way. Its effect is awaited{until}.",
        "{action} ist im Gange. Die Wirkung wird abgewartet{until}.",
    ),
    "showing_effect": (
        "The last action gets time to show its effect{until}.",
        "Die letzte Aktion bekommt Zeit zu wirken{until}.",
    ),
    "passes": (
        "This usually passes by itself. The watchdog waits, and looks again and again.",
        "Das geht meist von selbst vorbei. Der Wächter wartet und sieht immer wieder nach.",
    ),
    "until": (", until {moment}", ", bis {moment}"),
    "possible_in": ("{action} possible in {span}", "{action} möglich in {span}"),
    "next_look_in": ("next look in {span}", "nächster Blick in {span}"),
    "look_due": ("a look is due", "ein Blick ist fällig"),
    "held_badge": ("Hands off until {moment}", "Keine Eingriffe bis {moment}"),
    "check_now": ("Check now", "Jetzt prüfen"),
    "hold_hour": ("Hold for 1 h", "1 Std. anhalten"),
    "hold_longer": ("Longer", "Länger"),
    "hold_four": ("4 hours", "4 Stunden"),
    "hold_tomorrow": ("Until tomorrow, 08:00", "Bis morgen, 08:00"),
    "held_done": ("The watchdog does nothing until {moment}.", "Der Wächter tut nichts bis {moment}."),
    "release": ("Release", "Wieder freigeben"),
    "released_done": ("The watchdog may act again.", "Der Wächter darf wieder handeln."),
    "do_now": ("Do it now: {action}", "Jetzt ausführen: {action}"),
    # confirmation
    "act_title": ("{action}?", "{action}?"),
    "act_text_restart_plex": (
        "Plex Media Server is stopped and started again, which takes a minute or two.",
        "Plex Media Server wird beendet und neu gestartet. Das dauert ein bis zwei Minuten.",
    ),
    "act_text_dns_reset": (
        "Remembered names are thrown away and the name service of this machine is started anew, in a few seconds.",
        "Gemerkte Namen werden verworfen und der Namensdienst dieses Rechners neu gestartet, in wenigen Sekunden.",
    ),
    "act_text_net_soft": (
        "The network manager sets up the interface again. That takes some seconds.",
        "Die Netzwerkverwaltung richtet die Schnittstelle neu ein. Das dauert einige Sekunden.",
    ),
    "act_text_net_hard": (
        "The interface is switched off and on again. That takes up to a minute.",
        "Die Schnittstelle wird aus- und wieder eingeschaltet. Das dauert bis zu einer Minute.",
    ),
    "act_text_reboot": (
        "This machine and everything on it is shut down and started again, which takes some minutes.",
        "Dieser Rechner mit allem, was darauf läuft, wird neu gestartet. Das dauert einige Minuten.",
    ),
    "act_text_reachability": (
        "Plex asks the router again to open its port to the outside.",
        "Plex bittet den Router noch einmal, den Port nach außen zu öffnen.",
    ),
    "act_breaks_restart_plex": (
        "Everybody who watches is cut off, a recording that runs ends, and scans are interrupted.",
        "Wer gerade schaut, fliegt raus, laufende Aufnahmen enden, Scans werden unterbrochen.",
    ),
    "act_breaks_dns_reset": (
        "Streams go on. New connections may stumble for a moment.",
        "Wiedergaben laufen weiter. Neue Verbindungen können kurz stocken.",
    ),
    "act_breaks_net_soft": (
        "Streams may stutter or break off. This page may lose its connection for a moment.",
        "Wiedergaben können stocken oder abbrechen. Diese Seite kann kurz die Verbindung verlieren.",
    ),
    "act_breaks_net_hard": (
        "All connections of this machine break, streams and this page too. If the interface does not come up again, "
        "the machine cannot be reached from afar.",
        "Alle Verbindungen dieses Rechners brechen ab, auch Wiedergaben und diese Seite. Kommt die Schnittstelle nicht "
        "wieder hoch, ist der Rechner aus der Ferne nicht mehr zu erreichen.",
    ),
    "act_breaks_reboot": (
        "Streams, recordings, scans and every other program on this machine end. It counts as one of today's reboots.",
        "Wiedergaben, Aufnahmen, Scans und alle anderen Programme auf diesem Rechner enden. Er zählt zu den Neustarts "
        "von heute.",
    ),
    "act_breaks_reachability": ("Nobody who watches is interrupted.", "Niemand, der gerade schaut, wird gestört."),
    "act_watching": ("Right now {n} people are watching.", "Gerade schauen {n} Leute."),
    "act_watching.one": ("Right now somebody is watching.", "Gerade schaut jemand."),
    "act_watching_unknown": (
        "Whether somebody is watching right now is not known.",
        "Ob gerade jemand schaut, ist nicht bekannt.",
    ),
    "act_yes": ("Yes, do it", "Ja, ausführen"),
    "act_no": ("No, leave it", "Nein, lassen"),
    "act_asked": (
        "Asked for: {action}. What becomes of it appears below, under latest actions.",
        "Angefordert: {action}. Was daraus wird, steht unten bei den letzten Aktionen.",
    ),
    "act_refused": ("That did not work.", "Das ging nicht."),
    # what it may do
    "may_title": ("What it may do", "Was er darf"),
    "may_restart": (
        "When Plex is down or hung, seen several times, and nobody is watching.",
        "Wenn Plex abgestürzt ist oder hängt, mehrmals gesehen, und niemand schaut.",
    ),
    "may_network": (
        "When this machine has no address or no way out: first softly, then off and on.",
        "Wenn dieser Rechner keine Adresse oder keinen Weg hinaus hat: erst sanft, dann aus und wieder ein.",
    ),
    "may_dns": (
        "When names are not found any more while the line works; once in an incident.",
        "Wenn Namen nicht mehr gefunden werden, obwohl die Leitung steht; einmal je Störung.",
    ),
    "may_reboot": (
        "The last resort, when every milder step has failed for half an hour.",
        "Das letzte Mittel, wenn alles Mildere eine halbe Stunde lang nichts half.",
    ),
    "may_outage_reboot": (
        "Even when only the router or the provider is dead, which a reboot seldom mends. Needs the permission above.",
        "Auch wenn nur Router oder Anbieter tot sind, wogegen er selten hilft. Braucht die Erlaubnis darüber.",
    ),
    "able_unasked": ("This machine has not been asked yet.", "Dieser Rechner wurde noch nicht gefragt."),
    "able_yes": ("This machine can do it", "Dieser Rechner kann das"),
    "able_no": ("This machine cannot do it", "Dieser Rechner kann das nicht"),
    "able_vain": (
        "Allowed, but without effect: this machine cannot do it",
        "Erlaubt, aber wirkungslos: Dieser Rechner kann das nicht",
    ),
    "able_unknown": ("Only trying tells whether it works", "Ob es geht, zeigt erst ein Versuch"),
    "able_how": ("How", "Wie"),
    "able_mend": ("What would make it possible", "Was es möglich machen würde"),
    "left_now": ("{left} of {allowed} tries left in this incident", "noch {left} von {allowed} Versuchen jetzt"),
    "left_restart_plex": ("{left} of {allowed} left within 24 hours", "noch {left} von {allowed} in 24 Stunden"),
    "left_net_soft": (
        "{left} of {allowed} tries left in an incident",
        "noch {left} von {allowed} Versuchen je Störung",
    ),
    "left_dns_reset": (
        "{left} of {allowed} tries left in an incident",
        "noch {left} von {allowed} Versuchen je Störung",
    ),
    "left_reboot": ("{left} of {allowed} left today", "heute noch {left} von {allowed}"),
    "possible_again": ("possible again {when}", "wieder möglich {when}"),
    "last_done": ("last one {when}", "zuletzt {when}"),
    "arm_title": ("Allow this?", "Das erlauben?"),
    "arm_text_restart": (
        "The watchdog then restarts Plex by itself when it is down or hung: a few times at most, with pauses, never "
        "while it can see somebody watching. The risk is small: a Plex that was only slow is interrupted.",
        "Der Wächter startet Plex dann von selbst neu, wenn es abgestürzt ist oder hängt: nur wenige Male, mit Pausen, "
        "und nie, solange er jemanden schauen sieht. Das Risiko ist klein: Ein nur langsames Plex wird unterbrochen.",
    ),
    "arm_text_network": (
        "The watchdog then sets up the network interface anew, and if need be switches it off and on. The risk: if it "
        "does not come up again, this machine cannot be reached from afar until somebody stands in front of it.",
        "Der Wächter richtet die Netzwerkschnittstelle dann von selbst neu ein und schaltet sie notfalls aus und ein. "
        "Das Risiko: Kommt sie nicht wieder hoch, ist der Rechner aus der Ferne nicht erreichbar, bis jemand "
        "davorsteht.",
    ),
    "arm_text_dns": (
        "The watchdog then restarts the name service of this machine, once in an incident. The risk is small: other "
        "programs find no names for a few seconds.",
        "Der Wächter startet den Namensdienst dieses Rechners dann neu, einmal je Störung. Das Risiko ist klein: "
        "Andere Programme finden für einige Sekunden keine Namen.",
    ),
    "arm_text_reboot": (
        "The watchdog then reboots this machine when nothing milder helped: as often a day as the settings say, a day "
        "apart, written down beforehand. The network resets come first, so they have to be allowed too. The risk: "
        "every program here ends, and a machine that does not start again by itself stays off.",
        "Der Wächter startet diesen Rechner dann neu, wenn nichts Milderes half: so oft am Tag, wie eingestellt, mit "
        "einem Tag Abstand und vorher aufgeschrieben. Vorher kommen die Netzwerk-Resets, sie müssen also auch "
        "erlaubt sein. Das Risiko: Alle Programme hier enden, und ein Rechner, der nicht von selbst wieder startet, "
        "bleibt aus.",
    ),
    "arm_text_outage_reboot": (
        "The watchdog then also reboots when the router or the provider does not answer for half an hour. It rarely "
        "helps, and each time it ends what people at home are watching. It counts only together with the permission to "
        "reboot.",
        "Der Wächter startet dann auch neu, wenn Router oder Anbieter eine halbe Stunde nicht antworten. Das hilft "
        "selten und beendet jedes Mal, was zu Hause gerade läuft. Es gilt nur zusammen mit der Erlaubnis zum Neustart.",
    ),
    "arm_yes": ("Allow it", "Erlauben"),
    "arm_no": ("Do not allow it", "Nicht erlauben"),
    "armed_done": ("Allowed: {name}.", "Erlaubt: {name}."),
    "disarmed_done": ("Not allowed any more: {name}.", "Nicht mehr erlaubt: {name}."),
    # incidents
    "incidents": ("Incidents", "Störungen"),
    "incidents_none": ("No trouble so far.", "Bisher keine Störung."),
    "incidents_none_text": (
        "What the watchdog sees, decides and does appears here, with the whole story of each trouble.",
        "Was der Wächter sieht, entscheidet und tut, erscheint hier, mit der ganzen Geschichte jeder Störung.",
    ),
    "incident_then": ("then: {causes}", "dann: {causes}"),
    "incident_since": ("for {span}", "seit {span}"),
    "incident_lasted": ("{moment} · lasted {span}", "{moment} · dauerte {span}"),
    "is_open": ("Going on", "Dauert an"),
    "is_over": ("Over", "Vorbei"),
    "gave_up": ("Gave up", "Aufgegeben"),
    "ended_itself": ("over by itself", "von selbst vorbei"),
    "ended_after": ("over after: {deeds}", "vorbei nach: {deeds}"),
    "so_far": ("done: {deeds}", "getan: {deeds}"),
    "older": ("Older", "Ältere"),
    "newest": ("Newest", "Neueste"),
    # the story of one
    "all_incidents": ("Watchdog", "Wächter"),
    "incident_unknown": ("There is no incident with this number.", "Es gibt keine Störung mit dieser Nummer."),
    "incident_unknown_text": (
        "Old incidents are removed after a while.",
        "Alte Störungen werden nach einer Weile entfernt.",
    ),
    "story": ("What happened", "Was geschah"),
    "story_none": ("Nothing has been written down yet.", "Noch ist nichts aufgeschrieben."),
    "timeline_label": ("{causes}; {n} marks", "{causes}; {n} Marken"),
    "now": ("now", "jetzt"),
    "told_opened": ("{cause}.", "{cause}."),
    "told_changed": ("Now: {cause}. Before: {before}.", "Jetzt: {cause}. Vorher: {before}."),
    "told_closed": ("All is well again, seen twice.", "Alles ist wieder gut, zweimal gesehen."),
    "acted_yes": ("{action}: carried out.", "{action}: ausgeführt."),
    "acted_no": ("{action}: could not be carried out.", "{action}: ließ sich nicht ausführen."),
    "acted_unknown": (
        "{action}: whether it was carried out is not known.",
        "{action}: Ob es ausgeführt wurde, ist nicht bekannt.",
    ),
    "proved_yes": ("{action}: it helped.", "{action}: Es hat geholfen."),
    "proved_no": ("{action}: it did not help.", "{action}: Es hat nicht geholfen."),
    "proved_unknown": ("{action}: whether it helped is not known.", "{action}: Ob es half, ist nicht bekannt."),
    "owner_armed": ("{by} changed what is allowed. Allowed now: {allowed}.", "{by} erlaubt jetzt: {allowed}."),
    "owner_disarmed": ("{by} allows nothing any more.", "{by} erlaubt nichts mehr."),
    "owner_held": ("{by} told the watchdog to do nothing{until}.", "{by} hat den Wächter angehalten{until}."),
    "owner_released": ("{by} let the watchdog act again.", "{by} lässt den Wächter wieder handeln."),
    "owner_acted": ("{by} asked for: {action}.", "{by} hat verlangt: {action}."),
    "owner_accepted": ("{by} said that {path} is right as it is.", "{by} sagt: {path} ist richtig, wie er ist."),
    "owner_something": ("{by} did something.", "{by} hat etwas getan."),
    # by hand
    "by_hand": ("Do something by hand", "Von Hand eingreifen"),
    "by_hand_text": (
        "Each of these asks first, and is written down with your name. A restart of Plex that you ask for does "
        "not count against the limits; resets and reboots do.",
        "Vor jedem davon wird gefragt, und es wird mit deinem Namen aufgeschrieben. Ein Neustart von Plex, den du "
        "verlangst, zählt nicht gegen die Grenzen; Resets und Neustarts des Rechners zählen.",
    ),
    # ledger
    "ledger": ("Latest actions", "Letzte Aktionen"),
    "ledger_none": ("Nothing has been done yet.", "Noch wurde nichts getan."),
    "by_watchdog": ("watchdog", "Wächter"),
    "deed_undone": ("not carried out", "nicht ausgeführt"),
    "deed_unknown": ("carried out? not known", "ausgeführt? nicht bekannt"),
    "deed_done": ("carried out", "ausgeführt"),
    "deed_helped": ("helped", "hat geholfen"),
    "deed_useless": ("did not help", "hat nicht geholfen"),
    # starts and stops of Plex
    "turns": ("Starts and stops of Plex", "Starts und Stopps von Plex"),
    "turns_none": ("None seen so far.", "Bisher keine gesehen."),
    "turns_none_text": (
        "Every start, stop and crash of Plex appears here, with who did it.",
        "Jeder Start, jeder Stopp und jeder Absturz von Plex steht hier, und wer es war.",
    ),
    "turn_started_us": ("Started by the watchdog", "Vom Wächter gestartet"),
    "turn_started_person": ("Started by {person}, through the watchdog", "Von {person} über den Wächter gestartet"),
    "turn_started_owner": ("Started by hand", "Von Hand gestartet"),
    "turn_started_updater": ("Started after an update", "Nach einer Aktualisierung gestartet"),
    "turn_started_crash": (
        "Brought back by its service manager after a crash",
        "Nach einem Absturz von der Dienstverwaltung wieder gestartet",
    ),
    "turn_started_machine": ("Started together with this machine", "Zusammen mit diesem Rechner gestartet"),
    "turn_started_unknown": ("Started; by whom is not known", "Gestartet, von wem ist nicht bekannt"),
    "turn_stopped_us": ("Stopped by the watchdog{after}", "Vom Wächter beendet{after}"),
    "turn_stopped_person": (
        "Stopped by {person}, through the watchdog{after}",
        "Von {person} über den Wächter beendet{after}",
    ),
    "turn_stopped_owner": ("Stopped by hand{after}", "Von Hand beendet{after}"),
    "turn_stopped_updater": ("Stopped for an update{after}", "Für eine Aktualisierung beendet{after}"),
    "turn_stopped_crash": ("Crashed{after}", "Abgestürzt{after}"),
    "turn_stopped_machine": (
        "Stopped together with this machine{after}",
        "Zusammen mit diesem Rechner beendet{after}",
    ),
    "turn_stopped_unknown": ("Stopped{after}; by whom is not known", "Beendet{after}, von wem ist nicht bekannt"),
    "turn_after": (" after {span}", " nach {span}"),
    # simulator
    "simulator": ("What would it do? Try an outage", "Was würde er tun? Einen Ausfall durchspielen"),
    "sim_text": (
        "The same rules on a made-up outage. Nothing real is touched; every action is taken to be possible here.",
        "Dieselben Regeln an einem erdachten Ausfall. Nichts Echtes wird angefasst; jede Aktion gilt als machbar.",
    ),
    "sim_example": ("Example", "Beispiel"),
    "sim_four_days_without_a_route": ("Four days without a route", "Vier Tage ohne Route"),
    "sim_plex_hangs_for_a_day": ("Plex hangs for a day", "Plex hängt einen Tag lang"),
    "sim_router_dead_for_an_hour": ("The router is dead for an hour", "Der Router ist eine Stunde lang tot"),
    "sim_somebody_watches": ("Somebody watches meanwhile", "Währenddessen schaut jemand"),
    "sim_own": ("My own", "Mein eigenes"),
    "sim_script": ("Script (YAML)", "Drehbuch (YAML)"),
    "sim_allowed": ("Allowed", "Erlaubt"),
    "sim_as_now": ("As now", "Wie jetzt"),
    "sim_choose": ("Choose", "Auswählen"),
    "sim_nothing_allowed": ("nothing", "nichts"),
    "sim_play": ("Play it", "Durchspielen"),
    "sim_playing": ("Playing …", "Wird gespielt …"),
    "sim_refused": (
        "This script cannot be played.",
        "Dieses Drehbuch lässt sich nicht spielen. Höchstens 60 Tage, in YAML; genauer:",
    ),
    "sim_result": (
        "{looks} looks · {acts} actions · allowed: {allowed}",
        "{looks} Blicke · {acts} Aktionen · erlaubt: {allowed}",
    ),
    "sim_after": ("after {span}", "nach {span}"),
    "sim_at_start": ("at the start", "am Anfang"),
    "sim_times": (
        "{sentence} ({count} times, the last one after {span})",
        "{sentence} ({count} Mal, zuletzt nach {span})",
    ),
    "sim_calm": ("Nothing happened that is worth a line.", "Es geschah nichts, was eine Zeile wert wäre."),
    # folders
    "folders": ("Library folders", "Ordner der Mediathek"),
    "folder_empty": ("It is empty, and had something in it before.", "Er ist leer und war es vorher nicht."),
    "folder_unmounted": ("Its disk is not mounted.", "Sein Datenträger ist nicht eingehängt."),
    "folder_anchor_gone": ("The anchor file is not in it any more.", "Die Ankerdatei ist nicht mehr darin."),
    "folder_missing": ("It is missing.", "Er fehlt."),
    "folder_not_a_folder": ("It is no folder any more.", "Er ist kein Ordner mehr."),
    "folder_stale": ("Its server has lost it.", "Sein Server hat ihn verloren."),
    "folder_broken": ("Its server is gone.", "Sein Server ist weg."),
    "folder_hanging": ("It does not answer.", "Er antwortet nicht."),
    "folder_bad": ("It is not as it should be.", "Er ist nicht, wie er sein soll."),
    "folder_accept": ("This is right as it is", "Das ist richtig so"),
    "folder_accept_text": (
        "Only when you emptied or moved {path} on purpose: what was known of it is forgotten, and scans may go on. "
        "If a disk is merely not mounted, Plex could take its films for deleted.",
        "Nur wenn du {path} mit Absicht geleert oder verschoben hast: Was darüber bekannt war, wird vergessen, und "
        "Scans laufen wieder. Fehlt bloß ein Datenträger, könnte Plex seine Filme für gelöscht halten.",
    ),
    "folder_accept_yes": ("Yes, it is right", "Ja, es ist richtig so"),
    "folder_accepted": (
        "The folder is learnt anew at the next look.",
        "Der Ordner wird beim nächsten Blick neu gelernt.",
    ),
}
