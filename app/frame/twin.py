"""The headless twin of what a view shows: a command whose rows have the same numbers.

A view declares its commands as templates, ``heads --layers {layer} {models}``. What stands in
braces is a value of the view's, or of the workspace's below; a tuple takes the place of a word with
any number of words, also none.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from analysis.demo.catalog import is_demo
from analysis.request import ModelChoice
from app.workspace import PairWorkspace, Workspace

if TYPE_CHECKING:
    from analysis.saliency.request import AttributionRequest

Value = str | int | float | tuple[str, ...]


def command_line(template: str, values: Mapping[str, Value]) -> str:
    """The command, quoted for a POSIX shell; raises KeyError for an unknown value."""
    words = ["insttui"]
    for word in template.split():
        value = values[word[1:-1]] if word.startswith("{") else word
        words += value if isinstance(value, tuple) else [str(value)]
    return shlex.join(words)


def option(name: str, value: object) -> tuple[str, ...]:
    """An option with its value, a flag for True; nothing for None and False."""
    if value is None or value is False:
        return ()
    if value is True:
        return (f"--{name}",)
    # What begins with a dash would be taken for an option.
    text = str(value)
    return (f"--{name}={text}",) if text.startswith("-") else (f"--{name}", text)


def values_of(workspace: Workspace) -> dict[str, Value]:
    """What templates may name of a workspace.

    Of a pair: ``models`` and how they are loaded; ``stored``, the models as they are stored,
    without a precision; ``along`` and ``along_stored``, the same of a training run, where there is
    one; ``vocab`` and ``vectors``, where they are not what the pair has anyway. Of
    a library: ``results``.
    """
    if not isinstance(workspace, PairWorkspace):
        return {"results": option("results", workspace.library.folder.absolute())}
    base, tuned = workspace.pair
    words, vectors = workspace.words, workspace.vectors
    demo = is_demo(base.name, tuned.name)
    usual = words.source == ("demo" if demo else "english")
    names = (*option("base", reference(base)), *option("tuned", reference(tuned)))
    kept = workspace.cache_dir
    along = names
    if workspace.series:
        along = (*option("base", reference(base)), *option("series", _run_of(workspace)))
    return {
        "along": (*along, *loading(tuned, kept)),
        "along_stored": (*along, *loading(replace(tuned, dtype="auto"), kept)),
        "models": (*names, *loading(tuned, kept)),
        "stored": (*names, *loading(replace(tuned, dtype="auto"), kept)),
        "vocab": () if usual else option("vocab", words.path or words.source),
        "vectors": option("vectors", vectors.path or None),
    }


def _run_of(workspace: PairWorkspace) -> str:
    """What names the training run from any folder."""
    folder = Path(workspace.series_name).expanduser()
    return str(folder.absolute()) if folder.is_dir() else workspace.series_name


def reference(model: ModelChoice) -> str:
    """What names the model from any folder: a path in full, all else as the user called it."""
    try:
        is_path = Path(model.name).expanduser().resolve() == Path(model.location)
    except (OSError, RuntimeError):
        is_path = False
    return model.location if is_path else model.name


def loading(model: ModelChoice, cache_dir: str) -> tuple[str, ...]:
    """How a model is loaded and where results are kept, where that is not the usual way."""
    return (
        *option("device", None if model.device == "auto" else model.device),
        *option("dtype", None if model.dtype == "auto" else model.dtype),
        *option("trust-remote-code", model.trust_remote_code),
        *option("allow-pickle", model.allow_pickle),
        *option("cache-dir", cache_dir or None),
    )


_ATTRIBUTE = "attribute {model} {prompt} {template} {response} {how} {tokens} {loaded}"
_USUAL_TOKENS = 300


def attribution(
    request: AttributionRequest,
    cache_dir: str,
    *,
    response: tuple[str, ...] = (),
    how: tuple[str, ...] = (),
) -> str:
    """The command that asks the same of the same model.

    Args:
        request: The model, the prompt and how long the response may be.
        cache_dir: Where results are kept, if not in the usual place.
        response: Options that say whose response is explained; none for the model's own.
        how: Options that say by what method, and which rows are written.
    """
    model, most = request.model, request.max_new_tokens
    beneath = reference(model.beneath) if isinstance(model.beneath, ModelChoice) else None
    values: dict[str, Value] = {
        "model": (*option("model", reference(model)), *option("base", beneath)),
        "prompt": option("prompt", request.prompt),
        "template": option("chat-template", request.chat_template),
        "response": response,
        "how": how,
        "tokens": option("max-new-tokens", None if most == _USUAL_TOKENS else most),
        "loaded": loading(model, cache_dir),
    }
    return command_line(_ATTRIBUTE, values)
