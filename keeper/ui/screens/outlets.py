"""Notifications: the ways to the outside, what each is to tell, and when. Nothing is saved but by its button."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import time

import streamlit as st

from keeper.rules.types import Choice, Group, Receipt, Result, Severity, Telling
from keeper.ui import charts, parts, state
from keeper.ui.state import house, tongue
from keeper.wiring import OutletCard

ICONS = {"airtable": "table", "telegram": "send", "webhook": "webhook", "chat": "chat"}
#: How addresses of services look, as apprise wants them; the words stand in the phrases.
EXAMPLES = (
    ("Telegram", "tgram://BOT-TOKEN/CHAT-ID", "telegram"),
    ("Mail", "mailtos://USER:PASSWORD@gmail.com?to=YOU@example.org", "mail"),
    ("ntfy", "ntfys://ntfy.sh/TOPIC", "ntfy"),
    ("Pushover", "pover://USER-KEY@APP-TOKEN", "pushover"),
    ("Discord", "discord://WEBHOOK-ID/WEBHOOK-TOKEN", "discord"),
    ("Slack", "slack://TOKEN-A/TOKEN-B/TOKEN-C/#CHANNEL", "slack"),
)
#: What `.env` can set up: a name, and the settings it needs.
BY_SETTINGS = (
    ("airtable", ("AIRTABLE_TOKEN", "AIRTABLE_BASE")),
    ("telegram", ("TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID")),
    ("webhook", ("WEBHOOK_URL", "WEBHOOK_SECRET")),
    ("ping", ("HEALTH_PING_URL",)),
)
#: Of a test: how it looks and what is said.
TESTED = {
    Result.DONE: ("green", "check_circle", "test_done"),
    Result.LATER: ("orange", "schedule", "test_later"),
    Result.UNCERTAIN: ("orange", "help", "test_uncertain"),
    Result.REFUSED: ("red", "error", "test_refused"),
    Result.BLOCKED: ("red", "error", "test_refused"),
}
DIGESTS = ("", "daily", "weekly")
_URL, _TESTS, _REMOVE = "target-url", "outlet-tests", "outlet-remove"
_QUIET, _QUIET_FROM, _QUIET_TO, _DIGEST, _DIGEST_AT = "quiet", "quiet-from", "quiet-to", "digest", "digest-at"


def show() -> None:
    t = tongue()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(t.say("outlets"), anchor=False, width="content")
        parts.link("events", t.say("events"))
    cards = house().postroom.outlets()
    if not cards:
        with parts.card("outlets-none"):
            parts.empty(t.say("outlets_none"), t.say("outlets_none_text"), ":material/notifications_none:")
    for card in cards:
        with parts.card(f"outlet-{card.state.name}"):
            st.fragment(_outlet, run_every=5)(card.state.name)
            _choice(card)
    left, right = st.columns(2)
    with left, parts.card("target", "stretch"):
        _add()
    with right, parts.card("telling", "stretch"):
        _telling()
    with parts.card("by-settings"):
        _by_settings()


# --- one outlet ---


def _outlet(name: str) -> None:
    """What it is and how it does; renews itself."""
    state.show_toasts()
    card = next((card for card in house().postroom.outlets() if card.state.name == name), None)
    if card is None:  # removed in another tab
        st.caption(tongue().say("outlet_gone"))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"line-outlet-{name}"):
        st.markdown(f":material/{ICONS.get(card.kind, 'chat')}: **{parts.plain(card.label)}**", width="content")
        _badge(card)
    _blocked(card)
    st.caption(" · ".join(_figures(card)))
    _calls(card)
    _buttons(card)
    _tested(name)
    parts.show_error(f"outlet-{name}", tongue().say("outlet_refused"))


def _badge(card: OutletCard) -> None:
    t, seen = tongue(), card.state
    if seen.blocked:
        st.badge(t.say("outlet_blocked"), color="red", icon=":material/block:")
    elif not card.choice.enabled:
        st.badge(t.say("outlet_off"), color="gray", icon=":material/notifications_off:")
    elif seen.paused_until and seen.paused_until > house().clock.now():
        until = t.ago(seen.paused_until, house().clock.now())
        st.badge(t.say("outlet_paused", when=until), color="orange", icon=":material/pause_circle:")
    elif seen.last_sent_at or _has_arrived(seen.name):
        st.badge(t.say("outlet_works"), color="green", icon=":material/check_circle:")
    else:
        st.badge(t.say("outlet_ready"), color="blue", icon=":material/circle_notifications:")


def _blocked(card: OutletCard) -> None:
    """Why nothing is taken, and what to do: repair it, then say so."""
    if not card.state.blocked:
        return
    t = tongue()
    st.markdown(f":red[:material/error:] {parts.plain(card.state.blocked)}")
    st.caption(t.say("outlet_blocked_chat" if card.removable else "outlet_blocked_env"))


def _figures(card: OutletCard) -> list[str]:
    t, seen, now = tongue(), card.state, house().clock.now()
    if seen.last_sent_at:
        said = [t.say("outlet_sent", when=t.ago(seen.last_sent_at, now))]
    else:
        said = [t.say("outlet_only_test" if _has_arrived(seen.name) else "outlet_never")]
    if seen.pending:
        said.append(t.say("outlet_waiting", n=seen.pending))
    if seen.failed:
        said.append(t.say("outlet_failed", n=seen.failed))
    if seen.calls and not card.budget:
        said.append(t.say("outlet_calls", n=seen.calls))
    return said


def _calls(card: OutletCard) -> None:
    """The month's calls as a bar, where they are counted out."""
    if not card.budget:
        return
    t, used = tongue(), card.state.calls
    said = t.say("outlet_budget", used=used, budget=card.budget)
    st.html(charts.used(min(1.0, used / card.budget), said))
    st.caption(said)


