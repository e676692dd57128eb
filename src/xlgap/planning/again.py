"""How much arithmetic it is to score earlier tasks again: forward passes alone."""

from __future__ import annotations

from xlgap.config import Params
from xlgap.planning.figures import ModelFigures
from xlgap.planning.work import (
    UNKNOWN,
    Manifests,
    Work,
    predict_flops,
    predicted_rows,
    split_rows,
    total,
)
from xlgap.retained import Retained, scored_splits


def again_work(
    found: Retained, params: Params, figures: ModelFigures, manifests: Manifests | None = None
) -> Work:
    """One seed of a cell: heads and probes of each earlier task, and the masked loss.

    After pretraining and after each phase all is read once more; a probe also reads the rows that it is
    fitted to, and all of it once more of an untrained encoder. To fit it costs little.
    """
    asked = params.evaluation.retention
    assert asked is not None, found
    warm = found.cell.arm.warm_phases
    points = 1 + len(warm) + len(found.cell.phases)
    parts = []
    for name in found.tasks:
        own = max(number for number, phase in enumerate(warm, 1) if name in phase.tasks)
        passes = points - own + (points + 1 if asked.probe_rows else 0)
        for code, split in scored_splits(name, params).items():
            rows = split_rows(name, split, code, params, manifests)
            if rows is None:
                return UNKNOWN
            rows = min(rows, asked.rows) * passes
            parts.append(predicted_rows(name, split, code, rows, params, figures, manifests))
        probed = asked.probe_rows * (points + 1)
        parts.append(predicted_rows(name, "train", "en", probed, params, figures, manifests))
    languages = asked.languages or params.languages.evaluation
    lines = asked.mlm_lines * len(set(languages) & set(params.languages.pretraining)) * points
    length = params.pretrain.sequence_length
    flops = predict_flops(figures, tokens=lines * length, length=length)
    return total([*parts, Work(rows=lines, tokens=lines * length, flops=flops)])
