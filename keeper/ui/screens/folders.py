"""Folders of the libraries that are not as they were; and 'this is right as it is', for those changed on purpose."""

from __future__ import annotations

import streamlit as st

from keeper.ui import parts, state
from keeper.ui.state import house, tongue

#: What a person may declare right. What is missing or does not answer cannot be right.
FORGIVABLE = ("empty", "unmounted", "anchor_gone")
_TOLD = (*FORGIVABLE, "missing", "not_a_folder", "stale", "broken", "hanging")


def show() -> None:
    """Nothing at all while every folder is well."""
    state.show_toasts()
    bad = [folder for folder in house().folders() if folder.ok is False]
    if not bad and state.error_at("folders") is None:
        return
    t = tongue()
    with parts.card("folders"):
        st.markdown(f"**{t.say('folders')}**")
        for number, folder in enumerate(bad):
            _row(number, folder.path, folder.seen.partition(" ")[0], ", ".join(folder.libraries))
        parts.show_error("folders", t.say("act_refused"))


def _row(number: int, path: str, word: str, libraries: str) -> None:
    t = tongue()
    said = t.say(f"folder_{word}" if word in _TOLD else "folder_bad")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"folder-{number}"):
        with st.container(gap=None):
            st.markdown(f":red[:material/folder_off:] {parts.plain(path)}")
            st.caption(parts.plain(f"{said} {libraries}".strip()))
        if word in FORGIVABLE and st.button(t.say("folder_accept"), key=f"accept-{number}"):
            st.dialog(t.say("folder_accept"), width="small")(_confirm)(path)


def _confirm(path: str) -> None:
    t = tongue()
    st.markdown(parts.plain(t.say("folder_accept_text", path=path)))
    sure = st.button(t.say("folder_accept_yes"), type="primary", key="accept-yes", width="stretch",
                     on_click=_accept, args=(path,))  # fmt: skip
    if st.button(t.say("act_no"), key="accept-no", width="stretch") or sure:
        st.rerun()


def _accept(path: str) -> None:
    keeper, said = house(), tongue().say("folder_accepted")
    state.attempt("folders", lambda: keeper.accept_folder(path, state.user()), lambda _: said)
