"""A study's input from the command line; options without an effect are refused."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.demo.catalog import is_demo
from analysis.methods import StudySpec
from analysis.problems import problem
from analysis.request import Pair
from analysis.saliency.cases.folder import check_case_places, file_names
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.prompt_lines import Columns
from analysis.saliency.cases.prompt_sets import (
    DEMO_PROMPTS,
    PromptSet,
    demo_prompts,
    read_prompt_set,
)
from analysis.saliency.cases.rating_files import Ratings, read_ratings, without_place
from analysis.saliency.gather import StoredCases
from analysis.studies.series import SeriesInput, Step
from app.commands import inputs
from app.commands.output import say
from app.commands.series import each_step
from app.config import Settings
from app.known_descriptions import study_options

if TYPE_CHECKING:
    from analysis.request import ModelChoice
    from analysis.saliency.served.server import ResponseServer
    from analysis.session.drive import Answerer
    from analysis.studies.study import PairInput

# The options' defaults.
_OF_WORDS = {"vocab": None, "vectors": None}
_SPELLED = {"component_words": "words"}
_OF_FILES = {"columns": {}, "bad_lines": "refuse"}
_OF_SERVERS = {
    "base_server": None,
    "tuned_server": None,
    "base_server_model": None,
    "tuned_server_model": None,
    "server_concurrency": None,
}
_OF_MODELS = {
    "base": None,
    "tuned": None,
    "series": None,
    "prompts": None,
    **_OF_FILES,
    "max_new_tokens": None,
    "chat_template": False,
    "method": "auto",
    "response": None,
    **_OF_SERVERS,
    "device": "auto",
    "dtype": "auto",
    "trust_remote_code": False,
    "allow_pickle": False,
}


def input_read(
    spec: StudySpec, options: Namespace, settings: Settings
) -> Callable[[Answerer], PairInput | SeriesInput]:
    """All that a study of models is given but who answers; ProblemError for unusable input."""
    known = study_options(settings.annotation)
    if not options.series:
        found = known | found_for(spec, options, settings)
        return lambda session: spec.input({"session": session, **found})
    along = [(label, known | each) for label, each in found_along(spec, options, settings)]
    return lambda session: SeriesInput(
        tuple(Step(label, spec.input({"session": session, **each})) for label, each in along)
    )


def found_for(spec: StudySpec, options: Namespace, settings: Settings) -> dict[str, Any]:
    """Input for a study of models, by its own names; raises ProblemError for unusable input."""
    found, prompts = _models_and_prompts(spec, options, settings, inputs.pair(options, settings))
    if spec.takes_stored and prompts is not None:
        names = found["base"].name, found["tuned"].name
        found["ratings"] = _ratings(options, names, [each.id for each in prompts.prompts])
    return found | own_options(options)


def found_along(
    spec: StudySpec, options: Namespace, settings: Settings
) -> list[tuple[int | str, dict[str, Any]]]:
    """As `found_for`, for every step of ``--series`` by its label; files are read once.

    Raises ProblemError for unusable input.
    """
    if getattr(options, "tuned_server", None):
        raise problem(
            "input",
            "--tuned-server cannot be used with --series.",
            "A server writes as one model, and every step is another one.",
            "Leave out --tuned-server, or study one step with --tuned.",
        )
    steps = each_step(options, settings)
    own = own_options(options)
    read, prompts = list[dict[str, Any]](), None
    for _, alone, pair in steps:
        found, prompts = _models_and_prompts(spec, alone, settings, pair, prompts)
        read.append(found)
    if spec.takes_stored and prompts is not None:
        names = [read[0]["base"].name, *(found["tuned"].name for found in read)]
        # Nobody could say of which step a rating of ``tuned`` is.
        ratings = _ratings(options, names, [each.id for each in prompts.prompts], ("base",))
        for found in read:
            found["ratings"] = {
                key: rating
                for key, rating in ratings.items()
                if key[1] in (found["base"].name, found["tuned"].name)
            }
    if options.out and spec.takes == "cases":
        for (each, *_), found in zip(steps, read, strict=True):
            folder = Path(options.out) / f"step-{file_names(str(each.step), '')[0]}"
            check_case_places(folder)
            found["cases_folder"] = folder
    return [(each.step, found | own) for (each, *_), found in zip(steps, read, strict=True)]


def _models_and_prompts(
    spec: StudySpec,
    options: Namespace,
    settings: Settings,
    pair: Pair,
    prompts: PromptSet | None = None,
) -> tuple[dict[str, Any], PromptSet | None]:
    """What a study is told but for ratings; `prompts` where these were read before."""
    base, tuned = pair
    found: dict[str, Any] = {"base": base, "tuned": tuned}
    if spec.word_options:
        words, vectors = inputs.words_and_vectors(options, settings, base, tuned)
        found |= {"words": words, "vectors": vectors}
    elif spec.takes == "cases":
        prompts = prompts or _prompts(options, demo=is_demo(base.name, tuned.name))
        found["prompts"] = prompts
        found["cases_folder"] = Path(options.out) if options.out else None
        found["servers"] = _servers(options, (base, tuned))
    if spec.takes_stored:
        found["scoring"] = inputs.scoring_of(options)
    return found, prompts


def own_options(options: Namespace) -> dict[str, Any]:
    """The study's own options that were given, by name; ProblemError for an unusable file.

    A method's command may read them itself, with a function `settle`.
    """
    settle: Callable[[Namespace], dict[str, Any]] | None = getattr(options, "settle", None)
    if settle is not None:
        return settle(options)
    own = {name: getattr(options, name) for name in getattr(options, "own", ())}
    return {name: value for name, value in own.items() if value is not None}


def stored_cases(options: Namespace) -> StoredCases:
    """The stored maps of ``--results``; raises ProblemError for an unusable folder."""
    library = CaseLibrary.open(Path(options.results))
    return StoredCases(
        library,
        equal_length=options.equal_length,
        scoring=inputs.scoring_of(options),
        ratings=_ratings(options, library.models, [case.id for case in library.cases]),
    )


def _ratings(
    options: Namespace,
    models: Sequence[str],
    ids: Sequence[str],
    sides: Sequence[str] = ("base", "tuned"),
) -> Ratings:
    """The ratings of ``--ratings``, none without it; what rates no prompt here is said."""
    if not options.ratings:
        return {}
    found = read_ratings(Path(options.ratings), models, sides)
    if strangers := without_place(found, ids):
        more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
        say(f"{options.ratings} rates {strangers[0]}{more}: no prompt of this study has that id.")
    return found


def _servers(
    options: Namespace, pair: tuple[ModelChoice, ModelChoice]
) -> tuple[ResponseServer | None, ...]:
    """Who generates each model's responses; ProblemError where a server is of no use."""
    # A study that no server can write for has none of these.
    given = {name: value for name in _OF_SERVERS if (value := getattr(options, name, None))}
    if not given:
        return (None, None)
    # Imported here: OpenAI's protocol is of no use to a study that generates by itself.
    from analysis.saliency.served.server import CONCURRENCY, response_server

    concurrency = options.server_concurrency or CONCURRENCY
    found = []
    for side, choice in zip(("base", "tuned"), pair, strict=True):
        address, name = given.get(f"{side}_server"), given.get(f"{side}_server_model", "")
        if name and not address:
            why = f"There is no --{side}-server that it could be a model of."
            _refuse(options, {f"{side}_server_model": None}, why)
        found.append(
            response_server(address, name, choice, concurrency=concurrency) if address else None
        )
    if not any(found):
        _refuse(options, {"server_concurrency": None}, "No server is asked for responses.")
    return tuple(found)