def _buttons(card: OutletCard) -> None:
    t, name = tongue(), card.state.name
    with st.container(horizontal=True, gap="small"):
        if st.button(t.say("test_send"), icon=":material/send:", key=f"test-{name}"):
            _test(name)
        if card.state.blocked:
            st.button(
                t.say("unblock"), icon=":material/build_circle:", key=f"unblock-{name}", on_click=_unblock, args=(name,)
            )
        if card.state.failed:
            st.button(
                t.say("retry_all", n=card.state.failed),
                icon=":material/refresh:",
                key=f"retry-{name}",
                on_click=_retry,
                args=(name,),
            )
        if card.removable and st.button(t.say("remove"), icon=":material/delete:", key=f"remove-{name}"):
            st.dialog(t.say("remove_title"), width="small")(_confirm_removal)(name, card.label, card.state.pending)


def _test(name: str) -> None:
    """Takes as long as the service does; the rest of the page goes on meanwhile."""
    keeper, found = house(), list[Receipt]()
    with st.spinner(tongue().say("test_under_way")):
        state.attempt(f"outlet-{name}", lambda: found.append(keeper.postroom.test_outlet(name, state.user())))
    tests = st.session_state.setdefault(_TESTS, {})
    tests.pop(name, None)
    if found:
        tests[name] = (found[0], keeper.clock.now())


def _has_arrived(name: str) -> bool:
    """Whether the last test of this tab arrived."""
    tested = st.session_state.get(_TESTS, {}).get(name)
    return bool(tested) and tested[0].result is Result.DONE


def _tested(name: str) -> None:
    """What became of the last test of this tab."""
    tested = st.session_state.get(_TESTS, {}).get(name)
    if not tested:
        return
    t, (receipt, at) = tongue(), tested
    colour, icon, phrase = TESTED[receipt.result]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"line-tested-{name}"):
        st.markdown(f":{colour}[:material/{icon}:] {t.say(phrase)}", width="content")
        parts.when(at)
    if receipt.why:
        st.caption(parts.plain(receipt.why))


def _unblock(name: str) -> None:
    post, said = house().postroom, tongue().say("unblock_done")
    state.attempt(f"outlet-{name}", lambda: post.unblock(name), lambda _: said)


def _retry(name: str) -> None:
    post, t = house().postroom, tongue()
    state.attempt(f"outlet-{name}", lambda: post.retry_failed(name), lambda number: t.say("deliveries_again", n=number))


def _confirm_removal(name: str, label: str, pending: int) -> None:
    t = tongue()
    st.markdown(f"**{parts.plain(label)}**")
    st.write(t.say("remove_waiting", n=pending) if pending else t.say("remove_text"))
    sure = st.button(
        t.say("remove_yes"),
        type="primary",
        icon=":material/delete:",
        key="remove-yes",
        width="stretch",
        on_click=_remove,
        args=(name,),
    )
    if st.button(t.say("remove_no"), key="remove-no", width="stretch") or sure:
        st.rerun()


def _remove(name: str) -> None:
    post, said = house().postroom, tongue().say("remove_done")
    state.attempt(f"outlet-{name}", lambda: post.remove_target(name, state.user()), lambda _: said)


# --- what it tells ---


