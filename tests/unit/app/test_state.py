"""The state file."""

from __future__ import annotations

import stat

import pytest

from app.state import HISTORY_LENGTH, Prompt, State, load_state, remember, save_state


def test_what_is_saved_comes_back(tmp_path):
    state = State(
        draft=Prompt("two\nlines \x1b[0m", ((0, 3),), True),
        history=(Prompt("one"), Prompt("two\r\n")),
        face="text",
        digits=True,
        theme="nord",
    )
    path = tmp_path / "folder" / "state.json"
    save_state(path, state)
    assert load_state(path) == state
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"history": 3}', b"\xff"])
def test_a_damaged_file_is_a_fresh_start(tmp_path, content):
    path = tmp_path / "state.json"
    path.write_bytes(content)
    assert load_state(path) == State()


def test_prompts_that_another_instance_ran_are_kept(tmp_path):
    path = tmp_path / "state.json"
    save_state(path, State(history=(Prompt("theirs"), Prompt("both"))))
    save_state(path, State(history=(Prompt("ours"), Prompt("both"))))
    assert {past.text for past in load_state(path).history} == {"ours", "theirs", "both"}
    assert load_state(path).history[0].text == "ours"


def test_a_place_that_cannot_be_written_and_a_prompt_that_no_json_can_hold_disturb_nobody(tmp_path):
    (tmp_path / "file").write_text("")
    save_state(tmp_path / "file" / "state.json", State(history=(Prompt("x"),)))
    path = tmp_path / "state.json"
    save_state(path, State(draft=Prompt("\ud800")))
    assert load_state(path) == State()


def test_the_history_holds_each_text_once_newest_first():
    history = ()
    for number in range(HISTORY_LENGTH + 10):
        history = remember(history, Prompt(str(number)))
    assert len(history) == HISTORY_LENGTH
    again = remember(history, Prompt("100", ((0, 1),)))
    assert again[0] == Prompt("100", ((0, 1),))
    assert [past.text for past in again].count("100") == 1
