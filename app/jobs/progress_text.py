"""Progress in words: stage, steps done, estimated time left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.events import WAITS
from app.terminal.text import prose

if TYPE_CHECKING:
    from analysis.events import Progress

STAGES = {
    WAITS: "waits for its turn",
    "start": "starting the engine",
    "download": "downloading",
    "load": "loading",
    "generate": "writing its response",
    "attribute": "attributing",
    "deletion": "comparing with deletion",
    "curves": "deleting and inserting tokens",
    "words": "reading words",
    "heads": "reading heads",
    "components": "finding components",
    "contributions": "taking apart",
    "changes": "comparing with",
    "frequencies": "counting activations of",
    "activity": "reading",
    "ablation": "silencing neurons of",
    "tokens": "cutting into tokens",
    "states": "gathering hidden states",
    "clusters": "clustering",
}


def progress_text(model: str, progress: Progress, *, running_s: float = 0.0) -> str:
    """One harmless line; `running_s`, the stage's seconds so far, allows an estimate unless 0."""
    parts = [f"{prose(model)}: {STAGES.get(progress.stage, progress.stage)}"]
    if progress.total:
        parts.append(f"{progress.done} of {progress.total} {prose(progress.detail)}".rstrip())
        remaining = progress.total - progress.done
        # Generation usually ends before its limit: no estimate.
        if running_s > 1.0 and progress.done > 0 and progress.stage != "generate" and remaining:
            parts.append(f"about {duration(running_s / progress.done * remaining)} left")
    elif progress.done:
        parts.append(f"{progress.done} {prose(progress.detail)}".rstrip())
    elif progress.detail:
        parts.append(prose(progress.detail))
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """A duration in words: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
