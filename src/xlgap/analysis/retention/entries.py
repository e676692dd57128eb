"""The retention matrix as rows: every entry of every model, beside the one just after its own phase."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from xlgap.analysis.retention.learned import Runs, none_learned, runs_at_chance
from xlgap.analysis.retention.matrix import (
    ENGLISH,
    Compared,
    Entry,
    RetentionData,
    change,
    corrected_ratio,
    untrained,
)
from xlgap.analysis.retention.rows import MLM, RetentionRow
from xlgap.analysis.rows import AVERAGE


def retention_rows(data: RetentionData) -> list[RetentionRow]:
    """Every entry of every matrix: in each language, and on the mean of those other than English."""
    found = []
    dead = _not_learned(data)
    for entry, by_language in sorted(data.table.items()):
        others = sorted(set(by_language) - {ENGLISH})
        for language, codes in [*((c, [c]) for c in sorted(by_language)), (AVERAGE, others)]:
            if codes:
                found.append(_row(data, entry, language, codes, dead))
    return found


def _not_learned(data: RetentionData) -> set[Entry]:
    """Entries just after a task's own phase that no seed has learned, or none of any model."""
    alike: dict[tuple[str, str, str, str], dict[Entry, Runs]] = defaultdict(dict)
    for entry, by_language in data.table.items():
        own = next(iter(next(iter(by_language.values())).values())).own
        if entry.task != MLM and entry.head != "untrained" and entry.phase == own:
            codes = [ENGLISH] if ENGLISH in by_language else sorted(by_language)
            runs = runs_at_chance(data, entry, codes)
            alike[entry.arm, entry.target, entry.task, entry.head][entry] = runs
    return {
        entry
        for of_models in alike.values()
        for entry, runs in of_models.items()
        if runs.whole or none_learned(of_models.values())
    }


def _row(
    data: RetentionData, entry: Entry, language: str, codes: Sequence[str], dead: Collection[Entry]
) -> RetentionRow:
    first = next(iter(data.table[entry][codes[0]].values()))
    chance = [s.chance for code in codes for s in data.table[entry][code].values()]
    known = [level for level in chance if level is not None]
    value = data.mean(entry, codes)
    assert value is not None, entry
    own = entry._replace(phase=first.own)
    compared = entry.head != "untrained" and entry.phase >= first.own and own in data.table
    later = compared and entry.phase > first.own
    moved = change(data, entry, own, codes) if later else None
    share = corrected_ratio(data, [Compared(entry, own, codes)]) if later else None
    random = untrained(entry)
    probed = entry.head == "probe" and random in data.table
    return RetentionRow(
        source="measured",
        model=entry.model,
        family=first.family,
        params_total=first.params_total,
        params_nonembedding=first.params_nonembedding,
        arm=entry.arm,
        regime=first.regime,
        target=entry.target,
        task=entry.task,
        language=language,
        split=first.split,
        head=entry.head,
        own=first.own,
        phase=entry.phase,
        after=first.after,
        final=first.final,
        metric=first.metric,
        value=value,
        chance=float(np.mean(known)) if known and len(known) == len(chance) else None,
        before=data.mean(own, codes) if compared else None,
        change=None if moved is None else moved.value,
        stderr=None if moved is None else moved.stderr,
        ratio=None if share is None else share.value,
        untrained=data.mean(random, codes) if probed else None,
        not_learned=own in dead,
        seeds=len(data.table[entry][codes[0]]),
    )
