"""Findings come back as they were, for the same input alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.concepts.study import ConceptsInput
from analysis.request import ModelChoice
from analysis.session.session import Session
from analysis.studies.findings import Figure, Findings, NamedTable, Series
from analysis.studies.kept import KeptFindings, keeping, kept_findings, study_request
from analysis.studies.testing import Claim
from analysis.table import Table
from analysis.words.choice import Words
from cache.codec import decode, encode
from cache.store import Store
from tests.support.scripted_session import ScriptedSession
from tests.support.studies import driven

BASE, TUNED = ModelChoice("base", "/base"), ModelChoice("tuned", "/tuned")
FOUND = Findings(
    "concepts",
    "A title",
    (Claim("Something turned: p 0.01."), "Nothing else did."),
    (
        NamedTable(
            "cases", "Every case", Table(("case", "n", "p"), [("a", 1, 0.5), ("b", 2, None)])
        ),
    ),
    (Figure("line", "A line", "x", "y", (Series("base", (0, 1), (0.5, None)),)),),
    {"seed": 0, "rule": "threshold", "tsne": False},
    ("A note.",),
)


def given(session=None, **changes):
    return ConceptsInput(session, BASE, TUNED, **{"words": Words("demo"), **changes})


def rows(found):
    return [(each.name, each.table.columns, list(each.table)) for each in found.tables]


def test_findings_come_back_from_bytes_with_cells_of_the_same_kinds():
    numbers = Table(("n", "x", "yes"), [(np.int64(3), np.float64(0.25), True), (None, 2.0, False)])
    found = replace(FOUND, tables=(*FOUND.tables, NamedTable("np", "numpy's", numbers)))
    back = decode(encode(KeptFindings.of(found)), KeptFindings).findings()
    assert back.statements == found.statements
    assert (back.parameters, back.notes, back.figures) == (
        found.parameters,
        found.notes,
        found.figures,
    )
    assert rows(back)[0] == rows(found)[0]
    assert list(back.tables[1].table) == [(3, 0.25, True), (None, 2.0, False)]
    kinds = [type(cell) for cell in next(iter(back.tables[1].table))]
    assert kinds == [int, float, bool]


def test_a_study_that_ends_is_found_again_on_its_input_alone():
    session = ScriptedSession()

    def study():
        yield from ()
        return FOUND

    driven(keeping("concepts", given(session), study()))
    assert kept_findings("concepts", given(session)).statements == FOUND.statements
    assert kept_findings("concepts", given(session, rank=7)) is None
    assert kept_findings("heads", given(session)) is None
    session.close()


def test_models_count_by_their_precision_and_files_by_their_content(tmp_path):
    answers = tmp_path / "answers"
    one = study_request("concepts", given(answers=str(answers)))
    assert study_request("concepts", given(answers="")) == one
    answers.write_text("an answer")
    other = study_request("concepts", given(answers=str(answers)))
    assert other != one
    moved = answers.rename(tmp_path / "moved")
    assert study_request("concepts", given(answers=str(moved))) == other
    # Names do not count in the key, precisions do.
    keys = {
        study_request("concepts", replace(given(), tuned=tuned)).key(["a", "b"])
        for tuned in (
            TUNED,
            ModelChoice("alias", "/tuned"),
            ModelChoice("t", "/t", dtype="float16"),
        )
    }
    assert len(keys) == 2


def test_a_session_keeps_findings_on_its_disk_and_knows_what_it_holds(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    model = ModelChoice("model", str(tmp_path / "model"))
    for again in (False, True):
        session = Session(Store(tmp_path / "cache"))
        asked = replace(given(session), base=model, tuned=model)
        request = study_request("concepts", asked)
        assert session.holds(request) is again
        if not again:
            session.keep(request, KeptFindings.of(FOUND))
        assert kept_findings("concepts", asked).title == FOUND.title
        session.close()
