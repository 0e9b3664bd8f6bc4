"""Times cross-patching against plain hooked runs of the whole text, one a layer and direction.

Run: ``python -m tests.bench.bench_patching [--tokens N] [--times K] [--part PART]``. Both ways run
in one process, on the demo pair in memory, after a run that warms them; the fastest of K
counts. The plain way reads the text once with each model and once for every point; ours is the
whole request: reading, its checks, and the runs of the last position alone. The table gives
seconds, processor seconds, the ratio to ours, and the largest difference between the logit
differences of the two.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from analysis.demo.catalog import DEMO_BASE, DEMO_TUNED
from analysis.engine.loading import LoadedModel
from analysis.engine.pool import ModelPool
from analysis.models.references import resolve
from analysis.patching.compute.patching import patching
from analysis.patching.compute.sites import Site, sites_of
from analysis.patching.request import PARTS, Part, PatchingRequest
from tests.bench.costs import timed
from tests.support.studies import answered

TOKENS = (301, 1151)


def plain(models: list[LoadedModel], ids: list[int], part: Part) -> np.ndarray:
    """Logit differences [2, P] by receiver, from a run of the whole text each."""
    text = torch.tensor([ids])
    sites = [[each for each in sites_of(m.model, part).every if each is not None] for m in models]
    with torch.inference_mode():
        states = []
        for loaded, own in zip(models, sites, strict=True):
            kept: list[Tensor] = []
            hooks = [hook(site, lambda seen, kept=kept: kept.append(seen[0, -1])) for site in own]
            loaded.model(text, use_cache=False, logits_to_keep=1)
            for each in hooks:
                each.remove()
            states.append(kept)
        found = []
        for receiver, (loaded, own) in enumerate(zip(models, sites, strict=True)):
            rows = []
            for site, state in zip(own, states[1 - receiver], strict=True):
                handle = hook(site, lambda seen, state=state: replaced(seen, state))
                logits = loaded.model(text, use_cache=False, logits_to_keep=1).logits[0, -1]
                handle.remove()
                rows.append(float(logits[TOKENS[1]] - logits[TOKENS[0]]))
            found.append(rows)
    return np.array(found)


def hook(site: Site, do: Callable[[Tensor], Tensor | None]) -> Any:
    """A hook at a site of a Llama."""
    if site.enters:
        return site.module.register_forward_pre_hook(
            lambda _module, args: None if (other := do(args[0])) is None else (other, *args[1:])
        )

    def after(_module: Any, _args: Any, output: Any) -> Any:
        first = output[0] if isinstance(output, tuple) else output
        other = do(first)
        if other is None:
            return None
        return (other, *output[1:]) if isinstance(output, tuple) else other

    return site.module.register_forward_hook(after)


def replaced(states: Tensor, state: Tensor) -> Tensor:
    """States with another one at the last position."""
    return torch.cat([states[:, :-1], state[None, None]], dim=1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--part", choices=PARTS, default="stream")
    options = parser.parse_args()
    pool = ModelPool()
    pair = [resolve(DEMO_BASE), resolve(DEMO_TUNED)]
    models = [answered(pool.get(each)) for each in pair]
    words = models[0].tokenize("the cat sat on a mat and " * options.tokens).ids
    kept = len(models[0].tokenize("Write a story").ids)
    request = PatchingRequest(
        *pair,
        "Write a story",
        response_ids=words[: options.tokens - kept],
        tokens=TOKENS,
        part=options.part,
    )
    ids = [*models[0].tokenize(request.prompt).ids, *request.response_ids]
    ours, theirs = [], []
    for _ in range(options.times + 1):
        ours.append(timed(lambda: answered(patching(request, pool))))
        theirs.append(timed(lambda: plain(models, ids, options.part)))
    apart = np.abs(ours[0][0].patched.difference - theirs[0][0]).max()
    print(f"{len(ids)} tokens, {options.part}, {torch.get_num_threads()} threads")
    print("way      seconds  processor  ratio")
    best = {
        name: [min(each[place] for each in found[1:]) for place in (1, 2)]
        for name, found in (("ours", ours), ("plain", theirs))
    }
    for name, (wall, cpu) in best.items():
        print(f"{name:8} {wall:7.3f} {cpu:10.3f} {wall / best['ours'][0]:6.1f}")
    print(f"largest difference {apart:.1e}")


if __name__ == "__main__":
    main()
