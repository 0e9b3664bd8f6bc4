"""Adapters on a model in memory: peft attaches them, and one of them is on, or none."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from analysis.engine.memory import is_out_of_memory
from analysis.engine.reasons import reason
from analysis.engine.weights.adapter_file import stored, whole_name
from analysis.engine.whereabouts import away_bytes, device_of
from analysis.models.adapters import Adapter
from analysis.problems import ProblemError, problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel


_NOTHING = "This adapter changes nothing: it adds zero to every weight."


@dataclass(frozen=True, eq=False)
class _Attached:
    """An adapter by its name in the model.

    `replaced`: parameters of the base model that it replaces, by name, with its own values: biases,
    and embeddings that were saved. peft writes them over the base model's own for good.
    """

    name: str
    parameters: int
    nothing: bool
    replaced: dict[str, Tensor]


class Adapters:
    """The adapters attached to one model, which stays one in memory (METHODS 8).

    While an adapter is off the model is the base model, to the bit.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._peft: Any = None
        self._attached: dict[str, _Attached] = {}
        self._own: dict[str, Tensor] = {}

    def turn_off(self) -> None:
        """The base model from now on."""
        if self._peft is None:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._peft.base_model.disable_adapter_layers()
        self._write(self._own)

    def turn_on(self, adapter: Adapter, mark: str, *, name: str) -> tuple[int, tuple[str, ...]]:
        """The model with one adapter from now on, which is attached the first time.

        Args:
            adapter: The adapter.
            mark: The fingerprint of its files.
            name: What to call it in errors and notes.

        Returns:
            The number of parameters that it adds or replaces, and notes on it.

        Raises:
            ProblemError: ``model`` if it does not fit the model, or peft is missing; out-of-memory
                errors pass through. After any error the model is of no use: it may be changed in
                part.
        """
        self.turn_off()
        if mark not in self._attached:
            self._attached[mark] = self._attach(adapter, f"a{len(self._attached)}", name)
        found = self._attached[mark]
        self._peft.base_model.enable_adapter_layers()
        self._peft.base_model.set_adapter(found.name)
        self._write(found.replaced)
        self._model.requires_grad_(False)
        return found.parameters, (_NOTHING,) if found.nothing else ()

    def _attach(self, adapter: Adapter, own: str, name: str) -> _Attached:
        try:
            import peft
        except ImportError:
            raise problem(
                "model",
                f"{name} is an adapter, and peft is not installed.",
                "insttui runs adapters by peft.",
                "Install it into insttui's environment: pip install peft.",
            ) from None
        if away_bytes(self._model):
            raise problem(
                "model",
                f"{name} is an adapter, and the weights of the model beneath it are not in memory.",
                "They come to a device only to run; adapters are put on weights that stay.",
                "Choose a device that holds the whole model, or merge the adapter into the model.",
            )
        saved = set(map(whole_name, stored(adapter)))
        before = {
            parameter: value.detach().clone()
            for parameter, value in self._model.named_parameters()
            if whole_name(parameter) in saved
        }
        device = str(device_of(self._model))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                config = peft.LoraConfig.from_pretrained(str(adapter.folder))
                config.inference_mode = True
                if self._peft is None:
                    self._peft = peft.PeftModel(self._model, config, adapter_name=own)
                said = self._peft.load_adapter(
                    str(adapter.folder),
                    own,
                    torch_device=device,
                    key_mapping=getattr(self._model, "_checkpoint_conversion_mapping", {}),
                )
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise _in_words(name, error) from None
        torch.nn.Module.eval(self._model)
        self._model.requires_grad_(False)
        if unused := [*said.unexpected_keys, *said.missing_keys]:
            raise _does_not_fit(name, f"Nothing takes or gives {unused[0]}.")
        replaced, after = {}, dict(self._model.named_parameters())
        for parameter, value in before.items():
            inside = parameter if parameter in after else _wrapped(parameter)
            if inside in after and not torch.equal(after[inside], value):
                replaced[inside] = after[inside].detach().clone()
                self._own.setdefault(inside, value)
        layers = [each for each in self._model.modules() if own in getattr(each, "lora_A", ())]
        layers += [
            each for each in self._model.modules() if own in getattr(each, "lora_embedding_A", ())
        ]
        own_parameters = [
            value for parameter, value in self._model.named_parameters() if f".{own}" in parameter
        ]
        return _Attached(
            own,
            sum(each.numel() for each in own_parameters) + sum(map(torch.numel, replaced.values())),
            not replaced and self._changes_nothing(own, layers),
            replaced,
        )

    def _changes_nothing(self, own: str, layers: list[Any]) -> bool:
        from peft.utils import ModulesToSaveWrapper

        for module in self._model.modules():
            if isinstance(module, ModulesToSaveWrapper) and own in module.modules_to_save:
                pairs = zip(
                    module.modules_to_save[own].parameters(),
                    module.original_module.parameters(),
                    strict=True,
                )
                if not all(torch.equal(saved, stored) for saved, stored in pairs):
                    return False
        for layer in layers:
            if getattr(layer, "lora_variant", {}).get(own) is not None:
                # DoRA: its lengths alone may change a weight.
                return False
            for factors in (layer.lora_B, layer.lora_embedding_B):
                if own in factors and bool(_values(factors[own]).any()):
                    return False
        return True

    def _write(self, replaced: dict[str, Tensor]) -> None:
        parameters = dict(self._model.named_parameters()) if replaced else {}
        with torch.no_grad():
            for name, value in replaced.items():
                parameters[name].copy_(value)


def _wrapped(parameter: str) -> str:
    """The name of a module's parameter once peft has put a layer around the module."""
    module, _, own = parameter.rpartition(".")
    return f"{module}.base_layer.{own}"


def _values(part: nn.Module | Tensor) -> Tensor:
    return part if isinstance(part, Tensor) else part.get_parameter("weight")


def _in_words(name: str, error: Exception) -> ProblemError:
    return _does_not_fit(name, reason(error))


def _does_not_fit(name: str, why: str) -> ProblemError:
    return problem(
        "model",
        f"The adapter {name} does not fit the model beneath it.",
        why,
        "Name with --base the model that it was trained on.",
    )
