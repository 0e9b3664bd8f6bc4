"""A server that writes a model's responses: its address, and the model's name there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import urlsplit, urlunsplit

from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice
from analysis.saliency.served.completions import models_at
from analysis.servers.client import Client
from analysis.servers.endpoint import Endpoint, checked, key_in
from analysis.servers.pace import Pace, Turns

CONCURRENCY = 16
ATTEMPTS = 3
SECONDS = 300.0
"""How long a response may take: a busy server writes many at a time, each of them slowly."""

ON_ADDRESS = "It is the address of an OpenAI-compatible server, such as http://localhost:8000/v1."


@dataclass(frozen=True)
class ResponseServer:
    """Who writes a model's responses.

    Attributes:
        endpoint: The address and the model's name there.
        pace: How many responses at a time, and how often one is asked for.
        seconds: The timeout of a response.
    """

    endpoint: Endpoint
    pace: Pace = field(default_factory=lambda: Pace(CONCURRENCY, attempts=ATTEMPTS))
    seconds: float = SECONDS

    @property
    def words(self) -> str:
        """What a reader calls it: ``http://localhost:8000/v1 (model NAME)``."""
        return f"{self.endpoint.place} (model {self.endpoint.model})"

    def in_key(self) -> tuple[str, str]:
        """What responses depend on: neither the key nor the pace."""
        return self.endpoint.place, self.endpoint.model

    def client(self) -> Client:
        return Client(self.endpoint, self.seconds, ON_ADDRESS)


def response_server(
    address: str,
    model: str,
    choice: ModelChoice,
    *,
    concurrency: int = CONCURRENCY,
    environment: Mapping[str, str] = os.environ,
) -> ResponseServer:
    """The server at an address; it is asked what it serves if no model is named.

    Args:
        address: Its base URL; ``/v1`` may be left out.
        model: The model's name there; empty for the only one, or the one named like `choice`.
        choice: The same model here.
        concurrency: How many responses to ask for at a time.
        environment: Where OPENAI_API_KEY is looked up; the key has no other source.

    Raises:
        ProblemError: ``input`` for an unusable address or key, or where the model has to be named;
            ``network`` where the server does not say what it serves.
    """
    whole = Endpoint(model.strip(), address.strip().rstrip("/"), key_in(environment))
    found = checked(whole, ON_ADDRESS)
    parts = urlsplit(found.base_url)
    if not parts.path:
        found = Endpoint(found.model, urlunsplit(parts._replace(path="/v1")), found.api_key)
    pace = Pace(concurrency, attempts=ATTEMPTS)
    if not found.model:
        offered = asyncio.run(_offered(found, pace))
        found = Endpoint(_named(found, offered, choice), found.base_url, found.api_key)
    return ResponseServer(found, pace)


async def _offered(endpoint: Endpoint, pace: Pace) -> Sequence[tuple[str, str]]:
    client = Client(endpoint, SECONDS, ON_ADDRESS)
    try:
        return await Turns(pace).persist(lambda: models_at(client))
    except ProblemError as error:
        found = error.problem
        raise problem(
            found.kind, found.what, found.why, f"{found.remedy} {_ON_KEPT}".strip()
        ) from None
    finally:
        await client.aclose()


_ON_KEPT = "With the model's name there given, what it has answered already is used without it."


def _named(endpoint: Endpoint, offered: Sequence[tuple[str, str]], choice: ModelChoice) -> str:
    """The model to ask for, out of names and what they stand for."""
    if len(offered) == 1:
        return offered[0][0]
    ours = {choice.name, choice.location, PurePosixPath(choice.location).name}
    alike = [name for name, root in offered if ours & {name, root}]
    if len(alike) == 1:
        return alike[0]
    listed = ", ".join(repr(name) for name, _ in offered)
    raise problem(
        "input",
        f"Which model at {endpoint.place} is {choice.name}?",
        f"It serves {listed}." if listed else "It lists none.",
        "Name it with --base-server-model or --tuned-server-model.",
    )
