"""What the numbers of each study do not show, in a sentence or two beside its finding."""

from __future__ import annotations

_CAVEATS = {
    "changes": (
        "A norm says how far a matrix moved, not what the move does: a small one in a direction "
        "that inputs use may matter more than a large one elsewhere."
    ),
    "heads": (
        "Word pairs are read off the weights, and no text was run: that a head attends so in a "
        "text, or that a response depends on it, is not shown."
    ),
    "concepts": (
        "Components and their words are read off the weights, and no text was run: that a "
        "response uses a component is not shown, and what its words are about is a reading of them."
    ),
    "components": (
        "Which neurons are active at an instruction depends on the thresholds, and silencing them "
        "brings a model into states that training never did: that they are where an instruction "
        "is followed is not shown."
    ),
    "clusters": (
        "That tasks lie apart shows that hidden states tell their texts apart, which wording alone "
        "may do: that the model uses it is not shown."
    ),
    "divergence": (
        "That two models prefer other tokens says neither which of them is right nor why: only "
        "these responses were read, and along another one they may part elsewhere."
    ),
    "density": (
        "Importance is an estimate of what a token does to the response that was written. A "
        "higher score is not shown to be why a response follows its instruction."
    ),
    "position": (
        "Where importance lies depends on where these prompts have their instructions and on how "
        "long their sentences are: of other prompts it says nothing."
    ),
    "faithfulness": (
        "Agreement with deletion is agreement with one way to take tokens away, which makes texts "
        "unlike those of training: that an explanation is what the model does is not shown."
    ),
}
_OF_ANY = (
    "It compares these two models on this input: that it holds for others, or what of the tuning "
    "made the difference, is not shown."
)


def caveat_of(study: str) -> str:
    """What the numbers of a study do not show; of one without a word of its own, what holds of all.

    Args:
        study: Its name on the command line.
    """
    return _CAVEATS.get(study, _OF_ANY)
