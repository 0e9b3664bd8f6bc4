"""Counts for METHODS 7: ``python -m tests.families [TYPE ...]``.

Tries every type of transformers' causal language models, or those named, and prints a line for each
and what they come to.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict

import torch
import transformers

from tests.families.family import Family, Outcome, asked_of_an_outsider
from tests.families.models import NAMES, TYPES, tiny
from tests.families.outside import CANNOT_RUN, SEES_AHEAD

# The worst of several outcomes is what is said of a type.
_WORST_FIRST = ("fault", "wrong", "refused", "exact")


def main() -> int:
    """Try the types; 1 where one is wrong or raises what nobody said in words."""
    parser = argparse.ArgumentParser(prog="python -m tests.families", description=__doc__)
    parser.add_argument("types", nargs="*", metavar="TYPE", help="all unless named")
    names = parser.parse_args().types or NAMES
    transformers.logging.set_verbosity_error()
    states: dict[str, str] = {}
    refusals: dict[str, list[str]] = defaultdict(list)
    for name in names:
        states[name], outcomes = tried(name)
        worst = {each: state_of(several).state for each, several in outcomes.items() if several}
        print(f"{name:36} {states[name]:20}", *(f"{each} {worst[each]}" for each in worst))
        for each, several in outcomes.items():
            said = state_of(several) if several else None
            if said is not None and said.state != "exact":
                print(f"    {each}: {said.detail[:160]}")
            if said is not None and said.state == "refused":
                refusals[said.detail].append(name)
        sys.stdout.flush()
    print_counts(states, refusals)
    return int(any(state in ("wrong", "fault") for state in states.values()))


def tried(name: str) -> tuple[str, dict[str, list[Outcome]]]:
    """What is to be said of a type, and all that was compared."""
    if name in CANNOT_RUN or name in SEES_AHEAD:
        try:
            model = tiny(name)
        except Exception:
            return "cannot be built", {}
        outcomes = {each: [one] for each, one in asked_of_an_outsider(model).items()}
    else:
        outcomes = Family(name).outcomes()
    return worst_of(outcomes), outcomes


def worst_of(outcomes: dict[str, list[Outcome]]) -> str:
    """The worst state there is."""
    return state_of([each for several in outcomes.values() for each in several]).state


def state_of(outcomes: list[Outcome]) -> Outcome:
    """The worst outcome."""
    return min(outcomes, key=lambda each: _WORST_FIRST.index(each.state))


def print_counts(states: dict[str, str], refusals: dict[str, list[str]]) -> None:
    """How many are what, the variants of a type apart."""
    types = [name for name in states if name in TYPES]
    counts = Counter(states[name] for name in types)
    running = [name for name in types if name not in CANNOT_RUN]
    causal = [name for name in running if name not in SEES_AHEAD]
    print(f"\ntransformers {transformers.__version__}, torch {torch.__version__}")
    print(f"{len(types)} model types, and {len(states) - len(types)} variants of some")
    print(f"{len(running)} run on token ids alone, {len(causal)} of those are causal")
    for state, count in counts.most_common():
        named = "" if state == "exact" else f": {', '.join(t for t in types if states[t] == state)}"
        print(f"{count} {state}{named}")
    for words, names in refusals.items():
        print(f"refused ({', '.join(dict.fromkeys(names))}): {words}")


if __name__ == "__main__":
    raise SystemExit(main())
