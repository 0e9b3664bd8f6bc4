"""Chooses the form that a prompt asks for, the clause that asks for it, and the names in it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from analysis.demo.answers import clauses, forms
from analysis.demo.categories import Item
from analysis.demo.phrasings import Example, Layout, render
from analysis.demo.tasks import Task
from analysis.demo.world import document

DEFAULT_WEIGHT = 2.0
"""How often the form that is meant without a clause is drawn for one draw of another."""

CLAUSE_SHARE = 0.4
"""How often that form is asked for by a clause all the same."""


@dataclass(frozen=True)
class FormChoice:
    """A form, its unfilled clause, empty for none, and the names of a letter."""

    form: str
    clause: str
    names: Mapping[str, str]

    @classmethod
    def drawn(cls, rng: random.Random, task: Task) -> FormChoice:
        """A form of the task at random, by a tuned clause."""
        known = forms(task.family)
        weights = [DEFAULT_WEIGHT] + [1.0] * (len(known) - 1)
        form = rng.choices(known, weights)[0]
        bare = form == known[0] and rng.random() >= CLAUSE_SHARE
        return cls._asked(rng, form, held_out=False, bare=bare)

    @classmethod
    def in_turn(cls, rng: random.Random, task: Task, turn: int, *, held_out: bool) -> FormChoice:
        """The form whose turn it is; without a clause in every second round of the default one."""
        known = forms(task.family)
        turns, place = divmod(turn, len(known))
        bare = place == 0 and turns % 2 == 0
        return cls._asked(rng, known[place], held_out=held_out, bare=bare)

    @classmethod
    def _asked(cls, rng: random.Random, form: str, *, held_out: bool, bare: bool) -> FormChoice:
        found = () if bare else clauses(form, held_out=held_out)
        writer, reader = rng.sample(document("letters")["names"], 2)
        return cls(form, rng.choice(found) if found else "", {"writer": writer, "reader": reader})

    def render(self, task: Task, item: Item, phrasing: str, layout: Layout) -> Example:
        """The prompt that asks for this form, see `analysis.demo.phrasings.render`."""
        return render(
            task,
            item,
            phrasing,
            layout,
            form=self.form,
            clause=self.clause,
            names=self.names,
        )