def _prompts(options: Namespace, *, demo: bool) -> PromptSet:
    if options.prompts == DEMO_PROMPTS or (demo and not options.prompts):
        return demo_prompts()
    if not options.prompts:
        raise problem(
            "input",
            "This study needs prompts.",
            "",
            "Give a file with --prompts, or --prompts demo.",
        )
    found = read_prompt_set(
        Path(options.prompts), Columns(**options.columns), bad_lines=options.bad_lines
    )
    say(*(f"{found.name}: skipped {line}" for line in found.skipped))
    return found


def refuse_unused(spec: StudySpec, options: Namespace) -> None:
    """Raises ProblemError, ``input``, for an option without an effect on this study, saying why."""
    # The app's options are accepted before any command.
    words = {name: value for name, value in _OF_WORDS.items() if name not in spec.word_options}
    _refuse(options, words, f"The study {spec.name} does not use it.")
    if spec.stored and options.results:
        why = "--results takes stored results in place of models: nothing is computed."
        alone = dict.fromkeys(getattr(options, "of_models", ()))
        _refuse(options, {**_OF_WORDS, **_OF_MODELS, **alone}, why)
    elif options.results and not spec.takes_stored:
        raise problem(
            "input",
            f"The study {spec.name} needs models.",
            "A folder of stored maps has none.",
            "Give --base and --tuned in place of --results.",
        )
    if spec.word_options:
        why = f"The study {spec.name} reads weights in the precision that they are stored in."
        _refuse(options, {"dtype": "auto"}, why)
    if spec.takes == "cases" and options.results:
        why = "--results takes stored maps in place of models and prompts: nothing is computed."
        _refuse(options, _OF_MODELS, why)
    elif spec.takes == "cases" and options.prompts in (None, DEMO_PROMPTS):
        _refuse(options, _OF_FILES, "It speaks of the file that --prompts names.")


def _refuse(options: Namespace, unused: Mapping[str, object], why: str) -> None:
    given = [name for name, absent in unused.items() if getattr(options, name, absent) != absent]
    if given:
        name = f"--{_SPELLED.get(given[0], given[0]).replace('_', '-')}"
        raise problem("input", f"{name} would change nothing here.", why, f"Leave out {name}.")
