"""What the watchdog may do: one row a permission, with what this machine can do and what the limits leave."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from keeper.rules.types import Ability, Action, Armed, Budget
from keeper.ui import parts, state
from keeper.ui.screens import incidents
from keeper.ui.state import house, tongue

#: What a permission is for; the first one has the limit.
ACTIONS: Mapping[Armed, tuple[Action, ...]] = {
    Armed.RESTART: (Action.RESTART_PLEX,),
    Armed.NETWORK: (Action.NET_SOFT, Action.NET_HARD),
    Armed.DNS: (Action.DNS_RESET,),
    Armed.REBOOT: (Action.REBOOT,),
    Armed.OUTAGE_REBOOT: (),  # its machine and its limit are those of the reboot
}
ABLE = {
    True: ("green", "check_circle", "able_yes"),
    False: ("red", "block", "able_no"),
    None: ("gray", "help", "able_unknown"),
}
REMEMBERED = 100  # actions of the ledger in which the last one of a kind is looked for
_ASKED = "arm-asked"


def show() -> None:
    state.show_toasts()
    t, armed = tongue(), house().watch.armed()
    abilities, budgets = house().abilities(), {budget.action: budget for budget in house().budgets()}
    st.markdown(f"**{t.say('may_title')}**")
    parts.show_error("arm")
    for name in Armed:
        impossible = _is_impossible(name, abilities)
        with st.container(gap=None, key=f"may-{name.value}"):
            with st.container(gap=None, key=f"{'pale' if impossible else 'plain'}-{name.value}"):
                _switch(name, name in armed)
                st.caption(t.say(f"may_{name.value}"))
            if impossible and name in armed:
                st.caption(f":orange[:material/warning: {t.say('able_vain')}]")
            if ACTIONS[name]:
                _able(name, abilities)
                _limit(name, budgets.get(ACTIONS[name][0]))
    asked = st.session_state.pop(_ASKED, None)
    if asked:
        st.dialog(t.say("arm_title"), width="small", on_dismiss="rerun")(_confirm)(Armed(asked))


def _switch(name: Armed, on: bool) -> None:
    """Shows what is so, not what was clicked: until it is confirmed, a permission that was clicked on stays off."""
    key = f"arm-{name.value}"
    st.session_state[key] = on
    st.toggle(f"**{tongue().word(name)}**", key=key, on_change=_clicked, args=(name,))


def _clicked(name: Armed) -> None:
    """Taking back is done at once, allowing is asked again."""
    if st.session_state[f"arm-{name.value}"]:
        st.session_state[_ASKED] = name.value
    else:
        _arm(name, False)


def _arm(name: Armed, on: bool) -> None:
    keeper, t = house(), tongue()
    said = t.say("armed_done" if on else "disarmed_done", name=t.word(name))

    def save() -> None:
        before = keeper.watch.armed()
        keeper.arm(before | {name} if on else before - {name}, state.user())

    state.attempt("arm", save, lambda _: said)


def _confirm(name: Armed) -> None:
    t = tongue()
    st.markdown(f"**{t.word(name)}**")
    st.markdown(t.say(f"arm_text_{name.value}"))
    abilities = house().abilities() or {}
    if any(able.can is False for action in ACTIONS[name] if (able := abilities.get(action))):
        st.markdown(f":red[:material/block:] {t.say('able_no')}.")
    sure = st.button(
        t.say("arm_yes"),
        type="primary",
        icon=":material/shield:",
        key="arm-yes",
        width="stretch",
        on_click=_arm,
        args=(name, True),
    )
    if st.button(t.say("arm_no"), key="arm-no", width="stretch") or sure:
        st.rerun()


# --- what this machine can do ---


def _is_impossible(name: Armed, abilities: Mapping[Action, Ability] | None) -> bool:
    """This machine can do nothing of it: the switch must not look as if it did."""
    actions = ACTIONS[name] or ACTIONS[Armed.REBOOT]
    known = [able for action in actions if (able := (abilities or {}).get(action))]
    return bool(known) and all(able.can is False for able in known)


def _able(name: Armed, abilities: Mapping[Action, Ability] | None) -> None:
    t = tongue()
    known = [able for action in ACTIONS[name] if (able := (abilities or {}).get(action))]
    if not known:
        st.caption(f":material/help: {t.say('able_unasked')}")
        return
    worst = min(known, key=lambda able: {False: 0, None: 1, True: 2}[able.can])
    colour, icon, phrase = ABLE[worst.can]
    st.caption(f":{colour}[:material/{icon}:] {t.say(phrase)}")
    title = t.say("able_how" if worst.can else "able_mend")
    with st.expander(title, type="compact", key=f"how-{name.value}"):
        for able in dict.fromkeys(known):
            st.text(able.sentence)
            if able.mend and able.can is not True:
                st.text(able.mend)


# --- what the limits leave ---


def _limit(name: Armed, budget: Budget | None) -> None:
    """'5 of 6 left within 24 hours · last one 3 d ago'."""
    t, now, said = tongue(), house().clock.now(), []
    if name is Armed.RESTART and (trouble := incidents.open_one()):
        most = house().settings.max_retries
        left = max(0, most - trouble.actions.count(Action.RESTART_PLEX))
        said.append(t.say("left_now", left=left, allowed=most))
    if budget:
        left = max(0, budget.allowed - budget.used)
        said.append(t.say(f"left_{budget.action.value}", left=left, allowed=budget.allowed))
        if budget.next_at and budget.next_at > now:
            said.append(t.say("possible_again", when=t.ago(budget.next_at, now)))
    mine = (deed for deed in house().watch.actions(REMEMBERED) if deed.taken.action in ACTIONS[name])
    if last := next(mine, None):
        said.append(t.say("last_done", when=t.ago(last.taken.at.at, now)))
    if said:
        st.caption(f":material/speed: {parts.plain(' · '.join(said))}")
