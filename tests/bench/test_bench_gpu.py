"""The script that is prepared for a machine with a GPU runs: on the CPU, on a tiny shape."""

from __future__ import annotations

from tests.bench.bench_gpu import main


def test_it_measures_all_it_says_and_leaves_out_what_time_does_not_allow(capsys):
    main(["--shape", "tiny", "--device", "cpu", "--peers"])
    said = capsys.readouterr().out
    for figure in ("map, 8 × 12", "word pairs of 1 heads", "components of one", "states of 8 pro"):
        assert said.count(figure) == 2
    assert "bfloat16: weights of" in said
    main(["--shape", "tiny", "--device", "cpu", "--peers", "--minutes", "0"])
    assert "float32: left out" in capsys.readouterr().out
