"""The position profile against plain loops, on the published maps and on made ones."""

import math
from fractions import Fraction

import numpy as np
import pytest

from analysis.models.tokens import Tokens
from analysis.saliency.cases.instructions import sentences
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.study_position import profile, segment_shares, study
from tests.support.case_folders import PUBLISHED, needs_published_maps, write_small_library
from tests.support.studies import driven, rows


def plain_density(scores):
    """Importance density by its definition: scores up to 7 count as nothing, p = 4."""
    raw = []
    for row in scores.tolist():
        kept = [value for value in row if value > 7]
        norm = sum(value**4 for value in kept) ** 0.25
        raw.append(sum(kept) / norm if kept else 0.0)
    largest = max(raw, default=0.0)
    return [value / largest if largest else 0.0 for value in raw]


def plain_shares(density):
    """The share of each quarter, token by token: how much of it lies in that quarter."""
    count = len(density)
    shares = [0.0] * 4
    for index, value in enumerate(density):
        for quarter in range(4):
            start = max(Fraction(index), Fraction(quarter * count, 4))
            end = min(Fraction(index + 1), Fraction((quarter + 1) * count, 4))
            if end > start:
                shares[quarter] += value * float(end - start)
    total = sum(density)
    return [each / total for each in shares]


def plain_profile(shown, prompt):
    """The profile of a map, or None; tokens go to the first sentence they share a letter with."""
    density = plain_density(shown.scores)
    found = []
    left = {index: span for index, span in enumerate(shown.prompt_tokens.spans) if span}
    for start, end in sentences(prompt):
        inside = [index for index, span in left.items() if span[0] < end and start < span[1]]
        values = [density[index] for index in inside]
        left = {index: left[index] for index in left if index not in inside}
        if len(values) >= 4 and sum(values) > 0:
            found.append(plain_shares(values))
    if not found:
        return None
    return [sum(each) / len(found) for each in zip(*found, strict=True)]


@pytest.fixture(scope="module")
def published():
    library = CaseLibrary.open(PUBLISHED)
    return library, driven(study(library))[0]


@pytest.mark.slow
@needs_published_maps
def test_on_the_published_maps_the_profile_is_that_of_plain_loops(published):
    library, findings = published
    cases = {(row["case"], row["model"]): row for row in rows(findings.tables[1])}
    sums = {model: [0.0] * 4 for model in library.models}
    counts = dict.fromkeys(library.models, 0)
    for case in library.cases:
        for model in library.models:
            expected = plain_profile(library.map(case.id, model), case.prompt)
            row = cases.pop((case.id, model), None)
            assert (row is None) == (expected is None)
            if row is None:
                continue
            shares = [row[f"share_{number}"] for number in (1, 2, 3, 4)]
            assert shares == pytest.approx(expected, rel=1e-9, abs=1e-12)
            sums[model] = [old + each for old, each in zip(sums[model], expected, strict=True)]
            counts[model] += 1
    assert not cases
    overall = {row["model"]: row for row in rows(findings.tables[0]) if row["dataset"] == "all"}
    for model in library.models:
        means = [overall[model][f"share_{number}"] for number in (1, 2, 3, 4)]
        assert means == pytest.approx([each / counts[model] for each in sums[model]], rel=1e-9)


@pytest.mark.slow
@needs_published_maps
def test_on_the_published_maps_both_models_show_a_u_sharper_in_the_base(published):
    """Appendix B.3 says so of all three datasets; it prints a figure and no numbers."""
    found = {(row["dataset"], row["model"]): row for row in rows(published[1].tables[0])}
    assert len(found) == 2 * 4
    for (dataset, model), row in found.items():
        assert row["share_1"] > row["share_2"]
        assert row["share_4"] > row["share_3"]
        assert row["p_value"] < 1e-10
        assert row["outer_share"] <= found[dataset, "llama_7b"]["outer_share"], model


def spaced(text):
    """A token a word, with the space before it."""
    places, start = [], 0
    for word in text.split(" "):
        end = start + len(word)
        places.append((max(0, start - 1), end))
        start = end + 1
    return Tokens((0,) * len(places), tuple(text[slice(*each)] for each in places), tuple(places))


@pytest.mark.parametrize("count", range(4, 40))
def test_even_density_gives_a_quarter_each_whatever_the_length(count):
    assert segment_shares(np.full(count, 0.3)) == pytest.approx([0.25] * 4)


@pytest.mark.parametrize("seed", range(20))
def test_the_segments_of_any_sentence_are_those_of_plain_loops(seed):
    random = np.random.default_rng(seed)
    density = random.random(random.integers(4, 30)) * (random.random() < 0.9)
    density[random.integers(len(density))] += 0.1
    assert segment_shares(density) == pytest.approx(plain_shares(density.tolist()))
    assert segment_shares(density).sum() == pytest.approx(1.0)


def test_sentences_weigh_the_same_whatever_their_length_and_density():
    text = "A b c d. E f g h i j k l."
    density = np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.1, 0.1])
    found = profile(density, spaced(text), sentences(text))
    assert found.shares == pytest.approx((0.5, 0.0, 0.0, 0.5))
    assert found.sentences == 2


def test_short_sentences_and_those_without_density_do_not_count():
    text = "A b c. D e f g. H i j k."
    density = np.array([1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0], dtype=np.float64)
    found = profile(density, spaced(text), sentences(text))
    assert (found.shares, found.sentences) == ((0.0, 1.0, 0.0, 0.0), 1)
    assert profile(density * 0, spaced(text), sentences(text)) is None
    assert profile(density[:3], spaced("A b c."), sentences("A b c.")) is None


def test_tokens_the_user_did_not_write_belong_to_no_sentence():
    tokens = spaced("A b c d.")
    with_start = Tokens((9, *tokens.ids), ("<s>", *tokens.texts), (None, *tokens.spans))
    found = profile(np.array([5.0, 1, 0, 0, 0]), with_start, sentences("A b c d."))
    assert found.shares == (1.0, 0.0, 0.0, 0.0)


def test_a_small_library_gives_clear_words_and_no_nan(tmp_path):
    library = CaseLibrary.open(write_small_library(tmp_path / "library"))
    findings, _ = driven(study(library))
    cells = [cell for table in findings.tables for row in table.table for cell in row]
    assert not any(isinstance(cell, float) and math.isnan(cell) for cell in cells)
    assert not any("nan" in each.lower() for each in findings.statements)
    assert any("cannot be tested with one case" in each for each in findings.statements)
    # ``plain`` has an empty response to the only prompt of ``signs``.
    assert any("plain, signs: no sentence has four tokens" in each for each in findings.statements)
    assert any("1 case of plain without a profile" in each for each in findings.notes)
    titles = [each.title.rpartition(", ")[2] for each in findings.figures]
    assert titles == ["all", "letters", "signs"]
