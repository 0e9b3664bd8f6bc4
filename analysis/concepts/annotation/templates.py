"""Wording of the questions, from a TOML file that the user can replace."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import msgspec

from analysis.concepts.annotation.annotation import STEPS, Step
from analysis.concepts.annotation.completer import Message
from analysis.concepts.annotation.parsing import parse_description, parse_level, parse_scenarios
from analysis.files.text import utf8
from analysis.problems import ProblemError, problem

FILE = "templates.toml"

_PARSERS = {
    "description": parse_description,
    "scenarios": parse_scenarios,
    "level": parse_level,
}


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step's wording: the model's role, and a turn with ``{}`` in place of its subject.

    `examples` are pairs of a subject and the right answer; `max_tokens` limits the answer.
    """

    role: str
    turn: str
    examples: tuple[tuple[str, str], ...]
    max_tokens: int

    def messages(self, subject: str, *, system_role: bool) -> tuple[Message, ...]:
        """The conversation that asks about `subject`: role, examples, question."""
        turns: list[Message] = []
        for example, answer in self.examples:
            turns += [Message("user", self._question(example)), Message("assistant", answer)]
        turns.append(Message("user", self._question(subject)))
        role = self.role.strip()
        if system_role:
            return (Message("system", role), *turns)
        return (Message("user", f"{role}\n\n{turns[0].content}"), *turns[1:])

    def _question(self, subject: str) -> str:
        return self.turn.replace("{}", subject)


class Templates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The wording of all three steps: description, scenarios, linguistic level.

    `system_role` puts the role in a system message instead of in the first question.
    """

    description: Template
    scenarios: Template
    level: Template
    system_role: bool = True

    def template(self, step: Step) -> Template:
        """The wording of one step."""
        template: Template = getattr(self, step)
        return template

    def messages(self, step: Step, subject: str) -> tuple[Message, ...]:
        """The conversation that asks a step's question about words or a description."""
        return self.template(step).messages(subject, system_role=self.system_role)


def load_templates(path: Path | None = None) -> Templates:
    """The templates in a file; the built-in ones by default.

    Raises:
        ProblemError: ``storage`` if it cannot be read, ``input`` if it or an example's answer
            cannot be parsed.
    """
    if path is None:
        return _decode(resources.files(__package__).joinpath(FILE).read_bytes(), FILE)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise problem(
            "storage", f"The templates in {path} cannot be read.", f"{error.strerror}."
        ) from error
    return _decode(content, str(path))


def _decode(content: bytes, name: str) -> Templates:
    try:
        templates = msgspec.toml.decode(utf8(content), type=Templates)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _misunderstood(name, f"{error}.") from error
    for step in STEPS:
        template = templates.template(step)
        if template.turn.count("{}") != 1:
            raise _misunderstood(name, f"{step}.turn must contain {{}} once.")
        if template.max_tokens < 1:
            raise _misunderstood(name, f"{step}.max_tokens must be 1 or more.")
        for _, answer in template.examples:
            if _PARSERS[step](answer) is None:
                raise _misunderstood(
                    name, f"{answer!r}, an example of {step}, is not a valid answer."
                )
    return templates


def _misunderstood(name: str, why: str) -> ProblemError:
    return problem(
        "input",
        f"The templates in {name} cannot be understood.",
        why,
        "The templates that come with insttui explain each setting.",
    )
