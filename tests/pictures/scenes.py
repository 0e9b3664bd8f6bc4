"""What is photographed: a scene for every view, and the short film of the README.

Scenes follow one another in one app, so that each begins where the last one ended. They name views
by their ids and otherwise few keys, so that a view that is rebuilt needs no new scene.
"""

from __future__ import annotations

from typing import NamedTuple


class Scene(NamedTuple):
    """A picture, and what leads to it from the one before.

    Attributes:
        name: What its file is called.
        view: The id of the view that it shows; its number key is pressed if another one is shown.
        keys: What is pressed there.
        costly: Pressed after these for the README's pictures alone: starts what takes longer than
            a check may.
    """

    name: str
    view: str
    keys: tuple[str, ...] = ()
    costly: tuple[str, ...] = ()


SCENES = (
    Scene("prompt", "prompt"),
    Scene("answers", "saliency"),
    Scene("grid", "saliency", ("g", "down", "right", "right")),
    Scene("overview", "saliency", ("v",)),
    Scene("heads", "heads"),
    Scene("concepts", "concepts"),
    Scene("studies", "studies"),
    # That of concepts, whose numbers are there by now; Enter opens what it found.
    Scene("study", "studies", (*("down",) * 5, "enter")),
    Scene("findings", "studies", ("enter",)),
    Scene("components", "components", costly=("enter",)),
    Scene("clusters", "clusters", costly=("enter",)),
    Scene("changes", "changes"),
    Scene("divergence", "divergence"),
)
"""A pair of models; the second one opens on the answers to the first example."""

STORED = (Scene("cases", "cases"),)
"""A folder of stored maps."""


class Take(NamedTuple):
    """A part of the film.

    Attributes:
        view: The id of the view that it shows.
        keys: What is pressed there, each before a picture of its own; empty for nothing.
        seconds: How long each of these pictures stays.
        last: How much longer the last one stays.
    """

    view: str
    keys: tuple[str, ...]
    seconds: float
    last: float = 0.0


FILM = (
    Take("prompt", ("",), 1.5),
    Take("prompt", ("down",) * 3, 0.7, last=0.8),
    Take("saliency", ("",), 4.0),
    Take("saliency", ("right",) * 5, 0.7, last=1.0),
    Take("saliency", ("g",), 2.5),
    Take("heads", ("",), 3.0),
    Take("changes", ("",), 3.0),
)
"""Choose an example, read both answers, walk one, look at the map, at the heads, at the changes."""
