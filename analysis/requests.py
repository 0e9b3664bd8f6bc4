"""What can be asked of the engine: one small frozen structure a question, no torch needed."""

from __future__ import annotations

from typing import Literal

import msgspec

from analysis.task_sets.task_set import ClusterTask

Target = Literal["log_probability", "probability"]
Method = Literal["auto", "forward", "reverse", "occlusion", "occlusion_zeroed"]
DType = Literal["auto", "float32", "float16", "bfloat16"]


class ModelChoice(msgspec.Struct, frozen=True):
    """A model and how to load it.

    Attributes:
        name: What the user called it: an alias, a hub id, a folder; shown, never opened.
        location: What the name stands for: a hub id or an absolute folder.
        revision: Branch, tag or commit on the hub; empty for the default branch.
        device: ``auto``, ``cpu``, ``cuda:N`` or ``mps``.
        dtype: Precision of the weights in memory; ``auto`` is float32 on a CPU, else the
            checkpoint's own.
        trust_remote_code: Run Python code that comes with the model. Off unless asked for by name.
        allow_pickle: Load pickled weights (``*.bin``). Off unless asked for by name.
    """

    name: str
    location: str
    revision: str = ""
    device: str = "auto"
    dtype: DType = "auto"
    trust_remote_code: bool = False
    allow_pickle: bool = False


class LoadRequest(msgspec.Struct, frozen=True, tag="load"):
    """Load a model and say what it is; answered by `results.ModelFacts`."""

    model: ModelChoice


class TokenizeRequest(msgspec.Struct, frozen=True, tag="tokenize"):
    """The tokens of a prompt as the model would see them; answered by `results.Tokens`."""

    model: ModelChoice
    prompt: str
    chat_template: bool = False


class AttributionRequest(msgspec.Struct, frozen=True, tag="attribution"):
    """Importance of every prompt token for every response token (METHODS 1, paper 4.1).

    Attributes:
        model: Which model answers and is explained.
        prompt: The user's text, as typed.
        chat_template: Wrap the prompt in the model's chat template first.
        response: The response to explain; None lets the model write one, greedily.
        response_ids: The response as ids, exactly as a model wrote it; goes before `response`.
        max_new_tokens: Upper bound of a generated response.
        method: ``forward`` and ``reverse`` compute the same gradient, ``auto`` takes the cheaper;
            ``occlusion`` deletes the token, ``occlusion_zeroed`` makes its embedding zero.
        target: Differentiate log p(y_m) or p(y_m). Occlusion always compares p(y_m).
        memory_budget: Bytes that the passes may take beside the weights; None for a share of what
            is free. Part of no cache key: the numbers do not depend on it.
        totals_only: Stop at the totals of the gradient, without the map.
    """

    model: ModelChoice
    prompt: str
    chat_template: bool = False
    response: str | None = None
    response_ids: tuple[int, ...] | None = None
    max_new_tokens: int = 300
    method: Method = "auto"
    target: Target = "log_probability"
    memory_budget: int | None = None
    totals_only: bool = False


class ArchitectureRequest(msgspec.Struct, frozen=True, tag="architecture"):
    """What a model is built of, without its weights; answered by `results.Architecture`."""

    model: ModelChoice


class Words(msgspec.Struct, frozen=True):
    """The words that an analysis of weights speaks of, most frequent first.

    Attributes:
        source: ``english``: the most frequent English words; ``demo``: those of the demo pair's
            corpus; ``tokens``: the model's own vocabulary; ``file``: the user's list.
        path: The user's file.
        digest: Identifies the file's content; the path is part of no cache key.
        limit: At most so many words; 0 for the source's own number.
    """

    source: Literal["english", "demo", "tokens", "file"]
    path: str = ""
    digest: str = ""
    limit: int = 0


class WordVectors(msgspec.Struct, frozen=True):
    """The vectors that say which words are alike (METHODS 2).

    Attributes:
        source: ``demo``: the demo pair's own; ``file``: the user's; ``embeddings``: the input
            embeddings of a model stand in.
        path: The user's file or folder.
        digest: Identifies its content; the path is part of no cache key.
        folder: Where a file is kept as a memory map once it is read.
        model: Whose embeddings stand in.
    """

    source: Literal["demo", "file", "embeddings"]
    path: str = ""
    digest: str = ""
    folder: str = ""
    model: ModelChoice | None = None


class HeadPairsRequest(msgspec.Struct, frozen=True, tag="head_pairs"):
    """The word pairs that the heads of one layer relate (METHODS 2, paper 5.1).

    Answered by `results.HeadPairs`.

    Attributes:
        model: Whose heads.
        layer: Which layer, from 0.
        words: The words.
        vectors: Their vectors.
        top: K, the words with the largest activations that a neuron pair combines.
    """

    model: ModelChoice
    layer: int
    words: Words
    vectors: WordVectors
    top: int = 100


class NeuronPairsRequest(msgspec.Struct, frozen=True, tag="neuron_pairs"):
    """The word pairs of every neuron pair of one head; answered by `results.NeuronPairs`."""

    model: ModelChoice
    layer: int
    head: int
    words: Words
    vectors: WordVectors
    top: int = 100


