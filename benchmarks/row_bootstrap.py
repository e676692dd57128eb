"""10,000 clustered bootstrap resamples over all published rows, on one core.

    python benchmarks/row_bootstrap.py [--resamples 10000]

Two statistics that need every row: the mean score, and the slope of the score on log10
parameters of all rows whose model has a size. Clusters are (publication, model) pairs, and both as
crossed factors. Prints the seconds of each and of all; the time to read the rows is not in them.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence

import numpy as np

from xlgap.analysis.stats.row_bootstrap import (
    bootstrap_rows,
    mean_columns,
    mean_of,
    slope_columns,
    slope_of,
)
from xlgap.published import load_scores
from xlgap.records import Score


def factors(rows: Sequence[Score], *, crossed: bool) -> list[list[object]]:
    """The clusterings of ``rows``."""
    if crossed:
        return [[r.publication for r in rows], [r.model for r in rows]]
    return [[(r.publication, r.model) for r in rows]]


def main() -> None:
    """Time each statistic and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resamples", type=int, default=10_000)
    wanted = parser.parse_args().resamples
    rows = load_scores()
    sized = [r for r in rows if r.params_total]
    log_size = np.array([math.log10(r.params_total) for r in sized if r.params_total])
    total = 0.0
    for crossed in (False, True):
        clusters = "publication x model, crossed" if crossed else "(publication, model) pairs"
        for name, of_rows, columns, statistic in (
            ("mean score", rows, mean_columns(np.array([r.value for r in rows])), mean_of),
            (
                "slope on log10 parameters",
                sized,
                slope_columns(log_size, np.array([r.value for r in sized])),
                slope_of,
            ),
        ):
            start = time.perf_counter()
            drawn = bootstrap_rows(
                columns,
                factors(of_rows, crossed=crossed),
                statistic,
                rng=np.random.default_rng(0),
                resamples=wanted,
            )
            seconds = time.perf_counter() - start
            total += seconds
            low, high = np.percentile(drawn, [2.5, 97.5])
            print(
                f"{name}, {len(of_rows):,} rows, clusters {clusters}: {len(drawn):,} resamples in "
                f"{seconds:.2f} s, 95% of them in [{low:.2f}, {high:.2f}]"
            )
    print(f"all four: {total:.2f} s")


if __name__ == "__main__":
    main()
