"""Text that wants to be more than text: shown harmlessly and exported exactly, wherever it stands.

Escape sequences, bidirectional and zero-width characters, markup and CSV delimiters come in as
tokens of a vocabulary, prompts, responses, names of models, files and folders, and stored cases.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.support import checkpoints
from tests.support.case_folders import write_lines
from tests.support.program import Home, Outcome

pytestmark = pytest.mark.slow

TOKENS = (
    *("\x1b]0;evil\x07", "\x1b[31mred", "\x1b[2J", "\x9b2K", "\x90q\x9c", "\x08\x08"),
    *("\u202eelif", "\u2066x\u2069", "a\u200bb", "\ufeff", "[bold red]", "[/]"),
    *("[@click=app.quit]", '","', '"', ";", "\r\n", "\r", "\t", "=1+1"),
    *("宽宽", "👩\u200d👧", "❤\ufe0f"),
)
PROMPT = "Write: " + " ".join(TOKENS) + " answer"
RESPONSE = "cat" + "".join(reversed(TOKENS))
NAME = "[red]\x1b]0;evil\x07\u202eeman\u200b,\"';宽"
HELP, F1 = "esc closes", "\x1bOP"
SHOWN_NAME = "[red]␛]0;evil␇⟨202E⟩eman"
# What only the text could have brought; insttui itself sends none of it.
NEVER_SENT = (
    b"\x1b]0;evil",
    b"\x1b[31mred",
    b"\xc2\x9b",
    b"\xc2\x90",
    b"\x9b2K",
    b"\x08",
    *(character.encode() for character in "\u202e\u2066\u2069\u200b\ufeff\u200d\ufe0f"),
)


def assert_harmless(output: bytes | bytearray) -> None:
    """Nothing of `NEVER_SENT` is in it."""
    for sequence in NEVER_SENT:
        at = output.find(sequence)
        assert at < 0, bytes(output[max(0, at - 80) : at + 80])


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in a folder with a hostile name, its vocabulary full of hostile tokens."""
    tokenizer = checkpoints.byte_level_tokenizer()
    tokenizer.add_tokens(list(TOKENS))
    language_model = checkpoints.llama(tokenizer)
    language_model.config.max_position_embeddings = 160
    # It likes to write them.
    language_model.lm_head.weight.data[-len(TOKENS) :] *= 3
    folder = tmp_path_factory.mktemp("hostile") / NAME
    return checkpoints.save(folder, language_model, tokenizer)


@pytest.fixture
def hostile(home: Home, model: Path) -> Home:
    """A home in which that model has a name as hostile as its folder's."""
    home.name_models(**{NAME: model})
    return home


def test_tokens_and_names_are_exported_exactly_and_shown_harmlessly(hostile: Home) -> None:
    (hostile.work / NAME).write_bytes(PROMPT.encode())
    ask = ("attribute", "--model", NAME, "--prompt-file", NAME)

    given = hostile.run(*ask, "--response", RESPONSE, "--include-special")
    assert (given.status, given.errors) == (0, "")
    assert_exact(given)
    assert "".join(tokens(given.rows, "response")) == RESPONSE

    written = hostile.run(*ask, "--csv", f"{NAME}.csv")
    assert (written.status, written.output) == (0, b"")
    assert "The response: " in written.errors
    assert_harmless(written.errors.encode())
    rows = rows_of(hostile.work / f"{NAME}.csv")
    assert set(TOKENS) & set(tokens(rows, "response"))

    # The app shows the same answer from the cache, in every face, and exports the same rows.
    hostile.forbid_torch()
    hostile.write_draft(PROMPT)
    with hostile.terminal("--base", NAME, "--tuned", NAME, columns=200, lines=50) as terminal:
        terminal.wait_for_screen(SHOWN_NAME, "Write: ")
        terminal.write("\x12")
        terminal.wait_for_screen("stored", "␛]0;evil␇", "⟨202E⟩elif", "[bold red]", "⟨200B⟩")
        for key in "\x1b[C", "c", "w", "y":
            terminal.write(key)
            terminal.read_until_quiet(0.15)
        terminal.write("g")
        terminal.wait_for_screen("[bold·red]", "⟨200B⟩")
        for key in "\x1b[B", "\x1b[B", "d", "t", "c", "v", "g", "x", "s", "y":
            terminal.write(key)
            terminal.read_until_quiet(0.15)
        terminal.write("x")
        terminal.write("e")
        terminal.wait_for_screen("Exported to")
        terminal.write("1")
        terminal.wait_for_screen("History", "Sentences")
        terminal.write(F1)
        terminal.wait_for_screen("Type or paste a prompt", HELP)
        # With what follows at once, escape would be another key.
        terminal.write("\x1b")
        terminal.wait_until(lambda: HELP not in terminal.shown())
        assert terminal.end() == 0
        assert_harmless(terminal.output)
    exported = rows_of(next(hostile.work.glob("saliency-*.csv")))
    assert exported == rows * 2

    # Rows on a terminal are for reading.
    with hostile.terminal(*ask, columns=300) as terminal:
        terminal.wait_for_exit()
        terminal.read_until_quiet()
        assert "␛]0;evil␇" in terminal.text()
        assert_harmless(terminal.output)

    listed = hostile.run("cache", "list")
    assert SHOWN_NAME in listed.output.decode()
    assert_harmless(listed.output)


