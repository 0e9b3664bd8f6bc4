"""The weights of a model with a LoRA adapter, tensor by tensor: W + ΔW, never a merged model.

The base model's tensors are read as they are asked for and changed as METHODS 8 says: s·B A is
added; DoRA then gives each output's weights the length that it learned. What the adapter holds
whole, such as a head or biases, takes the place of the model's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import Tensor

from analysis.engine.weights.adapter_file import Change, LowRank, canonical, read_adapter
from analysis.engine.weights.tensors import TensorSource
from analysis.models.adapters import Adapter
from analysis.problems import ProblemError, problem

# One expert's matrix among tensors of their own, and the tensors that hold all experts'.
_EXPERT = re.compile(r"(?P<experts>.+\.experts)\.(?P<number>\d+)\.(?P<name>\w+)\.weight")
_FUSED = re.compile(r"(?P<experts>.+\.experts)\.(?P<name>\w+)")
_FIRST_HALF, _SECOND_HALF = ("gate_proj", "w1"), ("up_proj", "w3")
_HEADS = ("lm_head.weight", "embed_out.weight")


class AdaptedTensors:
    """A source of tensors (`TensorSource`) with what an adapter changes."""

    def __init__(
        self, base: TensorSource, adapter: Adapter, embedding: str, *, turned: bool, tied: bool
    ) -> None:
        """Take the changes in, and refuse those that the model has no place for.

        Args:
            base: The model's own tensors.
            adapter: The adapter.
            embedding: The name of the input embeddings among them.
            turned: Whether linear layers are stored [in, out], as Conv1D's are.
            tied: Whether the output head is the input embeddings.

        Raises:
            ProblemError: ``model`` if the adapter is for another model, or damaged.
        """
        self._base, self._embedding, self._turned = base, embedding, turned
        self._stored = {canonical(name): name for name in base.names()}
        self._experts = self._count_experts()
        self._file = read_adapter(adapter, experts=self._experts)
        self.where = f"{self._file.where} on {base.where}"
        self.notes = base.notes
        self._head = self._parted_head() if tied else None
        for module, change in self._file.changes.items():
            self._refuse_misfit(module, change)
        for name, whole in self._file.whole.items():
            self._refuse_other_shape(name, tuple(whole.shape))

    def names(self) -> tuple[str, ...]:
        """The names of all tensors."""
        return (*self._base.names(), *(() if self._head is None else (self._head,)))

    def __contains__(self, name: str) -> bool:
        return name in self._base or name == self._head

    def shape(self, name: str) -> tuple[int, ...]:
        return self._base.shape(self._source(name))

    def read(self, name: str, index: int | Tensor | None = None) -> Tensor:
        """As `TensorSource.read`, with the adapter's change."""
        own = canonical(name)
        change = self._file.changes.get(own.removesuffix(".weight"))
        if change is None:
            found = self._begun(name, index)
            for delta in self._of_experts(own, found.shape, index):
                found += delta
            return found
        turned = self._turned or change.embedding
        product = change.product(turned=turned)
        if change.lengths is None:
            up = product.up if index is None else product.up[index]
            return self._begun(name, index).add_(up @ product.down)
        # Of tensors stored [in, out], a row has a part of every output's weights.
        some = None if turned else index
        up = product.up if some is None else product.up[some]
        moved = self._begun(name, some).add_(up @ product.down)
        if turned:
            moved *= change.lengths / torch.linalg.vector_norm(moved, dim=0)
            return moved if index is None else moved[index]
        wanted = change.lengths if index is None else change.lengths[index]
        return moved.mul_((wanted / torch.linalg.vector_norm(moved, dim=-1)).unsqueeze(-1))

    def _begun(self, name: str, index: int | Tensor | None) -> Tensor:
        """A tensor without products: the adapter's, where it holds it whole, or the model's."""
        whole = self._file.whole.get(canonical(name))
        if whole is not None:
            return (whole if index is None else whole[index]).clone()
        return self._base.read(self._source(name), index)

    def low_rank(self, name: str) -> LowRank | None:
        """The change of a tensor where it is a plain product; None where it is not."""
        own = canonical(name)
        change = self._file.changes.get(own.removesuffix(".weight"))
        if change is None or change.lengths is not None or own in self._file.whole:
            return None
        return change.product(turned=self._turned or change.embedding)

    def changes(self, name: str) -> bool:
        """Whether the adapter touches a tensor."""
        own = canonical(name)
        return (
            own in self._file.whole
            or own.removesuffix(".weight") in self._file.changes
            or any(self._file.changes.keys() & set(_wrappings(self._place(own)[0])))
        )

    # The two ends of a model whose head is its input embeddings

    def _parted_head(self) -> str | None:
        """The name of the head where the adapter changes one end: the other stays as it was."""
        if any(name in self._stored for name in _HEADS):
            return None
        touched = {
            *self._file.changes,
            *(each.removesuffix(".weight") for each in self._file.whole),
        }
        ends = {canonical(self._embedding).removesuffix(".weight"), "lm_head", "embed_out"}
        if not touched & ends:
            return None
        return "embed_out.weight" if "embed_out" in touched else "lm_head.weight"

    def _source(self, name: str) -> str:
        """The stored tensor: a parted head's are the input embeddings."""
        return self._embedding if name == self._head else name

    # Experts, of which one tensor in memory and one change in the adapter hold all

    def _count_experts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for own, name in self._stored.items():
            if (match := _EXPERT.fullmatch(own)) is not None:
                module = match["experts"]
                counts[module] = max(counts.get(module, 0), int(match["number"]) + 1)
            elif (fused := _FUSED.fullmatch(own)) is not None and len(self._base.shape(name)) == 3:
                counts[fused["experts"]] = self._base.shape(name)[0]
        return counts

    def _place(self, own: str) -> tuple[str, str, int | None]:
        """The experts' module, the matrix, and the expert's number if the tensor is one's own."""
        if (match := _EXPERT.fullmatch(own)) is not None:
            return match["experts"], match["name"], int(match["number"])
        if (fused := _FUSED.fullmatch(own)) is not None:
            return fused["experts"], fused["name"], None
        return "", "", None

    def _of_experts(
        self, own: str, shape: tuple[int, ...], index: int | Tensor | None
    ) -> Iterator[Tensor]:
        """What to add to a tensor of experts."""
        module, matrix, number = self._place(own)
        for name in _wrappings(module):
            change = self._file.changes.get(name)
            if change is None:
                continue
            every = change.of_experts(self._experts[module])
            delta = self._own_part(every, module, matrix, number)
            delta = delta if index is None else delta[index]
            if delta.shape == shape:
                yield delta

    def _own_part(self, every: Tensor, module: str, matrix: str, number: int | None) -> Tensor:
        """What a change [E, out, in] is to a tensor that holds all experts' matrices, or one's."""
        if number is None:
            # gpt-oss stores [in, out]; its embeddings tell, where the matrix is square.
            return every.transpose(-1, -2) if self._turned_experts(module) else every
        if matrix in _FIRST_HALF + _SECOND_HALF:
            # The change is of the tensor that joins gate and up.
            halves = torch.tensor_split(every[number], 2)
            return halves[0] if matrix in _FIRST_HALF else halves[1]
        return every[number]

    def _turned_experts(self, module: str) -> bool:
        width = self._base.shape(self._embedding)[1]
        both = self._stored.get(f"{module}.gate_up_proj")
        shape = () if both is None else self._base.shape(both)
        return len(shape) == 3 and shape[1] == width != shape[2]

    # What does not fit

    def _refuse_misfit(self, module: str, change: Change) -> None:
        name = self._stored.get(f"{module}.weight")
        if name is None and self._head == f"{module}.weight":
            name = self._embedding
        if name is None:
            inner = module.replace(".base_layer", "")
            if inner in self._experts and self._fits_experts(inner, change):
                return
            raise self._misfit(f"The model has no {module}.")
        shape, made = self._base.shape(name), change.made
        if shape != (made[::-1] if self._turned or change.embedding else made):
            raise self._misfit(f"{module} is {list(shape)}, the adapter's change {list(made)}.")

    def _fits_experts(self, module: str, change: Change) -> bool:
        """Whether there is a tensor that this change is added to."""
        delta = torch.empty(self._experts[module], *change.made, device="meta")
        for own, name in self._stored.items():
            if own.startswith(f"{module}."):
                _, matrix, number = self._place(own)
                shape = self._base.shape(name)
                if self._own_part(delta, module, matrix, number).shape == shape:
                    return True
        return False

    def _refuse_other_shape(self, name: str, shape: tuple[int, ...]) -> None:
        stored = self._stored.get(name)
        if stored is None and name == self._head:
            stored = self._embedding
        if stored is None:
            raise self._misfit(f"The model has no {name}.")
        own = self._base.shape(stored)
        if own != shape:
            raise self._misfit(f"{name} is {list(own)} in the model, {list(shape)} in the adapter.")

    def _misfit(self, why: str) -> ProblemError:
        return problem(
            "model",
            f"The adapter {self._file.where} does not fit the model beneath it.",
            why,
            "Name with --base the model that it was trained on; where tokens were added to it, "
            "merge the adapter and give the merged folder.",
        )


def _wrappings(module: str) -> tuple[str, ...]:
    """The names under which peft keeps the changes of a module's tensors, one around the other."""
    return (module, f"{module}.base_layer") if module else ()
