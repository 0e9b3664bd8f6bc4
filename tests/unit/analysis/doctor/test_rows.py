"""Rows that stand out, against plain loops in float64."""

from __future__ import annotations

import math
from statistics import median

import pytest
import torch
from safetensors.torch import load_file

from analysis.doctor.compute.patient import opened
from analysis.doctor.compute.rows import rows_of
from analysis.doctor.compute.texts import markers_of
from analysis.engine.pool import ModelPool
from tests.support import checkpoints, ill_pairs
from tests.support.studies import answered

NAMES = {"llama": "model.embed_tokens.weight", "gpt2": "transformer.wte.weight"}
# Ids of a short row, of two equal ones, of an ordinary one and of none.
MARKERS = {"short": 1, "twin": 2, "other twin": 5, "ordinary": 7, "beyond": 10_000}


@pytest.mark.parametrize("family", NAMES)
def test_lengths_are_in_units_of_the_median(family, tmp_path):
    folders = ill_pairs.healthy(tmp_path, family)

    def plant(tensors):
        rows = tensors[NAMES[family]]
        rows[1] *= 0.01
        rows[5] = rows[2]

    ill_pairs.rewrite(folders.base, plant)
    patient = answered(opened("base", folders.pair()[0], ModelPool(), []))
    found = {row.token: row for row in rows_of(patient, MARKERS)}

    table = load_file(folders.base / "model.safetensors")[NAMES[family]].to(torch.float64).tolist()
    lengths = [math.sqrt(sum(x * x for x in row)) for row in table]
    others = [length for index, length in enumerate(lengths) if index not in MARKERS.values()]
    for token, row in found.items():
        expected = lengths[MARKERS[token]] / median(others)
        assert row.length == pytest.approx(expected, rel=1e-2)
    assert {token for token, row in found.items() if row.short} == {"short"}
    assert {token for token, row in found.items() if row.twin} == {"twin", "other twin"}
    assert found.keys() == MARKERS.keys() - {"beyond"}


@pytest.mark.parametrize(
    ("template", "markers"),
    [
        (checkpoints.CHAT_TEMPLATE, ["<|im_start|>", "<|im_end|>"]),
        ("<bos>{{ messages[0].content }}<end_of_turn></s>", ["<bos>", "<end_of_turn>", "</s>"]),
        ("<|turn>{{ messages[0].content }}<turn|><｜User｜>", ["<|turn>", "<turn|>", "<｜User｜>"]),
        ("[INST] {{ messages[0].content }} [/INST] Use <format> and a < b > c.", []),
        ("{{ raise_exception('No.') }}", []),
    ],
)
def test_markers_are_told_from_plain_text(template, markers):
    assert markers_of(checkpoints.byte_level_tokenizer(template=template)) == markers
