"""The report of a study as a reader has it: a folder of CSV files, read by pandas."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.studies.report import write_report
from analysis.studies.study import Study
from tests.support.studies import driven


class Report:
    """The tables of a written report, by name."""

    def __init__(self, study: Study, folder: Path) -> None:
        """Drives the study and writes its report."""
        self.findings = driven(study)[0]
        self.path = write_report(self.findings, folder)

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Only empty cells are missing: "none" is a word."""
        return pd.read_csv(self.path.parent / f"{name}.csv", keep_default_na=False, na_values=[""])


def population_deviation(values: pd.Series) -> float:
    """Divided by n."""
    return float(values.std(ddof=0))


def in_group(layers: pd.Series, group: str) -> pd.Series:
    """Which layers are in a group such as ``2-3``."""
    first, _, last = str(group).partition("-")
    return layers.between(int(first), int(last or first))
