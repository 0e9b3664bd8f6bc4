"""Downloads a model into the hub cache, with progress and cancellation."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import constants, errors
from tqdm.auto import tqdm  # type: ignore[import-untyped]

from analysis.events import Progress
from analysis.models.adapters import ADAPTER_SETTINGS, adapter_problem, adapters_among
from analysis.models.references import hub_folder
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice

_POLL_S = 0.2
_CONFIGURATION = ("*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken")
_SAFETENSORS = ("*.safetensors",)
_PICKLES = ("*.bin",)
_CODE = ("*.py",)
# Exports for other programs, and Meta's original format alongside the converted one.
_SUPERFLUOUS = (
    *("original/*", "onnx/*", "openvino/*", "consolidated*", "training_args.bin"),
    # Of a training run, beside the model or adapter that came out of it.
    *("checkpoint-*/*", "optimizer.bin", "scheduler.bin"),
)


class _StoppedError(Exception):
    """Raised inside the hub's client, through its progress bar, to end a download."""


def download(choice: ModelChoice) -> Generator[Progress, None, None]:
    """Fetch missing files; yields the number of bytes received. Closing it stops the download.

    Raises:
        ProblemError: ``network`` if the hub cannot be reached, ``model`` if it refuses access to
            the model, ``storage`` if the disk is full.
    """
    yield Progress("download", 0, None, choice.location)
    fetched = _Fetch(choice)
    fetched.start()
    running = True
    try:
        while running:
            fetched.join(_POLL_S)
            # Check before counting bytes, so that the last count is complete.
            running = fetched.is_alive()
            yield Progress("download", fetched.done(), fetched.total, choice.location)
    finally:
        fetched.stop.set()
    if fetched.error is not None:
        raise _in_words(choice, fetched.error) from None


class _Fetch(threading.Thread):
    """One download in the background: set `stop` to cancel; `total` bytes, once known."""

    def __init__(self, choice: ModelChoice) -> None:
        super().__init__(name="download", daemon=True)
        self.stop = threading.Event()
        self.total: int | None = None
        self.error: Exception | None = None
        self._choice = choice
        self._blobs = hub_folder(choice) / "blobs"
        self._present = 0

    def done(self) -> int:
        """Bytes received since the start, measured on disk."""
        here = _size(self._blobs) - self._present
        return min(here, self.total) if self.total is not None else here

    def run(self) -> None:
        """Find out which files are missing, then fetch them."""
        wanted: dict[str, Any] = {
            "repo_id": self._choice.location,
            "revision": self._choice.revision or None,
            "ignore_patterns": list(_SUPERFLUOUS),
            "tqdm_class": _stopper(self.stop),
        }
        try:
            patterns = [*_CONFIGURATION, *_SAFETENSORS]
            files = huggingface_hub.snapshot_download(
                allow_patterns=[*patterns, *_PICKLES, *_CODE], dry_run=True, **wanted
            )
            names = [file.filename for file in files]
            self._refuse_adapters_beside_models(names)
            if not any(name.endswith(".safetensors") for name in names):
                self._refuse_pickles(names)
                patterns += _PICKLES
            if self._choice.trust_remote_code:
                patterns += _CODE
            missing = [
                file.file_size
                for file in files
                if file.will_download and any(Path(file.filename).match(each) for each in patterns)
            ]
            self._present = _size(self._blobs)
            self.total = sum(missing)
            huggingface_hub.snapshot_download(allow_patterns=patterns, **wanted)
        except _StoppedError:
            pass
        except Exception as error:
            self.error = error

    def _refuse_adapters_beside_models(self, names: list[str]) -> None:
        found = adapters_among(names)
        top = {
            name for name in names if "/" not in name and name.endswith((".safetensors", ".bin"))
        }
        whole = "config.json" in names and bool(top - {*found, *_SUPERFLUOUS})
        if found and (whole or ADAPTER_SETTINGS not in found):
            raise adapter_problem(self._choice.name, found, whole=whole)

    def _refuse_pickles(self, names: list[str]) -> None:
        if not self._choice.allow_pickle and any(name.endswith(".bin") for name in names):
            raise problem(
                "model",
                f"{self._choice.name} comes as pickled weights only.",
                "A pickle can run code on this machine while it is read.",
                "If you trust its authors, load it with --allow-pickle; or find a safetensors "
                "version.",
            )


def _stopper(stop: threading.Event) -> type[Any]:
    """A silent progress bar class that aborts its download once `stop` is set."""

    class Stopper(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> None:
            if stop.is_set():
                raise _StoppedError
            super().update(n)

    return Stopper


def _size(folder: Path) -> int:
    total = 0
    for file in folder.glob("*"):
        try:
            total += file.stat().st_size
        except OSError:
            continue
    return total


def _in_words(choice: ModelChoice, error: Exception) -> ProblemError:
    """Why a download failed and what to do; the client wraps the cause, so look behind it."""
    if isinstance(error, ProblemError):
        return error
    causes: list[BaseException] = [error]
    while (behind := causes[-1].__cause__) is not None:
        causes.append(behind)
    offline = constants.HF_HUB_OFFLINE or any(
        isinstance(cause, errors.OfflineModeIsEnabled) for cause in causes
    )
    for cause in causes:
        if isinstance(cause, errors.HfHubHTTPError) and _token_unknown(cause):
            return problem(
                "model",
                f"The hub does not take the access token that was sent for {choice.location}.",
                "It is wrong, or no longer valid.",
                "Run hf auth login again, or set or unset HF_TOKEN.",
            )
        if isinstance(cause, errors.GatedRepoError):
            return problem(
                "model",
                f"The hub hands out {choice.location} only after its licence is accepted.",
                "The account of your access token has not accepted it, or the token may not read "
                "such models."
                if huggingface_hub.get_token()
                else "No access token was sent.",
                f"Accept it on {constants.ENDPOINT}/{choice.location}, then run hf auth login or "
                "set HF_TOKEN.",
            )
        if isinstance(cause, errors.RevisionNotFoundError):
            return problem(
                "model",
                f"{choice.location} has no revision {choice.revision!r} on the hub.",
                remedy="Omit the part after @, or name a branch, tag or commit.",
            )
        if isinstance(cause, errors.RepositoryNotFoundError):
            return problem(
                "model",
                f"The hub has no model {choice.location}, or does not show it to you.",
                remedy="Check the spelling; for a private model run hf auth login or set HF_TOKEN.",
            )
        if isinstance(cause, errors.HfHubHTTPError) and cause.response.status_code == 403:
            return problem(
                "model",
                f"The hub refuses to hand out {choice.location}.",
                _sentence(cause.server_message or "It says no more than that (403)."),
                "Ask its owners, or run hf auth login with an account that may read it.",
            )
        if isinstance(cause, OSError) and cause.errno == 28:
            return problem(
                "storage",
                f"The disk is too full for {choice.location}.",
                remedy="Make room, or point HF_HOME to another disk.",
            )
    why = "HF_HUB_OFFLINE forbids the network." if offline else _first_line(causes[-1])
    return problem(
        "network",
        f"{choice.location} is not on this machine and cannot be downloaded.",
        why,
        ("Unset HF_HUB_OFFLINE" if offline else "Check the network")
        + f", fetch it elsewhere with hf download {choice.location}, or give a local folder.",
    )


def _token_unknown(error: errors.HfHubHTTPError) -> bool:
    """Whether the hub refuses a token; to someone without one it denies that a model is there."""
    return error.response.status_code == 401 and "credentials" in (error.server_message or "")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
