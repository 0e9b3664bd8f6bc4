"""Descriptions of components that a language model gave earlier: where they are, and lookup."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_data_path

from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.first_descriptions import FirstDescriptions, subjects_of
from analysis.concepts.annotation.questions import read_annotations
from analysis.concepts.annotation.templates import load_templates
from analysis.concepts.result import LayerConcepts
from analysis.concepts.tables import Description
from app.config import Annotation


def answers_path() -> Path:
    """Where answers are kept: with the user's data, not the cache, because they were paid for."""
    return user_data_path("insttui", appauthor=False) / "annotations"


def remember_annotator(model: str) -> None:
    """Record which model described last: the app shows its descriptions."""
    answers_path().with_suffix(".model").write_text(model, encoding="utf-8")


def last_annotator(settings: Annotation) -> str:
    """The model that described last, else the one in the settings."""
    try:
        return answers_path().with_suffix(".model").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return settings.model


def study_options(settings: Annotation) -> dict[str, str | None]:
    """Where the study of concepts finds descriptions; see `analysis.concepts.study`."""
    return {
        "answers": str(answers_path()),
        "annotator": last_annotator(settings),
        "templates": str(Path(settings.templates).expanduser()) if settings.templates else None,
    }


class KnownDescriptions:
    """The last annotator's descriptions, read layer by layer on demand. Makes no requests."""

    def __init__(self, settings: Annotation) -> None:
        """Read the stored answers; raises ProblemError if they or the templates cannot be read."""
        self._templates = load_templates(
            Path(settings.templates).expanduser() if settings.templates else None
        )
        self._answers = AnswerFile(answers_path())
        self._model = last_annotator(settings)
        self._layers: dict[tuple[int, int], FirstDescriptions] = {}

    def __len__(self) -> int:
        """Number of components with a description in the layers read so far."""
        return sum(len(each) for each in self._layers.values())

    def take(self, layer: LayerConcepts) -> None:
        """Look up a layer's components."""
        annotations = read_annotations(
            subjects_of([layer]), self._templates, self._model, self._answers, repeats=1
        )
        self._layers[layer.layer, layer.expert] = FirstDescriptions(annotations)

    def find(self, model: str, layer: int, expert: int, component: int) -> Description | None:
        """The description of a component, or None."""
        known = self._layers.get((layer, expert))
        return None if known is None else known.find(model, layer, expert, component)