class ConceptsRequest(msgspec.Struct, frozen=True, tag="concepts"):
    """The principal components of one layer's feed-forward patterns (METHODS 3, paper 5.2).

    Answered by `results.LayerConcepts`.

    Attributes:
        base: The base model.
        tuned: The tuned model.
        layer: Which layer, from 0.
        words: The words that describe a component.
        expert: Which expert of a mixture; -1 in a dense model.
        rank: R, the number of components.
        top: K, the words of a component.
        measure: Words by their cosine with the direction, or by their projection on it.
    """

    base: ModelChoice
    tuned: ModelChoice
    layer: int
    words: Words
    expert: int = -1
    rank: int = 300
    top: int = 15
    measure: Literal["cosine", "projection"] = "cosine"


class ClustersRequest(msgspec.Struct, frozen=True, tag="clusters"):
    """How a model's hidden states cluster by task (METHODS 5); answered by `results.TaskClusters`.

    Attributes:
        model: Whose hidden states.
        tasks: What is asked: every phrasing of a task with each of its mappings is an instance.
        chat_template: Wrap every instance in the model's chat template; the states are then those
            at the template's last token, which predicts the output.
        mappings: At most so many of each task, the first whose output is one token.
        tsne: Reduce the states by t-SNE before they are clustered.
        seed: Of K-Means and t-SNE.
        neighbours: K, the nearest training instances of an unseen one.
    """

    model: ModelChoice
    tasks: tuple[ClusterTask, ...]
    chat_template: bool = False
    mappings: int = 10
    tsne: bool = False
    seed: int = 0
    neighbours: int = 10


class ChatRequest(msgspec.Struct, frozen=True, tag="chat"):
    """A model's next turn in a conversation; answered by `results.Reply`.

    Attributes:
        model: Who speaks.
        turns: (role, content) of the turns so far, the user's last.
        temperature: 0 takes the likeliest token every time.
        top_p: Share of probability that is sampled from; of no effect at temperature 0.
        seed: Of the sampling.
        max_tokens: Most tokens of the answer.
    """

    model: ModelChoice
    turns: tuple[tuple[str, str], ...]
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    max_tokens: int = 300


class NeuronDirectionRequest(msgspec.Struct, frozen=True, tag="neuron_direction"):
    """What a feed-forward neuron writes, in words and components (METHODS 3 and 6).

    Answered by `results.NeuronDirection`.

    Attributes:
        model: Whose neuron.
        layer: Which layer, from 0.
        neuron: Which neuron of the layer, or of the expert, from 0.
        words: The words that describe it.
        expert: Which expert of a mixture; -1 in a dense layer.
        rank: R, the number of components that are looked at.
        top: K, the words of the neuron and of a component.
        components: How many components are named.
    """

    model: ModelChoice
    layer: int
    neuron: int
    words: Words
    expert: int = -1
    rank: int = 300
    top: int = 15
    components: int = 20


class WordNeuronsRequest(msgspec.Struct, frozen=True, tag="word_neurons"):
    """Which feed-forward neurons of a layer write a word (METHODS 3 and 6).

    Answered by `results.WordNeurons`.

    Attributes:
        model: Whose neurons.
        layer: Which layer, from 0.
        word: The word.
        words: Those that it is one of.
    """

    model: ModelChoice
    layer: int
    word: str
    words: Words


class FrequenciesRequest(msgspec.Struct, frozen=True, tag="frequencies"):
    """How often every feed-forward neuron is active on a category's instructions (METHODS 6).

    Answered by `results.Frequencies`.

    Attributes:
        model: Whose neurons.
        category: What the result calls the instructions.
        prompts: The instructions, each as the model is given it.
        branch: What counts as a gated network's activation (our reading): ``gate``, what leaves
            the activation function, or ``product``, that times the up branch. One and the same
            where there is no gate.
    """

    model: ModelChoice
    category: str
    prompts: tuple[str, ...]
    branch: Literal["gate", "product"] = "gate"


class AnsweredInstruction(msgspec.Struct, frozen=True):
    """An instruction with the text that the reference response continues it with."""

    category: str
    prompt: str
    response: str


class AblationRequest(msgspec.Struct, frozen=True, tag="ablation"):
    """What silencing some neurons does to reference responses (METHODS 6, "critical role").

    Answered by `results.Ablation`.

    Attributes:
        model: Whose neurons.
        category: The category that the neurons are said to serve.
        neurons: Per layer the places of the neurons, as in `results.LayerFrequencies`.
        instructions: Those of the category and of the others.
        random: The sets to compare with, in the same form.
    """

    model: ModelChoice
    category: str
    neurons: tuple[tuple[int, ...], ...]
    instructions: tuple[AnsweredInstruction, ...]
    random: tuple[tuple[tuple[int, ...], ...], ...] = ()


Request = (
    LoadRequest
    | TokenizeRequest
    | AttributionRequest
    | ArchitectureRequest
    | HeadPairsRequest
    | NeuronPairsRequest
    | ConceptsRequest
    | ClustersRequest
    | NeuronDirectionRequest
    | WordNeuronsRequest
    | ChatRequest
    | FrequenciesRequest
    | AblationRequest
)


def models_of(request: Request) -> tuple[ModelChoice, ...]:
    """The models that a request's answer depends on, the one it is about first."""
    if isinstance(request, ConceptsRequest):
        return (request.base, request.tuned)
    if isinstance(request, HeadPairsRequest | NeuronPairsRequest):
        stand_in = request.vectors.model
        return (request.model,) if stand_in is None else (request.model, stand_in)
    return (request.model,)
