"""A model whose own code ends the process that asks it about a certain word."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

_CODE = """
import os
import signal

from transformers import LlamaForCausalLM


class Deadly(LlamaForCausalLM):
    def forward(self, input_ids=None, **more):
        ids = input_ids[0].tolist() if input_ids is not None else []
        deadly = {deadly}
        if any(ids[at : at + len(deadly)] == deadly for at in range(len(ids))):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(input_ids, **more)
"""


def write_deadly(folder: Path, source: Path, ids: list[int]) -> None:
    """A copy of a model that no process survives which shows it these ids in a row."""
    shutil.copytree(source, folder)
    (folder / "deadly.py").write_text(_CODE.replace("{deadly}", repr(ids)))
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "deadly.Deadly"}
    file.write_text(json.dumps(config))
