"""Tables 5 to 10, Figs. 3 and 7 from what was said of every component, by pandas and scipy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from analysis.concepts import study as concepts
from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.first_descriptions import subjects_of
from analysis.concepts.annotation.runner import annotate
from analysis.concepts.annotation.templates import load_templates
from analysis.concepts.request import ConceptsRequest
from analysis.servers.pace import Pace
from analysis.words.choice import Words
from tests.support.scripted_completer import ScriptedCompleter
from tests.support.scripted_concepts import layer_concepts
from tests.support.studies import Report, in_group, population_deviation
from tests.support.weight_studies import BASE, TUNED, pair

LAYERS = 3
REPEATS = 5
WRITING = {"daily writing", "literary writing", "professional writing"}
THINGS = ("colours", "animals", "numbers", "oranges", "months", "colours of animals")
components = partial(layer_concepts, rank=8)


def scripted():
    """Answers by chance, asked for one after the other; some are not understood."""
    random = np.random.default_rng(3)

    def answer(messages):
        role, drawn = messages[0].content, random.integers(12)
        if "hidden directions" in role:
            return ("cannot tell", "?" * 400)[drawn] if drawn < 2 else THINGS[drawn % 6]
        if "kinds of work" in role:
            kinds = ("coding", "daily writing; math", "none", "translation", "no idea of it, sorry")
            return kinds[drawn % 5]
        return ("semantics", "syntax", "morphology", "phonology", "who knows")[drawn % 5]

    return ScriptedCompleter(answer)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    words = Words("demo")
    layers = [components(ConceptsRequest(BASE, TUNED, layer, words)) for layer in range(LAYERS)]
    answers = AnswerFile(folder / "annotations")
    pace = Pace(concurrency=1)
    annotate(subjects_of(layers), scripted(), load_templates(), answers, repeats=REPEATS, pace=pace)
    options = {"answers": str(folder / "annotations"), "annotator": "scripted"}
    given = pair(layers=LAYERS, concepts=components, options=options)
    return Report(concepts.study(given), folder)


@pytest.fixture(scope="module")
def annotations(report):
    return report["annotations"]


def shares(rows: pd.DataFrame, hit: pd.Series) -> pd.Series:
    """Percent of the rows of each repeat."""
    return 100 * hit.groupby(rows.repeat).mean()


def serving(rows: pd.DataFrame, names: set[str]) -> pd.Series:
    return rows.scenarios.map(lambda cell: bool(names & set(cell.split("; "))))


def counted(rows: pd.DataFrame, group: str, category: str) -> tuple[pd.DataFrame, pd.Series]:
    """The rows that a category's share is taken of, and which of them count."""
    if group == "concept":
        of = rows[rows.outcome.isin(["described", "cannot tell"])]
        return of, of.outcome == "described"
    if group == "level":
        of = rows[rows.level.notna()]
        return of, of.level == category
    of = rows[rows.scenarios.notna()]
    return of, serving(of, WRITING if category == "writing" else {category})


def test_tables_5_and_6(report, annotations):
    table = report["comparison"]
    assert set(table.group) == {"concept", "scenario", "level"}
    tested = set()
    for row in table.to_dict("records"):
        found = []
        for side, model in (("tuned", "demo-tuned"), ("base", "demo-base")):
            of_model = annotations[annotations.model == model]
            percents = shares(*counted(of_model, row["group"], row["category"]))
            assert row[f"{side}_percent"] == pytest.approx(percents.mean())
            assert row[f"{side}_deviation"] == pytest.approx(population_deviation(percents))
            assert row[f"{side}_repeats"] == len(percents) == REPEATS
            found.append(percents)
        if any(population_deviation(percents) for percents in found):
            assert row["p_value"] == pytest.approx(ttest_ind(*found).pvalue)
            tested.add(row["group"])
        else:
            assert row["note"] == "no variance between repeats"
    assert tested == set(table.group)


def test_fig_3(report, annotations):
    of = annotations[annotations.level.notna()]
    for row in report["levels"].to_dict("records"):
        here = of[of.model == row["model"]]
        here = here[here.layer.between(row["first_layer"], row["last_layer"])]
        percents = shares(here, here.level == row["level"])
        assert row["descriptions"] == len(here)
        assert row["percent"] == pytest.approx(percents.mean())
        assert row["deviation"] == pytest.approx(population_deviation(percents))


def test_fig_7(report, annotations):
    of = annotations[annotations.outcome.isin(["described", "cannot tell"])]
    for row in report["described"].to_dict("records"):
        here = of[(of.model == row["model"]) & (of.layer == row["layer"])]
        here = here[here.component.between(row["first_rank"], row["last_rank"])]
        percents = shares(here, here.outcome == "described")
        assert row["annotations"] == len(here)
        assert row["percent"] == pytest.approx(percents.mean())
        assert row["deviation"] == pytest.approx(population_deviation(percents))


def test_their_tests(report, annotations):
    tested = set()
    for row in report["tests"].to_dict("records"):
        group = {3: "level", 7: "concept"}[row["figure"]]
        here = annotations[in_group(annotations.layer, row["layers"])]
        base, tuned = (
            shares(*counted(here[here.model == model], group, row["category"]))
            for model in ("demo-base", "demo-tuned")
        )
        assert row["base_percent"] == pytest.approx(base.mean())
        assert row["tuned_percent"] == pytest.approx(tuned.mean())
        if not np.isnan(row["p_value"]):
            tested.add(row["figure"])
            assert row["p_value"] == pytest.approx(ttest_ind(base, tuned).pvalue)
        else:
            assert population_deviation(base) == population_deviation(tuned) == 0
    assert tested == {3, 7}


def test_tables_7_to_10(report, annotations):
    said = annotations[annotations.description.notna()]
    words = said.assign(word=said.description.str.lower().str.findall(r"[a-z]{5,}")).explode("word")
    words = words[words.word.notna()]
    for row in report["words"].to_dict("records"):
        here = words[words.layer.between(row["first_layer"], row["last_layer"])]
        counts = {
            # All nouns of the script are plurals.
            side: here[here.model == f"demo-{side}"].word.str.removesuffix("s").value_counts()
            for side in ("base", "tuned")
        }
        word = row["word"]
        for side, of_side in counts.items():
            assert row[f"{side}_count"] == of_side[word]
            assert row[f"{side}_percent"] == pytest.approx(100 * of_side[word] / of_side.sum())
        before, after = (
            int((counts[side] > counts[side][word]).sum()) for side in ("base", "tuned")
        )
        assert row["rank_change"] == before - after
        rose = row["tuned_percent"] > row["base_percent"]
        assert row["change"] == ("rises" if rose else "falls")


def test_the_answers_that_were_understood(report, annotations):
    for row in report["answers"].to_dict("records"):
        of_model = annotations[annotations.model == row["model"]]
        understood = {
            "description": of_model.outcome.isin(["described", "cannot tell"]),
            "scenarios": of_model.scenarios.notna(),
            "level": of_model.level.notna(),
        }[row["step"]].sum()
        described = sum(of_model.outcome == "described")
        asked = len(of_model) if row["step"] == "description" else described
        assert row["answers"] == asked
        assert row["understood"] == understood
        assert row["not_understood"] == asked - understood


def test_the_report_says_whose_descriptions_they_are(report):
    text = report.path.read_text()
    assert "| annotator | scripted |" in text
    assert f"| repeats of the annotation | {REPEATS} |" in text
    for name in ("comparison", "levels", "described", "tests", "words", "answers"):
        assert f"[{name}.csv]({name}.csv)" in text