def _choice(card: OutletCard) -> None:
    """Folded, with what is chosen as its title; changed in there, saved by its button."""
    t, name = tongue(), card.state.name
    saved = card.choice
    with st.expander(f"{t.say('tells')}: {_chosen(saved)}", type="compact", key=f"tells-{name}"):
        _fill_choice(name, saved)
        on = st.toggle(t.say("tells_on"), key=f"on-{name}", persist_state="page")
        st.segmented_control(
            t.say("tells_what"),
            ["usual", "own"],
            format_func=lambda way: t.say(f"tells_{way}"),
            key=f"way-{name}",
            required=True,
            disabled=not on,
            persist_state="page",
        )
        if st.session_state[f"way-{name}"] == "own":
            _groups(name, not on)
        else:
            st.caption(t.say("tells_usual_text"))
        _least_and_quiet(name, not on)
        _keep(f"choice-{name}", _wished(name) != saved, lambda: _save_choice(name), lambda: _show_choice(name, saved))


def _groups(name: str, off: bool) -> None:
    t = tongue()
    st.pills(
        t.say("tells_groups"),
        [group.value for group in Group],
        selection_mode="multi",
        format_func=lambda value: t.known(Group, value),
        key=f"groups-{name}",
        label_visibility="collapsed",
        disabled=off,
        persist_state="page",
    )


def _least_and_quiet(name: str, off: bool) -> None:
    t = tongue()
    words = {Severity.INFO: "ev_all", Severity.WARNING: "ev_warnings", Severity.ERROR: "ev_errors"}
    st.selectbox(
        t.say("ev_least"),
        [one.value for one in Severity],
        format_func=lambda value: t.say(words[Severity(value)]),
        key=f"least-{name}",
        disabled=off,
        persist_state="page",
    )
    st.toggle(t.say("tells_quiet"), key=f"quiet-{name}", disabled=off, persist_state="page")


def _chosen(choice: Choice) -> str:
    """'Troubles, Scans · warnings and errors · quiet at night'."""
    t = tongue()
    if not choice.enabled:
        return t.say("tells_nothing")
    if choice.groups is None:
        said = [t.say("tells_usual")]
    else:
        groups = sorted(choice.groups, key=list(Group).index)
        said = [", ".join(map(t.word, groups)) or t.say("tells_nothing")]
    if choice.least is not Severity.INFO:
        said.append(t.say("ev_warnings" if choice.least is Severity.WARNING else "ev_errors"))
    if choice.quiet:
        said.append(t.say("tells_quiet_short"))
    return " · ".join(said)


def _fill_choice(name: str, saved: Choice) -> None:
    """What is saved, until somebody changes a field; and again when somebody else saved something new."""
    mark = f"choice-saved-{name}"
    if st.session_state.get(mark) != saved or f"on-{name}" not in st.session_state:
        st.session_state[mark] = saved
        _show_choice(name, saved)


def _show_choice(name: str, choice: Choice) -> None:
    memory = st.session_state
    memory[f"on-{name}"], memory[f"quiet-{name}"] = choice.enabled, choice.quiet
    memory[f"way-{name}"] = "usual" if choice.groups is None else "own"
    memory[f"groups-{name}"] = [group.value for group in Group if group in (choice.groups or ())]
    memory[f"least-{name}"] = choice.least.value


def _wished(name: str) -> Choice:
    memory = st.session_state
    own = frozenset(Group(value) for value in memory.get(f"groups-{name}") or ())
    groups = own if memory[f"way-{name}"] == "own" else None
    return Choice(memory[f"on-{name}"], groups, Severity(memory[f"least-{name}"]), memory[f"quiet-{name}"])


def _save_choice(name: str) -> None:
    """Of this outlet alone: what was saved for the others meanwhile stays."""
    post, said = house().postroom, tongue().say("saved")
    saved = post.telling()
    telling = replace(saved, choices={**saved.choices, name: _wished(name)})
    state.attempt(f"choice-{name}", lambda: post.tell(telling, state.user()), lambda _: said)


def _keep(place: str, changed: bool, save: Callable[[], None], discard: Callable[[], None]) -> None:
    t = tongue()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            t.say("save"),
            type="primary",
            icon=":material/save:",
            key=f"{place}-save",
            disabled=not changed,
            on_click=save,
        )
        if changed:
            st.button(t.say("discard"), type="tertiary", key=f"{place}-discard", on_click=discard)
            st.badge(t.say("unsaved"), color="orange", icon=":material/edit:")
    parts.show_error(place)


# --- another one ---


