"""A published score of a made model."""

from __future__ import annotations

from dataclasses import replace

from xlgap.records import Score


def published(arm: str, value: float, publication: str, **changes: object) -> Score:
    """One printed number; ``changes`` are of any other field."""
    regime = {"zero_shot_english": "direct_en", "in_language": "direct_tgt"}.get(arm, arm)
    made = Score(
        source="published", model="M-small", family="M", params_total=100, params_nonembedding=80,
        arm=arm, regime=regime, train_language="en", task="wikiann", language="avg", seed=None,
        metric="f1", value=value, publication=publication, seen_at="somewhere",
    )  # fmt: skip
    return replace(made, **changes)
