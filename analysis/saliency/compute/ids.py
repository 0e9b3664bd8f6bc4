"""What may be explained: token ids that the model knows and that fit its context window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.engine.limits import (
    context_window,
    refuse_too_long,
    refuse_unknown_ids,
    vocabulary_size,
)
from analysis.problems import problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def checked_ids(
    model: PreTrainedModel, prompt_ids: Sequence[int] | Tensor, response_ids: Sequence[int] | Tensor
) -> tuple[Tensor, Tensor]:
    """Prompt and response as int64 [N] and [M] on the CPU.

    Raises:
        ProblemError: ``input`` for an empty prompt, an id outside the vocabulary or a sequence
            beyond the context window.
    """
    prompt, response = ([int(each) for each in ids] for ids in (prompt_ids, response_ids))
    if not prompt:
        raise problem("input", "The prompt has no tokens.", remedy="Enter some text.")
    refuse_unknown_ids([*prompt, *response], vocabulary_size(model))
    window = context_window(model.config)
    refuse_too_long(window, len(prompt), len(response), type(model).__name__)
    # New tensors outside inference mode: the ones given might not be allowed in a graph.
    with torch.inference_mode(False):
        return torch.tensor(prompt), torch.tensor(response, dtype=torch.long)
