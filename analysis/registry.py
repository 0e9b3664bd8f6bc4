"""The one list of analyses: which request is answered by which function with which result.

Functions are named, not imported: this module belongs to the torch-free half, and only the engine
process follows the names. Adding an analysis is a request, a result, a function and a line here.
"""

from __future__ import annotations

from dataclasses import dataclass

from analysis.requests import (
    AblationRequest,
    ArchitectureRequest,
    AttributionRequest,
    ChatRequest,
    ClustersRequest,
    ConceptsRequest,
    FrequenciesRequest,
    HeadPairsRequest,
    LoadRequest,
    NeuronDirectionRequest,
    NeuronPairsRequest,
    Request,
    TokenizeRequest,
    WordNeuronsRequest,
)
from analysis.results import (
    Ablation,
    Architecture,
    Attribution,
    Frequencies,
    HeadPairs,
    LayerConcepts,
    ModelFacts,
    NeuronDirection,
    NeuronPairs,
    Reply,
    Result,
    TaskClusters,
    Tokens,
    WordNeurons,
)


@dataclass(frozen=True)
class Analysis:
    """How a kind of request is answered.

    Attributes:
        name: Its name in cache keys and listings.
        version: Raised whenever the same request would give other numbers; part of the cache key.
        function: ``module:function``, a generator function ``(request, models) -> result`` that
            yields progress, partial results and notices; closing it cancels.
        result: What it returns.
        stored: Worth keeping on disk.
    """

    name: str
    version: int
    function: str
    result: type[Result]
    stored: bool


_ANALYSES: dict[type[Request], Analysis] = {
    LoadRequest: Analysis(
        name="load",
        version=1,
        function="analysis.attribution:load",
        result=ModelFacts,
        stored=False,
    ),
    TokenizeRequest: Analysis(
        name="tokenize",
        version=1,
        function="analysis.attribution:tokenize_prompt",
        result=Tokens,
        stored=False,
    ),
    AttributionRequest: Analysis(
        name="attribution",
        version=2,
        function="analysis.attribution:attribute",
        result=Attribution,
        stored=True,
    ),
    ArchitectureRequest: Analysis(
        name="architecture",
        version=1,
        function="analysis.weight_analyses:describe",
        result=Architecture,
        stored=True,
    ),
    HeadPairsRequest: Analysis(
        name="head pairs",
        version=1,
        function="analysis.weight_analyses:head_pairs",
        result=HeadPairs,
        stored=True,
    ),
    NeuronPairsRequest: Analysis(
        name="neuron pairs",
        version=1,
        function="analysis.weight_analyses:neuron_pairs",
        result=NeuronPairs,
        stored=True,
    ),
    ConceptsRequest: Analysis(
        name="concepts",
        version=2,
        function="analysis.weight_analyses:concepts",
        result=LayerConcepts,
        stored=True,
    ),
    ClustersRequest: Analysis(
        name="task clusters",
        version=3,
        function="analysis.clusters.task_clusters:task_clusters",
        result=TaskClusters,
        stored=True,
    ),
    NeuronDirectionRequest: Analysis(
        name="neuron direction",
        version=2,
        function="analysis.components.directions:neuron_direction",
        result=NeuronDirection,
        stored=True,
    ),
    WordNeuronsRequest: Analysis(
        name="word neurons",
        version=1,
        function="analysis.components.word_neurons:word_neurons",
        result=WordNeurons,
        stored=False,
    ),
    ChatRequest: Analysis(
        name="chat",
        version=1,
        function="analysis.chat:chat",
        result=Reply,
        stored=False,
    ),
    FrequenciesRequest: Analysis(
        name="frequencies",
        version=2,
        function="analysis.components.frequencies:frequencies",
        result=Frequencies,
        stored=True,
    ),
    AblationRequest: Analysis(
        name="ablation",
        version=1,
        function="analysis.components.ablation:ablation",
        result=Ablation,
        stored=True,
    ),
}


def analysis_of(request: Request) -> Analysis:
    """The analysis that answers a request."""
    return _ANALYSES[type(request)]