def _add() -> None:
    t = tongue()
    with st.form("target", border=False):
        st.markdown(f"**{t.say('target_title')}**")
        st.text_input(
            t.say("target_url"),
            type="password",
            key=_URL,
            autocomplete="off",
            max_chars=2000,
            help=t.say("target_help"),
        )
        parts.show_error("target", t.say("target_refused"))
        st.form_submit_button(t.say("target_add"), icon=":material/add:", on_click=_add_target)
    with st.expander(t.say("target_examples"), type="compact", key="target-examples"):
        for service, address, phrase in EXAMPLES:
            with st.container(gap=None):
                st.markdown(f"**{service}** `{address}`")
                st.caption(t.say(f"target_{phrase}"))
        st.caption(t.say("target_more"))


def _add_target() -> None:
    """A callback. What was typed is forgotten as soon as it is kept; when it was refused, it stays to be mended."""
    keeper, said, url = house(), tongue().say("target_done"), st.session_state[_URL]
    if state.attempt("target", lambda: keeper.postroom.add_target(url, state.user()), lambda _: said):
        st.session_state[_URL] = ""


# --- quiet hours and the digest ---


def _telling() -> None:
    t, saved = tongue(), house().postroom.telling()
    _fill_telling(saved)
    st.markdown(f"**{t.say('quiet_title')}**")
    on = st.toggle(t.say("quiet_on"), key=_QUIET, persist_state="page")
    left, right = st.columns(2)
    for column, key, phrase in ((left, _QUIET_FROM, "quiet_from"), (right, _QUIET_TO, "quiet_to")):
        column.time_input(t.say(phrase), key=key, step=900, disabled=not on, persist_state="page")
    st.caption(t.say("quiet_text"))
    st.segmented_control(
        t.say("digest"),
        list(DIGESTS),
        format_func=lambda name: t.say(f"digest_{name or 'off'}"),
        key=_DIGEST,
        required=True,
        persist_state="page",
    )
    off = not st.session_state[_DIGEST]
    st.time_input(t.say("digest_at"), key=_DIGEST_AT, step=900, disabled=off, persist_state="page")
    st.caption(t.say("digest_text"))
    _keep("telling", _wished_telling(saved) != saved, _save_telling, lambda: _show_telling(saved))


def _fill_telling(saved: Telling) -> None:
    mark, mine = "telling-saved", (saved.quiet_from, saved.quiet_to, saved.digest, saved.digest_at)
    if st.session_state.get(mark) != mine or _QUIET not in st.session_state:
        st.session_state[mark] = mine
        _show_telling(saved)


def _show_telling(saved: Telling) -> None:
    memory = st.session_state
    memory[_QUIET] = bool(saved.quiet_from and saved.quiet_to)
    memory[_QUIET_FROM] = time.fromisoformat(saved.quiet_from or "22:00")
    memory[_QUIET_TO] = time.fromisoformat(saved.quiet_to or "07:00")
    memory[_DIGEST], memory[_DIGEST_AT] = saved.digest, time.fromisoformat(saved.digest_at)


def _wished_telling(saved: Telling) -> Telling:
    """What the fields say. Times of quiet hours that are off, and of no digest, are as good as they are."""
    memory = st.session_state
    begins = _clock(_QUIET_FROM, "22:00") if memory[_QUIET] else ""
    ends = _clock(_QUIET_TO, "07:00") if memory[_QUIET] else ""
    at = _clock(_DIGEST_AT, saved.digest_at) if memory[_DIGEST] else saved.digest_at
    return replace(saved, quiet_from=begins, quiet_to=ends, digest=memory[_DIGEST], digest_at=at)


def _clock(key: str, otherwise: str) -> str:
    """The time in that field; a field that was emptied counts as untouched."""
    chosen = st.session_state[key]
    return f"{chosen:%H:%M}" if chosen else otherwise


def _save_telling() -> None:
    post, said = house().postroom, tongue().say("saved")
    telling = _wished_telling(post.telling())
    state.attempt("telling", lambda: post.tell(telling, state.user()), lambda _: said)


# --- what only .env can set up ---


def _by_settings() -> None:
    t, settings = tongue(), house().settings
    st.markdown(f"**{t.say('env_title')}**")
    st.caption(t.say("env_text"))
    for name, needed in BY_SETTINGS:
        missing = [key for key in needed if not getattr(settings, key.lower())]
        with st.container(gap=None, key=f"env-{name}"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"line-env-{name}"):
                st.markdown(f"**{t.say(f'env_{name}')}**", width="content")
                if missing:
                    st.caption(t.say("env_missing", names=", ".join(missing)), width="content")
                else:
                    st.badge(t.say("env_set"), color="green", icon=":material/check_circle:")
            st.caption(t.say(f"env_{name}_text"))
