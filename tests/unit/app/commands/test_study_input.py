"""No option of a study is taken and then ignored."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.methods import studies, study_of
from analysis.problems import ProblemError
from app.commands.parser import parser
from app.commands.study_input import found_for, refuse_unused
from app.config import Settings

CASES = [each.name for each in studies() if each.takes_stored]
OF_MODELS_ALONE = [each.name for each in studies() if not each.takes_stored]
# On the command line, each with what it says of models or prompts.
OF_MODELS = {
    "--base": "demo-base",
    "--tuned": "demo-tuned",
    "--prompts": "demo",
    "--columns": "prompt=question",
    "--bad-lines": "skip",
    "--max-new-tokens": "5",
    "--chat-template": None,
    "--method": "forward",
    "--response": "own",
    "--base-server": "http://localhost:1/v1",
    "--tuned-server": "http://localhost:1/v1",
    "--base-server-model": "one",
    "--tuned-server-model": "other",
    "--server-concurrency": "3",
    "--device": "cpu",
    "--dtype": "float16",
    "--trust-remote-code": None,
    "--allow-pickle": None,
}


def check(*arguments: str) -> None:
    """Parse a command line and look for options without a meaning."""
    options = parser().parse_args(arguments)
    refuse_unused(study_of(options.study), options)


def pieces(option: str) -> list[str]:
    value = OF_MODELS[option]
    return [option] if value is None else [option, value]


@pytest.mark.parametrize("study", CASES)
@pytest.mark.parametrize("option", OF_MODELS)
def test_stored_maps_leave_nothing_to_the_options_of_models(study: str, option: str) -> None:
    with pytest.raises(ProblemError, match=f"{option} would change nothing"):
        check("study", study, "--results", "maps", *pieces(option))


@pytest.mark.parametrize("study", CASES)
def test_what_has_a_meaning_is_taken(study: str) -> None:
    every = [piece for option in OF_MODELS for piece in pieces(option)]
    check("study", study, *(piece if piece != "demo" else "set.jsonl" for piece in every))
    check("study", study, "--results", "maps", "--csv", "-", "--out", "made")
    check("--device", "cpu", "study", study)


@pytest.mark.parametrize("prompts", [[], ["--prompts", "demo"]])
@pytest.mark.parametrize("option", ["--columns", "--bad-lines"])
def test_the_demo_s_prompts_are_in_no_file(option: str, prompts: list[str]) -> None:
    with pytest.raises(ProblemError, match=f"{option} would change nothing"):
        check("study", "density", *prompts, *pieces(option))


@pytest.mark.parametrize("study", [each.name for each in studies()])
@pytest.mark.parametrize("option", ["vocab", "vectors"])
def test_words_are_for_the_studies_that_speak_of_words(study: str, option: str) -> None:
    if option in study_of(study).word_options:
        check(f"--{option}", "file", "study", study)
        check("study", study, f"--{option}", "file")
        return
    with pytest.raises(ProblemError, match=f"--{option} would change nothing"):
        check(f"--{option}", "file", "study", study)
    with pytest.raises(SystemExit):
        check("study", study, f"--{option}", "file")


@pytest.mark.parametrize("study", ["heads", "concepts"])
def test_stored_weights_have_one_precision(study: str) -> None:
    with pytest.raises(ProblemError, match="--dtype would change nothing"):
        check("study", study, "--dtype", "float16")
    check("study", study, "--dtype", "auto")


@pytest.mark.parametrize("study", OF_MODELS_ALONE)
def test_stored_maps_are_no_models_and_no_study_has_layers(
    study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if study_of(study).stored:
        check("--results", "made", "study", study)
        for given in (["--base", "llama"], ["--vocab", "demo"], ["--device", "cpu"]):
            with pytest.raises(ProblemError, match=f"{given[0]} would change nothing"):
                check("study", study, "--results", "made", *given)
    else:
        with pytest.raises(ProblemError, match="needs models"):
            check("--results", "maps", "study", study)
    with pytest.raises(SystemExit):
        check("study", study, "--layers", "0")
    assert "unrecognized arguments: --layers 0" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--device", "--dtype", "--trust-remote-code", "--allow-pickle"])
def test_before_the_command_or_after_it_an_option_of_models_means_the_same(option: str) -> None:
    given = pieces(option)
    before = parser().parse_args([*given, "study", "density"])
    after = parser().parse_args(["study", "density", *given])
    assert vars(before) == vars(after)
    assert vars(before) != vars(parser().parse_args(["study", "density"]))


@pytest.mark.parametrize(
    "option", [("--tuned-server-model", "name"), ("--server-concurrency", "3")]
)
def test_what_speaks_of_a_server_needs_one(option: tuple[str, str]) -> None:
    options = parser().parse_args(["study", "density", "--prompts", "demo", *option])
    with pytest.raises(ProblemError, match=f"{option[0]} would change nothing"):
        found_for(study_of("density"), options, Settings())


@pytest.mark.parametrize(
    "option",
    ["--base-server", "--tuned-server", "--server-concurrency", "--method", "--equal-length"],
)
def test_divergence_has_no_options_of_servers_and_scores(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        check("study", "divergence", option)
    assert f"unrecognized arguments: {option}" in capsys.readouterr().err


def test_divergence_reads_the_responses_that_were_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec, demo = study_of("divergence"), ("study", "divergence", "--prompts", "demo")

    def given(*arguments: str) -> Any:
        options = parser().parse_args([*demo, *arguments])
        refuse_unused(spec, options)
        return spec.input({"session": None, **found_for(spec, options, Settings())})

    assert given().response == ("tuned",)
    assert given("--response", "base,tuned,base").response == ("base", "tuned")
    assert given("--max-new-tokens", "5").longest == 5
    assert given("--chat-template").chat_template
    with pytest.raises(ProblemError, match="--max-new-tokens would change nothing"):
        given("--response", "reference", "--max-new-tokens", "5")
    with pytest.raises(SystemExit):
        given("--response", "own")
    assert "must be a list out of tuned, base, reference" in capsys.readouterr().err
