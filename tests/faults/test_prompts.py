"""Prompts that are empty, too long or no text: refused in words, and nothing typed is lost."""

from __future__ import annotations

import pytest

from tests.support.program import Home, outcome

LATIN_1 = "Où est le café ?".encode("latin-1")
HUGE = "Translate the word into French: the cat sat on the mat. " * 400


def test_a_prompt_file_that_is_not_utf_8_is_refused_with_the_byte(home: Home) -> None:
    home.forbid_torch()
    (home.work / "old.txt").write_bytes(LATIN_1)
    refused = home.run("attribute", "--model", "small", "--prompt-file", "old.txt")
    assert refused.status == 2
    assert refused.errors == (
        "insttui: The prompt in old.txt is not UTF-8 text. Byte 1 is 0xf9. "
        "Convert it first, for example with iconv.\n"
    )


def test_standard_input_that_is_not_utf_8_is_refused(home: Home) -> None:
    home.forbid_torch()
    refused = home.run("attribute", "--model", "small", "--prompt-file", "-", stdin=LATIN_1)
    assert refused.status == 2
    assert "The prompt in standard input is not UTF-8 text." in refused.errors


@pytest.mark.parametrize("option", ["--prompt", "--response"])
def test_arguments_that_are_not_utf_8_are_refused(option: str, home: Home) -> None:
    home.forbid_torch()
    other = ("--response", "x") if option == "--prompt" else ("--prompt", "x")
    # The last value of an option given twice counts.
    refused = home.run("attribute", "--model", "small", *other, option, LATIN_1)
    assert refused.status == 2
    assert "is not UTF-8 text. Pass it in a UTF-8 file instead." in refused.errors


@pytest.mark.parametrize("name", ["nowhere.txt", "."])
def test_a_prompt_file_that_cannot_be_read_is_named(name: str, home: Home) -> None:
    home.forbid_torch()
    refused = home.run("attribute", "--model", "small", "--prompt-file", name)
    assert refused.status == 2
    assert refused.errors.startswith(f"insttui: The prompt file {name} cannot be read. ")


@pytest.mark.slow
def test_an_empty_and_a_huge_prompt_are_refused_headless(home: Home) -> None:
    (home.work / "huge.txt").write_text(HUGE)
    commands = [
        home.start("attribute", "--model", "small", *prompt)
        for prompt in (("--prompt", " \n"), ("--prompt-file", "huge.txt"))
    ]
    empty, huge = map(outcome, commands)
    assert (empty.status, empty.output) == (2, b"")
    assert empty.errors == "insttui: The prompt is empty. Enter some text.\n"
    assert (huge.status, huge.output) == (2, b"")
    assert "The prompt is too long for the model." in huge.errors
    assert "small reads at most 96, its response included. Shorten the text" in huge.errors


@pytest.mark.slow
def test_the_app_keeps_what_was_typed_when_it_cannot_be_used(home: Home) -> None:
    with home.terminal("--base", "small", "--tuned", "small") as terminal:
        terminal.wait_for_screen("Type or paste a prompt", "engine ready")
        # A blank is no prompt, and nothing else is run in its place.
        terminal.write(" \x12")
        terminal.wait_for_screen("The prompt is empty. Type one, or choose an example.")
        # Bytes that are no UTF-8 text, as another locale's keyboard sends them.
        terminal.write(LATIN_1)
        terminal.paste("THE END. " + HUGE + "THE END.")
        terminal.wait_for_screen("THE END.", "Too long: ", "of 96 tokens in ● small")
        terminal.write("\x12")
        terminal.wait_for_screen("The prompt is too long for the model: ", "THE END.", "Examples")
        assert terminal.end("\x03") == 0
    with home.terminal("--base", "small", "--tuned", "small") as again:
        again.wait_for_screen("THE END.", "Translate the word into French")
        again.end("\x03")