def tokens(rows: list[dict[str, str]], kind: str) -> list[str]:
    """The tokens of prompt or response, each once, in order."""
    found = {int(row[f"{kind}_index"]): row[f"{kind}_token"] for row in rows}
    return [found[index] for index in sorted(found)]


def assert_exact(outcome: Outcome) -> None:
    assert {row["model"] for row in outcome.rows} == {NAME}
    assert "".join(tokens(outcome.rows, "prompt")) == PROMPT
    assert set(TOKENS) <= set(tokens(outcome.rows, "prompt"))


def test_error_messages_repeat_no_sequence(home: Home) -> None:
    home.forbid_torch()
    evil = f"./{NAME}"
    commands = [
        ("attribute", "--model", evil, "--prompt", "x"),
        ("attribute", "--model", NAME, "--prompt", "x"),
        ("attribute", "--model", "small", "--prompt-file", evil),
        ("attribute", "--model", "small", "--prompt", "x", "--dtype", NAME),
        ("attribute", "--model", "small", "--prompt", "x", NAME),
        ("attribute", "--model", "small", "--prompt", "x", "--max-new-tokens", NAME),
        ("cache", "info", "--cache-dir", "/dev/null/" + NAME),
        ("models", "--csv", f"nowhere/{NAME}"),
        ("study", "density", "--results", evil),
        ("--results", evil),
        (NAME,),
    ]
    for command in commands:
        refused = home.run(*command)
        assert refused.status in (1, 2), command
        assert refused.errors, command
        assert "Traceback" not in refused.errors
        assert_harmless(refused.errors.encode() + refused.output)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Stored cases, hostile in every text they have."""
    folder = tmp_path / NAME
    folder.mkdir()
    pieces = ["▁Write", ":", *TOKENS, "."]
    prompt = "Write:" + "".join(TOKENS) + "."
    case = {"id": NAME, "dataset": NAME, "prompt": prompt, "prompt_tokens": pieces}
    case["instruction_spans"] = [prompt]
    write_lines(folder / "cases.jsonl", [case, {**case, "id": "other"}])
    models = ("base[red]\x1b]0;evil\x07", "tuned\u202e,")
    write_lines(folder / "ratings.jsonl", [{"id": NAME, "model": models[1], "rating": 3.0}])
    random = np.random.default_rng(0)
    for name in models:
        response = list(TOKENS)
        rows = [{"id": each, "response_tokens": response} for each in (NAME, "other")]
        write_lines(folder / f"responses_{name}.jsonl", rows)
        maps = {
            each: random.integers(0, 11, (len(pieces), len(response)), dtype=np.uint8)
            for each in (NAME, "other")
        }
        np.savez_compressed(folder / f"salience_{name}.npz", **maps)
    return folder


def test_stored_cases_are_exported_exactly_and_shown_harmlessly(home: Home, library: Path) -> None:
    home.forbid_torch()
    study = home.run("study", "density", "--results", library)
    assert study.status == 0
    assert "base[red]␛]0;evil␇" in study.output.decode()
    assert_harmless(study.output)

    with home.terminal("--results", str(library), columns=200, lines=50) as terminal:
        terminal.wait_for_screen("[red]␛]0;evil␇", "other", "2 of 2 cases")
        terminal.write("/")
        terminal.read_until_quiet(0.3)
        terminal.write("evil\r")
        terminal.wait_for_screen("/evil ", "2 of 2 ")
        terminal.write("\r")
        terminal.wait_for_screen("heaviest words", "␛[31mred", "⟨202E⟩elif")
        terminal.write("g")
        terminal.wait_for_screen("instruction score", "␛[31mred", "⟨202E⟩elif", "[bold·red]")
        for key in "\x1b[B", "\x1b[B", "d", "t", "v", "g", "s", "]", "[", "y":
            terminal.write(key)
            terminal.read_until_quiet(0.15)
        terminal.write("e")
        terminal.wait_for_screen("Exported to")
        assert terminal.end() == 0
        assert_harmless(terminal.output)
    rows = rows_of(next(home.work.glob("saliency-*.csv")))
    assert {row["model"] for row in rows} == {"base[red]\x1b]0;evil\x07", "tuned\u202e,"}
    assert set(TOKENS) <= {row["prompt_token"] for row in rows}
    assert set(TOKENS) <= {row["response_token"] for row in rows}
