"""A server that generates responses by a script, in either of vLLM's dialects of token ids."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

from tests.support.chat_server import ChatServer, serving

Dialect = Literal["ids", "probabilities", "none"]


@dataclass(frozen=True)
class Script:
    """What a server says to a prompt: its ids, the text, and why it ended."""

    ids: tuple[int, ...]
    text: str
    finish: str = "stop"


class ResponseServer(ChatServer):
    """Completes prompts of token ids as its scripts say.

    Attributes:
        scripts: What is said to a prompt by each model.
        dialect: How it returns token ids.
        changes: Alters a choice before it is sent.
    """

    def __init__(self, dialect: Dialect = "ids") -> None:
        super().__init__()
        self.scripts: dict[str, dict[tuple[int, ...], Script]] = {}
        self.dialect = dialect
        self.changes: Callable[[dict[str, Any], dict[str, Any]], None] = lambda choice, body: None

    def serve_as(self, model: str, responses: dict[tuple[int, ...], Script]) -> None:
        """Serve a model under a name."""
        self.scripts[model] = responses
        self.models = list(self.scripts)

    def reply(self, body: dict[str, Any]) -> bytes:
        """A completion with one choice."""
        said = self.scripts[body["model"]][tuple(body["prompt"])]
        choice: dict[str, Any] = {
            "index": 0,
            "text": said.text,
            "finish_reason": said.finish,
            "stop_reason": None,
            "logprobs": None,
        }
        if self.dialect == "ids" and body.get("return_token_ids"):
            choice |= {"token_ids": list(said.ids), "prompt_token_ids": body["prompt"]}
        elif self.dialect == "probabilities" and body.get("logprobs"):
            choice["logprobs"] = {"tokens": _written(said.ids, body)}
        self.changes(choice, body)
        whole = {"id": "1", "object": "text_completion", "created": 0, "model": body["model"]}
        return json.dumps({**whole, "choices": [choice]}).encode()


def _written(ids: Sequence[int], body: dict[str, Any]) -> list[str]:
    name = "token_id:{}" if body.get("return_tokens_as_token_ids") else "text of {}"
    return [name.format(token) for token in ids]


def response_server(dialect: Dialect = "ids") -> AbstractContextManager[ResponseServer]:
    """A server for as long as the block runs."""
    return serving(ResponseServer(dialect))
