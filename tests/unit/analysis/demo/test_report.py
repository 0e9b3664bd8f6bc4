"""`insttui demo info` says what was measured, in as many lines as one reads."""

from __future__ import annotations

import pytest

from analysis.demo import catalog
from analysis.demo.report import describe

SETS = ("held_out_phrasings", "held_out_items")
BASE, TUNED, LORA = "demo-base", "demo-tuned", "demo-lora"
SHARES = {BASE: 0.0, TUNED: 0.875, LORA: 0.625}


def share(exact):
    return {"count": 8, "exact": exact, "begins": exact}


def exact_match(exact):
    names = {"by_category": "code", "by_form": "list", "by_task": "story"}
    return {"all": share(exact), **{group: {name: share(exact)} for group, name in names.items()}}


def by_set(of):
    """What a function of a model's name gives, for every set and model."""
    return {name: {model: of(model) for model in SHARES} for name in SETS}


def in_formats(raw, chat):
    """Raw and in the chat template, which the base model does not have."""
    return lambda model: {"raw": raw(model)} | ({} if model == BASE else {"chat": chat(model)})


def compared(p_value):
    return {
        "group": "followed",
        "mean": 1.5,
        "count": 7,
        "other_group": "unfollowed",
        "other_mean": None,
        "other_count": 0,
        "p_value": p_value,
        "effect": "Hedges' g",
        "effect_size": 0.75,
    }


def fair():
    return {
        "tuned": TUNED,
        "tuned_mean": 1.5,
        "base": BASE,
        "base_mean": 0.5,
        "cases": 7,
        "p_value": 0.001,
        "effect": "Cohen's d",
        "effect_size": 2.5,
    }


def pair(tuned):
    agreement = {
        "pearson": {"plain gradient": {"count": 7, "mean": 0.5, "low": 0.25, "high": 0.75}}
    }
    place = {"layer": 3, "matrix": "query", "relative": 0.0625}
    return {
        "density": {
            "table_1": compared(None),
            "table_2": {**compared(0.03125), "other_mean": 0.5, "other_count": 7},
            "fair": {"own responses at equal length": fair()},
        },
        "faithfulness": {BASE: agreement, tuned: agreement},
        "heads": {"head": {"count": 64, "mean": 0.125}, "by_layer": [0.0, 0.25]},
        "concepts": {"components": 15, "angle": 22.5, "by_layer": [20.0, 25.0]},
        "components": {"kept": 1013, "lost": 469, "gained": 942, "jaccard": 0.42},
        "clusters": {model: {"layer": 6, "task_f1": 0.5} for model in (BASE, tuned)},
        "changes": {
            "matrices": {"count": 56, "mean": 0.05, "lowest": place, "highest": place},
            "embeddings": 0.0,
        },
    }


@pytest.fixture
def measured():
    """The record of three models that were trained and measured."""
    certain = {"responses": 0.25, "references": None}
    return {
        "training": catalog.info()["training"],
        "exact_match": by_set(in_formats(*[lambda model: exact_match(SHARES[model])] * 2)),
        "length": by_set(in_formats(*[lambda model: {"mean": 31.5, "median": 30, "cut": 2}] * 2)),
        "certain": by_set(in_formats(*[lambda model: certain] * 2)),
        "perplexity": {
            "held_out_text": dict.fromkeys(SHARES, 2.5),
            **by_set(in_formats(lambda model: 3.5, lambda model: 4.5)),
        },
        "ratings": by_set(lambda model: {"1": 5, "4": 3}),
        "pairs": {tuned: pair(tuned) for tuned in (TUNED, LORA)},
        "measured": {"words_of_these_models": True},
    }


def test_a_model_that_was_only_trained_is_described_without_figures(measured):
    text = describe({"training": measured["training"]})
    assert f"{measured['training']['parameters']:,}" in text
    assert "exact match" not in text
    del measured["pairs"]
    assert "What tuning changed" not in describe(measured)


def test_words_of_another_corpus_are_owned_up_to(measured):
    assert "words and word vectors of the shipped pair" not in describe(measured)
    measured["measured"]["words_of_these_models"] = False
    assert "words and word vectors of the shipped pair" in describe(measured)


def row(text, label):
    """The cells of the line that begins with a label."""
    (line,) = (each for each in text.splitlines() if each.strip().startswith(f"{label} "))
    return line.strip().removeprefix(label).split()


def test_every_model_has_a_column_in_either_set(measured):
    text = describe(measured)
    assert row(text, "all") == ["8", "0.0%", "87.5%", "62.5%"] * 2
    assert row(text, "all, in the chat template") == ["8", "87.5%", "62.5%"] * 2
    assert row(text, "rated 4/2/1 by the references") == ["3/0/5"] * 2 * len(SHARES)
    for group in ("code", "list", "story"):
        assert row(text, group) == row(text, "all")


def test_what_a_model_has_not_is_left_empty(measured):
    for name in SETS:
        del measured["exact_match"][name][LORA]["chat"]
    text = describe(measured)
    assert row(text, "all, in the chat template") == ["8", "87.5%"] * 2
    assert row(text, "of references") == ["–"] * 2 * len(SHARES)


def test_pairs_stand_side_by_side_and_the_base_model_once(measured):
    text = describe(measured)
    assert row(text, "embeddings") == ["0.0%"] * 2
    assert row(text, "highest") == ["layer", "3", "query", "6.2%"] * 2
    assert row(text, "neurons of categories: kept/lost/gained") == ["1,013/469/942"] * 2
    for label, cells in (
        (
            "Table 1: followed, unfollowed",
            ["1.500", "(7)", "–", "(0)", "–", "Hedges'", "g", "+0.75"],
        ),
        (
            "own responses at equal length",
            ["1.500", "(7)", "0.500", "(7)", "0.001", "d", "+2.50"],
        ),
    ):
        lines = [each.split(label)[1].split() for each in text.splitlines() if label in each]
        assert lines == [cells] * 2
    agreement = ["(n", "=", "7)", "0.50", "[0.25,", "0.75]"]
    assert sum(each.split()[1:] == agreement for each in text.splitlines()) == len(SHARES)


def test_the_shipped_models_are_described_in_a_few_screens():
    lines = describe(catalog.info()).splitlines()
    assert len(lines) < 120
    assert max(map(len, lines)) <= 120
    for task in {each.task for each in catalog.held_out_items()}:
        assert any(each.strip().startswith(f"{task} ") for each in lines)
