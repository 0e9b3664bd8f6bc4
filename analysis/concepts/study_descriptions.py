"""Tables 5-10 and Figs. 3 and 7 of the paper: a language model's descriptions, base against tuned.

They are compared by Student's t-test over the repeats of the annotation, as in the paper's Tables 5
and 6: it separates a difference from the annotator's randomness, and from nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from analysis.concepts.annotation.annotation import Annotation
from analysis.concepts.annotation.by_layer import (
    LAYER_GROUPS,
    answer_counts,
    described_by_rank,
    layer_groups,
    levels_by_layer,
)
from analysis.concepts.annotation.comparison import (
    Share,
    at_level,
    compare,
    described,
    has_level,
    judged,
    share,
    student_p_value,
)
from analysis.concepts.annotation.description_words import word_shifts
from analysis.concepts.tables import LEVELS
from analysis.heads.verbs import layers_in_words
from analysis.statistics.effects import EFFECT_COLUMNS, effect_cells, hedges_g
from analysis.statistics.inference import SIGNIFICANT
from analysis.studies.findings import Figure, NamedTable, Series
from analysis.studies.sentences import p_in_words
from analysis.studies.testing import Claim, Hypothesis
from analysis.table import Cell, Table

ANNOTATION_COLUMNS = (
    "model",
    "layer",
    "component",
    "repeat",
    "outcome",
    "description",
    "scenarios",
    "level",
    "expert",
)
TEST_COLUMNS = (
    "figure",
    "layers",
    "category",
    "base_percent",
    "tuned_percent",
    "p_value",
    *EFFECT_COLUMNS,
    "note",
)


@dataclass(frozen=True)
class Described:
    """At least one description of a pair's components, all answered; names of base and tuned.

    `groups`: into so many groups of layers Fig. 3 and Tables 7-10 part them.
    """

    annotations: tuple[Annotation, ...]
    names: tuple[str, str]
    groups: int = LAYER_GROUPS

    def tables(self) -> tuple[NamedTable, ...]:
        """Tables 5-10, Figs. 3 and 7 in numbers, and the data behind them."""
        return (
            NamedTable(
                "comparison",
                "Scenarios and linguistic levels of the descriptions (Tables 5 and 6)",
                compare(self.annotations, *self.names),
                note="Percent of the descriptions whose answer was understood; mean and deviation, "
                "divided by n, over repeats. The p-value is that of Student's two-sided t-test "
                "over repeats.",
            ),
            NamedTable(
                "levels",
                "Linguistic levels by group of layers (Fig. 3)",
                levels_by_layer(self.annotations, self.groups),
                note="Percent of the descriptions with a level, over repeats.",
            ),
            NamedTable(
                "described",
                "Components with a description by layer and rank (Fig. 7)",
                described_by_rank(self.annotations),
                note="Percent of the answers that were understood, over repeats; a layer's first "
                "row has all its ranks.",
            ),
            NamedTable(
                "tests",
                "Figs. 3 and 7, base against tuned",
                Table(TEST_COLUMNS, list(self._tests())),
                note="Student's two-sided t-test over repeats.",
            ),
            NamedTable(
                "words",
                "Words of descriptions that tuning made more or less frequent (Tables 7-10)",
                word_shifts(self.annotations, *self.names, groups=self.groups),
                note="Percent of the content words of a model's descriptions in these layers, all "
                "repeats together.",
            ),
            NamedTable(
                "answers",
                "How many answers were understood",
                answer_counts(self.annotations),
            ),
            NamedTable(
                "annotations",
                "What was said of every component in every repeat",
                Table(ANNOTATION_COLUMNS, [_row(each) for each in self.annotations]),
                opens="component",
            ),
        )

    def figures(self) -> tuple[Figure, ...]:
        groups = layer_groups(self.annotations, self.groups)
        layers = tuple(layers_in_words(group[0], group[-1]) for group in groups)
        levels = [
            Figure(
                f"levels-{side}",
                f"Linguistic levels of descriptions by group of layers, {name} (Fig. 3)",
                "layers",
                "descriptions (%)",
                tuple(
                    _series(
                        level,
                        layers,
                        [self._share(name, group, at_level(level), has_level) for group in groups],
                    )
                    for level in LEVELS
                ),
            )
            for side, name in zip(("base", "tuned"), self.names, strict=True)
        ]
        each_layer = layer_groups(
            self.annotations, len({a.subject.layer for a in self.annotations})
        )
        numbers = tuple(float(layer) for (layer,) in each_layer)
        return (
            *levels,
            Figure(
                "described",
                "Components with a description by layer (Fig. 7)",
                "layer",
                "components (%)",
                tuple(
                    _series(
                        name,
                        numbers,
                        [self._share(name, group, described, judged) for group in each_layer],
                    )
                    for name in self.names
                ),
            ),
        )

    def sentences(self) -> tuple[str, ...]:
        """Tables 5 and 6 in words: what differs, what does not, what cannot be tested."""
        told: list[str] = []
        same: list[str] = []
        untested: dict[str, list[str]] = {}
        tests: list[Hypothesis] = []
        compared = compare(self.annotations, *self.names)
        for cells in compared:
            row = dict(zip(compared.columns, cells, strict=True))
            category, p_value = str(row["category"]), row["p_value"]
            if isinstance(p_value, float):
                first, second = (
                    f"{row[f'{side}_percent']:.2f}±{row[f'{side}_deviation']:.2f} %"
                    for side in ("tuned", "base")
                )
                numbers = f"{first} against {second}, {p_in_words(p_value)}"
                (told if p_value < SIGNIFICANT else same).append(f"{category} ({numbers})")
                tests.append(Hypothesis(category, p_value, column=p_value))
            else:
                untested.setdefault(str(row["note"]), []).append(category)
        order = f"{self.names[1]} against {self.names[0]}, over the repeats of the annotation"
        found = [
            Claim(
                f"Tables 5 and 6, {order}: these shares of concepts differ: {'; '.join(told)}.",
                *tests,
            )
            if told
            else f"Tables 5 and 6, {order}: no share of concepts is shown to differ."
        ]
        if same:
            found.append(f"Not shown to differ: {'; '.join(same)}.")
        for note, categories in untested.items():
            found.append(f"Not tested, for {note}: {', '.join(categories)}.")
        return tuple(found)

    def notes(self, components: int, *, goes_on: bool = True) -> tuple[str, ...]:
        """How many of the components of both models were described.

        `goes_on`: what is missing can be asked for.
        """
        subjects = {each.subject for each in self.annotations}
        repeats = len({each.repeat for each in self.annotations})
        there, whole = len(self.annotations), components * repeats
        return (
            f"Descriptions: of {len(subjects):,} of the {components:,} components of both models, "
            f"in {repeats} {'repeat' if repeats == 1 else 'repeats'}.",
            *(
                (
                    f"Describing was not finished: {there:,} of {whole:,} answers are there, and "
                    "shares and p-values are of these."
                    + " The same `insttui concepts --annotate` goes on with it."
                    * goes_on,
                )
                if there < whole
                else ()
            ),
            "The p-values of descriptions are over these repeats: they tell a difference from the "
            "chance of who describes, not from that of other components, prompts or trainings.",
        )

    def _tests(self) -> Iterator[tuple[Cell, ...]]:
        for group in layer_groups(self.annotations, self.groups):
            for level in LEVELS:
                yield self._test("3", group, level, at_level(level), has_level)
        layers = {each.subject.layer for each in self.annotations}
        for group in layer_groups(self.annotations, len(layers)):
            yield self._test("7", group, "described", described, judged)

    def _test(
        self, figure: str, layers: tuple[int, ...], category: str, counted: _Test, within: _Test
    ) -> tuple[Cell, ...]:
        base, tuned = (self._share(name, layers, counted, within) for name in self.names)
        p_value, note = student_p_value(tuned.repeats, base.repeats)
        place = layers_in_words(layers[0], layers[-1])
        effect = effect_cells(hedges_g(tuned.repeats, base.repeats))
        return figure, place, category, base.mean, tuned.mean, p_value, *effect, note

    def _share(self, name: str, layers: tuple[int, ...], counted: _Test, within: _Test) -> Share:
        group = [
            each
            for each in self.annotations
            if each.subject.model == name and each.subject.layer in layers
        ]
        return share(group, counted, within)


_Test = Callable[[Annotation], bool]


def _series(name: str, x: tuple[float | str, ...], shares: list[Share]) -> Series:
    return Series(
        name, x, tuple(each.mean for each in shares), tuple(each.deviation for each in shares)
    )


def _row(annotation: Annotation) -> tuple[Cell, ...]:
    subject, scenarios = annotation.subject, annotation.scenarios
    return (
        subject.model,
        subject.layer,
        subject.component,
        annotation.repeat,
        annotation.outcome,
        annotation.description,
        # "none" for no scenario: an empty cell means that the answer was not understood.
        None if scenarios is None else "; ".join(scenarios) or "none",
        annotation.level,
        subject.expert if subject.expert >= 0 else None,
    )
