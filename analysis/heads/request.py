"""Requests about attention heads: the word pairs that they relate (METHODS 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.request import ModelChoice, Request
from analysis.words.choice import Words, WordVectors

if TYPE_CHECKING:
    from analysis.heads.result import HeadPairs, NeuronPairs


TOP_WORDS = 100
"""K: how many of the most activating words a neuron pair combines."""


class HeadPairsRequest(Request["HeadPairs"], frozen=True, tag="head_pairs"):
    """The word pairs that the heads of one layer relate (METHODS 2, paper 5.1).

    Answered by `HeadPairs`. `top` is K, the number of most activating words that a neuron pair
    combines; layers count from 0.
    """

    analysis = "head pairs"
    function = "analysis.heads.compute.analyses:head_pairs"
    result = "analysis.heads.result:HeadPairs"

    model: ModelChoice
    layer: int
    words: Words
    vectors: WordVectors
    top: int = TOP_WORDS


class NeuronPairsRequest(Request["NeuronPairs"], frozen=True, tag="neuron_pairs"):
    """The word pairs of every neuron pair of one head; answered by `NeuronPairs`."""

    analysis = "neuron pairs"
    function = "analysis.heads.compute.analyses:neuron_pairs"
    result = "analysis.heads.result:NeuronPairs"

    model: ModelChoice
    layer: int
    head: int
    words: Words
    vectors: WordVectors
    top: int = TOP_WORDS
