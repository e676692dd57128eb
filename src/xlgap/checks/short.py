"""Short tagged sentences that a test set has in common with its training set.

One alone tells nothing: "Thank you ." is written again and again. A lot of them does: how many recur by
nature was counted in the release files, and a test set that shares many more was copied from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SHORT = 40
"""Characters from which a tagged sentence should not recur; shorter ones do."""
MEASURED: Mapping[tuple[str, str], float] = {
    ("udpos", "uk"): 0.176,
    ("udpos", "el"): 0.098,
    ("udpos", "fa"): 0.091,
    ("udpos", "ar"): 0.088,
    ("udpos", "en"): 0.068,
    ("udpos", "id"): 0.063,
    ("udpos", "nl"): 0.057,
}
"""Share of the short test sentences that stand in the training rows, by task and language, where it is
above 0.05; see ``docs/leakage.md``."""
COMMON = 0.1
"""Largest share elsewhere: twice 0.05. Files with more training rows share more."""
FEW = 5
"""As many are let pass in any case: of a few test rows a share says little."""
COLUMNS: Mapping[str, str] = {
    "short_known": f"at most a tenth of the test sentences under {SHORT} characters (twice what was "
    "measured, where that is more) stand in training data"
}
"""What the language table counts of tagging tasks, and what is asked for."""


def allowed(task: str, language: str, short: int) -> int:
    """How many of ``short`` test sentences may recur: twice the measured share, at least a tenth."""
    return max(FEW, int(max(COMMON, 2 * MEASURED.get((task, language), 0)) * short))


def too_many(task: str, language: str, short: int, known: Sequence[str]) -> list[str]:
    """``known``, ids of the short test rows that stand in training data, where there are too many."""
    return list(known) if len(known) > allowed(task, language, short) else []
