"""A key changes with everything a result depends on, and with nothing else."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from cache.keys import key


class Question(msgspec.Struct, frozen=True, tag="question"):
    prompt: str
    length: int = 300


class OtherQuestion(msgspec.Struct, frozen=True, tag="other"):
    prompt: str
    length: int = 300


KEY = key("attribution", 1, ["hub:a", "hub:b"], Question("Hi"))


@pytest.mark.parametrize(
    "other",
    [
        key("heads", 1, ["hub:a", "hub:b"], Question("Hi")),
        key("attribution", 2, ["hub:a", "hub:b"], Question("Hi")),
        key("attribution", 1, ["hub:b", "hub:a"], Question("Hi")),
        key("attribution", 1, ["hub:a"], Question("Hi")),
        key("attribution", 1, ["hub:ahub:b"], Question("Hi")),
        key("attribution", 1, ["hub:a", "hub:b"], Question("Hi ")),
        key("attribution", 1, ["hub:a", "hub:b"], Question("Hi", 299)),
        key("attribution", 1, ["hub:a", "hub:b"], OtherQuestion("Hi")),
    ],
    ids=["analysis", "version", "order", "models", "joined", "prompt", "parameter", "kind"],
)
def test_any_difference_gives_another_key(other: str) -> None:
    assert other != KEY


def test_the_key_is_64_hexadecimal_digits_and_the_same_for_lists_and_tuples() -> None:
    assert len(bytes.fromhex(KEY)) == 32
    assert key("attribution", 1, ("hub:a", "hub:b"), Question("Hi")) == KEY


def test_another_process_with_another_hash_seed_makes_the_same_key() -> None:
    code = "from cache.keys import key; print(key('a', 1, ['f'], {'x': 1, 'y': {'p', 'q', 'r'}}))"
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(keys) == 1
