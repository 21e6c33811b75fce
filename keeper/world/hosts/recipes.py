"""What an action comes to on a machine: a few commands in order, or a reason why it cannot be done.

Saying what could be done and doing it both start from the same recipe, so they cannot disagree.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from keeper.ports import Commands
from keeper.rules.types import Ability, Acted, Action, Ran
from keeper.world.hosts.rights import Rights, Way, line_for_sudoers

#: What a machine can be asked for. REACHABILITY is asked of Plex itself, over its own address.
ACTIONS = (Action.RESTART_PLEX, Action.NET_SOFT, Action.NET_HARD, Action.DNS_RESET, Action.REBOOT)


@dataclass(frozen=True, slots=True)
class Step:
    """One command. An optional one may fail, and is left out where its rights are missing."""

    argv: tuple[str, ...]
    seconds: float
    root: bool = True  # needs the rights of root
    optional: bool = False
    otherwise: bool = False  # only when the step before it did not work; then it counts instead of that
    private: bool = False  # the owner's own command may hold what no log should show: only the program is named

    @property
    def shown(self) -> str:
        return self.argv[0] if self.private else shlex.join(self.argv)


Steps = tuple[Step, ...]
Recipe = Steps | Ability  # an Ability says why there are no steps


def refused(sentence: str, mend: str = "") -> Ability:
    return Ability(False, sentence, mend)


def own_command(argv: tuple[str, ...], seconds: float) -> Steps:
    """The owner's own command runs as it stands; it brings its rights along."""
    return (Step(argv, seconds, root=False, private=True),)


def not_known(action: Action) -> Ability:
    return refused(f"{action.value} is nothing that a machine does.")


def systemd_runs(root: Path) -> bool:
    """Whether systemd is the service manager of this machine (sd_booted(3)); merely installed is not enough."""
    return (root / "run/systemd/system").is_dir()


class Doer:
    """Judges recipes and carries them out."""

    def __init__(self, commands: Commands, rights: Rights) -> None:
        self._commands, self._rights = commands, rights

    def abilities(self, recipe_of: Callable[[Action, str], Recipe]) -> dict[Action, Ability]:
        return {action: self.ability(recipe_of(action, "")) for action in ACTIONS}

    def ability(self, recipe: Recipe) -> Ability:
        """Whether all steps that must work have their rights; the weakest one decides."""
        if isinstance(recipe, Ability):
            return recipe
        needed = [step for step in recipe if not step.optional]
        ways = [self._way(step) for step in needed]
        shown = "; ".join(step.shown for step in needed if not step.otherwise)
        for worst in (False, None):
            for way in ways:
                if way.works is worst:
                    mend = way.mend or line_for_sudoers(dict.fromkeys(step.argv for step in recipe if step.root))
                    return Ability(worst, f"{shown}: {way.sentence}.", mend)
        return Ability(True, f"{shown} ({ways[-1].sentence}).")

    def carry_out(self, recipe: Recipe) -> Acted:
        """All steps in their order, also after one that failed: what went down must be brought up again.

        Bounded by the sum of their limits. None when a step that must work was ended at its limit.
        """
        if isinstance(recipe, Ability):
            return Acted(False, recipe.sentence)
        said: list[str] = []
        results: list[bool | None] = []
        worked: bool | None = True
        for step in recipe:
            if step.otherwise and worked:
                continue
            way = self._way(step)
            if way.works is False and step.optional:
                continue
            worked, answer = self._do(step, way)
            said.append(answer)
            if step.otherwise:
                results[-1:] = [worked]
            elif not step.optional:
                results.append(worked)
        done = False if False in results else None if None in results else True
        return Acted(done, "; ".join(said) or "nothing was done")

    def _do(self, step: Step, way: Way) -> tuple[bool | None, str]:
        if way.works is False:
            return False, f"{step.shown}: {way.sentence}"
        ran = self._commands.run((*way.prefix, *step.argv), step.seconds)
        return _worked(ran), f"{step.shown}: {_answer(ran)}"

    def _way(self, step: Step) -> Way:
        return self._rights.way(step.argv) if step.root else Way((), True, "as this user")


def _worked(ran: Ran) -> bool | None:
    return None if ran.timed_out else ran.code == 0


def _answer(ran: Ran) -> str:
    """How a command ended, in one short line."""
    words = " ".join((ran.err or ran.out).split())[:200]
    if ran.timed_out:
        return f"ended at its limit of {ran.seconds:.0f} s"
    if ran.code == 0:
        return f"ok in {ran.seconds:.1f} s"
    return words if ran.code is None else f"answered {ran.code}: {words or 'nothing'}"
