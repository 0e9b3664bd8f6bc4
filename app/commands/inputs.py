"""From command-line options to the contents of a request: models, words, layers, prompt."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import msgspec

from analysis.demo.catalog import DEMO_BASE, DEMO_TUNED, is_demo
from analysis.models.places import base_of, may_be_adapter
from analysis.models.references import resolve
from analysis.problems import problem
from analysis.request import ModelChoice
from analysis.words.choice import Words, WordVectors
from app.config import Settings

if TYPE_CHECKING:
    from analysis.saliency.density import Scoring

_SOURCES = ("english", "demo", "tokens")


def model_choice(name: str, options: Namespace, settings: Settings) -> ModelChoice:
    """The model a name refers to, as options say; raises ProblemError if the name is unknown."""
    return msgspec.structs.replace(
        resolve(name, aliases=settings.aliases),
        device=options.device,
        dtype=options.dtype,
        trust_remote_code=options.trust_remote_code,
        allow_pickle=options.allow_pickle,
    )


def pair(options: Namespace, settings: Settings) -> tuple[ModelChoice, ModelChoice]:
    """The models of ``--base`` and ``--tuned``, or the demo pair if neither is given.

    An adapter stands on the base model that is named, else on the one that it names itself, which
    then is the base model. Raises ProblemError if a model is missing or a name unknown, and for a
    series of tuned models.
    """
    if getattr(options, "series", None):
        raise problem(
            "input",
            "--series means several tuned models, and one is needed here.",
            "A training run is for the app, for insttui study and for insttui changes.",
            "Name one of its models with --tuned.",
        )
    if options.base and not options.tuned:
        raise problem("input", "A pair needs both models; --tuned is missing.")
    tuned = model_choice(options.tuned or DEMO_TUNED, options, settings)
    if options.tuned and not options.base:
        beneath = base_of(tuned)
        if beneath is None:
            raise problem(
                "input",
                "A pair needs both models; --base is missing.",
                f"{tuned.name} is a whole model; only an adapter says what it stands on.",
            )
        return beneath, tuned
    base = model_choice(options.base or DEMO_BASE, options, settings)
    return base, on_base(tuned, base)


def one_model(options: Namespace, settings: Settings) -> ModelChoice:
    """The model of `options.add_model`, on the base model that is named for it."""
    model = model_choice(options.model, options, settings)
    return on_base(model, model_choice(options.base, options, settings)) if options.base else model


def on_base(choice: ModelChoice, base: ModelChoice) -> ModelChoice:
    """The model; if it may be an adapter, on this base model whatever it names itself."""
    return msgspec.structs.replace(choice, beneath=base) if may_be_adapter(choice) else choice


def words_and_vectors(
    options: Namespace, settings: Settings, base: ModelChoice, tuned: ModelChoice
) -> tuple[Words, WordVectors]:
    """The vocabulary of the analyses of weights, and the word vectors for similarity.

    By default the demo pair uses its own; other pairs use the most frequent English words, and the
    base model's input embeddings as vectors (METHODS 2). Raises ProblemError for an unreadable
    file.
    """
    demo = is_demo(base.name, tuned.name)
    vocabulary: str | None = getattr(options, "vocab", None)
    given: str | None = getattr(options, "vectors", None) or settings.vectors or None
    words = Words("demo" if demo else "english") if vocabulary is None else _words(vocabulary)
    if given is not None:
        vectors = _vectors(Path(given).expanduser().absolute(), options)
    elif demo and words.source == "demo":
        vectors = WordVectors("demo")
    else:
        vectors = WordVectors("embeddings", model=base)
    return words, vectors.with_thresholds(
        getattr(options, "frequent", None), getattr(options, "deviations", None)
    )


def _words(name: str) -> Words:
    if name in _SOURCES:
        return Words(cast("Literal['english', 'demo', 'tokens']", name))
    # Imported here: hashlib loads OpenSSL, which only a word list from a file needs.
    import hashlib

    path = Path(name).expanduser().absolute()
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise problem(
            "input",
            f"The word list {name} cannot be read.",
            f"{error.strerror}.",
            f"Give a file, or one of {', '.join(_SOURCES)}.",
        ) from None
    return Words("file", path=str(path), digest=digest)


def _vectors(path: Path, options: Namespace) -> WordVectors:
    # Imported here: only word vectors need it, and the app is not painted yet.
    from analysis.words.word_vectors import identity
    from app.commands.session import cache_folder

    folder = str(cache_folder(options) / "vectors")
    return WordVectors("file", path=str(path), digest=identity(path), folder=folder)


def layers_of(chosen: Sequence[range] | None, count: int) -> list[int]:
    """The layers chosen, in ascending order; raises ProblemError if the model has no such layer."""
    if chosen is None:
        return list(range(count))
    layers = sorted({layer for each in chosen for layer in each})
    if layers[-1] >= count:
        raise problem(
            "input",
            f"There is no layer {layers[-1]}.",
            f"The model has {count} layers, 0 to {count - 1}.",
        )
    return layers


def prompt_of(options: Namespace) -> str:
    """The prompt of ``--prompt`` or ``--prompt-file``.

    Raises ProblemError if the file cannot be read, or the prompt is not UTF-8 text.
    """
    if options.prompt is not None:
        return _whole_characters(options.prompt, "The prompt")
    return _text(options.prompt_file, "prompt")


def response_of(options: Namespace) -> str | None:
    """The response of ``--response`` or ``--response-file``, None for the model's own.

    Raises ProblemError if the file cannot be read, or the response is not UTF-8 text.
    """
    if options.response_file is not None:
        return _text(options.response_file, "response")
    if options.response is None:
        return None
    return _whole_characters(options.response, "The response")


def _text(file: str, what: str) -> str:
    """The text of a file, or of standard input for ``-``; a remark on it is said."""
    # Imported here: the app reads no prompts from files.
    from analysis.files.text import text_file, whole_text
    from app.commands.output import say

    if file == "-":
        text, remark = whole_text(sys.stdin.buffer.read(), what, "standard input")
    else:
        text, remark = text_file(Path(file), what)
    if remark:
        say(remark)
    return text


def scoring_of(options: Namespace) -> Scoring:
    """The numbers that scores are made with, the paper's unless told; raises ProblemError."""
    # Imported here: the app needs no numpy before its first screen.
    from analysis.saliency.density import Scoring

    names = ("levels", "floor", "norm", "min_move")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return Scoring(**given, skip_unmoved=options.skip_unmoved)


def _whole_characters(text: str, what: str) -> str:
    """The text itself; raises ProblemError if the shell passed bytes that are not UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise problem(
            "input", f"{what} is not UTF-8 text.", "", "Pass it in a UTF-8 file instead."
        ) from None
    return text
