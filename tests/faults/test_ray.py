"""A study on a Ray cluster of two nodes on this machine, one of which is lost."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.test_sharing import OPTIONS, STUDY, home, tables
from tests.support.program import Home, outcome, wait_until

__all__ = ["home"]

pytestmark = pytest.mark.slow
utilities = pytest.importorskip("ray.cluster_utils", reason="ray is an extra")


@pytest.fixture
def cluster(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head with a core, and room for another node; its processes are of this home."""
    for name, value in home.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    made = utilities.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    yield made
    made.shutdown()


def on_ray(cluster: Any, name: str) -> tuple[str, ...]:
    return (*STUDY, *OPTIONS, "--cache-dir", name, "--out", name, "--ray", cluster.address)


def test_two_nodes_one_of_which_is_lost_make_the_tables_of_one_process(
    home: Home, cluster: Any
) -> None:
    assert home.run(*STUDY, *OPTIONS, "--cache-dir", "one", "--out", "one").status == 0
    alone = tables(home.work / "one")
    second = cluster.add_node(num_cpus=1)
    both = home.run(*on_ray(cluster, "two"))
    assert both.status == 0, both.errors
    assert tables(home.work / "two") == alone
    process = home.start(*on_ray(cluster, "three"))
    cases = home.work / "three"
    wait_until(lambda: any(cases.rglob("*.db")) and stored(home, "three") > 4, "some answers")
    cluster.remove_node(second, allow_graceful=False)
    left = outcome(process)
    assert left.status == 0, left.errors
    assert tables(home.work / "three") == alone


def stored(home: Home, name: str) -> int:
    """How many results a cache has."""
    shown = home.run("cache", "list", "--cache-dir", name, "--json")
    return len(json.loads(shown.output)) if shown.status == 0 else 0


def test_ctrl_c_leaves_no_actor_and_no_cluster_is_said(home: Home, cluster: Any) -> None:
    import ray

    process = home.start(*on_ray(cluster, "four"))
    wait_until(lambda: (home.work / "four").is_dir() and stored(home, "four") > 1, "an answer")
    process.send_signal(signal.SIGINT)
    stopped = outcome(process)
    assert stopped.status == 130, stopped.errors
    assert "The same command goes on from here." in stopped.errors
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        whole = ray.cluster_resources()["CPU"]
        wait_until(lambda: ray.available_resources().get("CPU") == whole, "all cores to be free")
    finally:
        ray.shutdown()
    nowhere = home.run(*STUDY, *OPTIONS, "--ray", "127.0.0.1:9")
    assert nowhere.status == 2
    assert "No Ray cluster answers at 127.0.0.1:9." in nowhere.errors
