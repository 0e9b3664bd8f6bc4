"""State kept between runs: the draft, past prompts, the display of maps and the theme."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import msgspec

from analysis.models.tokens import Span

HISTORY_LENGTH = 200


class Prompt(msgspec.Struct, frozen=True):
    """A prompt as it was entered.

    Attributes:
        text: The exact text.
        instruction_spans: Character spans of its instructions.
        chat_template: Whether the tuned model's chat template was applied.
    """

    text: str
    instruction_spans: tuple[Span, ...] = ()
    chat_template: bool = False


class State(msgspec.Struct, frozen=True):
    """The state file.

    Attributes:
        draft: Text of the entry; None before anything was entered.
        history: Prompts that were run, newest first, without duplicates.
        face: The last face of the maps.
        digits: Whether cells show their scores as numbers.
        theme: The theme chosen in the palette; empty for the default.
        prices: What analyses cost on this machine, as `app.jobs.prices` learnt it.
        study_prompts: The file of prompts that each pair was studied on last, by its names.
    """

    draft: Prompt | None = None
    history: tuple[Prompt, ...] = ()
    face: str = "answers"
    digits: bool = False
    theme: str = ""
    prices: dict[str, float] = {}
    study_prompts: dict[str, str] = {}


def remember(history: tuple[Prompt, ...], prompt: Prompt) -> tuple[Prompt, ...]:
    """The history with a prompt in front, without older duplicates, at most `HISTORY_LENGTH`."""
    others = tuple(past for past in history if past.text != prompt.text)
    return (prompt, *others)[:HISTORY_LENGTH]


def load_state(path: Path) -> State:
    """The saved state; a new one if there is none or it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return State()


def save_state(path: Path, state: State) -> None:
    """Save the state, readable only by its owner; keeps prompts that another instance ran.

    Failures are ignored: the state is only a convenience.
    """
    history = state.history
    for past in reversed(load_state(path).history):
        if all(past.text != own.text for own in history):
            history = (*history, past)[:HISTORY_LENGTH]
    try:
        data = msgspec.json.encode(msgspec.structs.replace(state, history=history))
    except UnicodeEncodeError:
        # A prompt with a lone surrogate: JSON cannot hold it.
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
