"""What the rows answer to the five questions, and what they do not.

Questions: 1 does target-language intermediate training beat English, and how does that move with size;
2 is transfer to distant languages more robust in larger models; 3 the same as 1 for training on the
target task itself; 4 is the intermediate task retained; 5 do several intermediate tasks add up.
An answer that the data cannot support says so and why; an estimate that exists is still shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xlgap.analysis.bootstrap import interval
from xlgap.analysis.rows import Answer, Estimate, Scale
from xlgap.analysis.scaling import (
    FEWEST_MODELS,
    Regression,
    bootstrap_slopes,
    correlation,
    meta_regression,
)
from xlgap.analysis.study import PARTS, Measured, Study
from xlgap.analysis.words import number, short_number

LAB_SENTENCE = (
    "The lab is a test of the system with made data and tiny models, and no evidence on models of "
    "100M to 175B parameters."
)
PRETRAINING = (
    "Each size was pretrained once: the intervals of single models and the bootstrap leave out the "
    "variance of pretraining; the meta-regression has it only as scatter about its line."
)
MORE_ROBUST = "A loss or gap that falls with size means transfer that is more robust."
ADD_UP = (
    "A part of G_direct, over its tasks: in each model G_direct is G_native minus the gain of English "
    "intermediate training; slopes, each weighted by its own errors, need not add up."
)
NO_COVARIATES = (
    "The slope over distance has no covariates: languages differ also in amount of pretraining text, "
    "in script and in how finely they are split into sub-words, which go along with distance."
)

SIZES = (("params_total", "total"), ("params_nonembedding", "non-embedding"))
UNITS: dict[Scale, str] = {
    "raw": "points",
    "chance_corrected": "chance-corrected points",
    "log_odds": "log-odds",
}
MEASURED = {
    1: (("inter", "G_inter (target-language minus English intermediate training)"),),
    2: (
        ("distance", "loss of zero-shot score for 0.1 more of syntactic distance (direct_en)"),
        (
            "robustness",
            "the same loss under English intermediate training minus without (intermediate_en - "
            "direct_en)",
        ),
        ("transfer", "transfer gap (English minus mean of the others, parallel tasks, direct_en)"),
    ),
    3: (
        ("direct", "G_direct (target-language data minus English intermediate training)"),
        ("native", "G_native (in-language minus zero-shot)"),
        ("english_gain", "gain of English intermediate training (minus none)"),
    ),
}
"""For each question the gaps that answer it; the first is the primary one."""

NEEDS = {
    "inter": "It needs an intermediate_tgt arm and an intermediate_en arm with the same intermediate "
    "tasks, and a task that is not at chance for every model.",
    "direct": "It needs a direct_tgt and an intermediate_en arm, and a task not at chance.",
    "native": "It needs a direct_tgt and a direct_en arm, and a task not at chance; beside G_direct, "
    "on all of its tasks.",
    "english_gain": "It needs the arms intermediate_en, direct_en and direct_tgt, and a task not at "
    "chance, on all tasks of G_direct.",
    "transfer": "It needs a direct_en arm on a parallel task with English that is not at chance.",
    "distance": "It needs a direct_en arm on a parallel task, not at chance, with at least five "
    "languages beside English.",
    "robustness": "It needs an intermediate_en and a direct_en arm on a parallel task, not at chance, "
    "with at least five languages beside English.",
}
"""What a study must have for each gap."""

NOT_RUN = {
    4: "Not run in this study: retention needs the intermediate task scored again after the target "
    "task.",
    5: "Not run in this study: it has no arm that combines intermediate tasks (joint or sequential).",
}


@dataclass(frozen=True, kw_only=True)
class Series:
    """One estimate a model of one quantity, in order of size: what a slope is fitted to."""

    question: int
    key: str
    quantity: str
    unit: str
    estimates: tuple[Estimate, ...]
    figure: str
    proxy: bool = False
    draws: tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], ...] = ()
    notes: tuple[str, ...] = ()
    confidence: float = 0.95
    variance: str = "items and seeds"


def measured_answers(study: Study, measured: Measured) -> list[Answer]:
    """Answers to questions 1-3 from a study's own scores; 4 and 5 are marked as not run."""
    found: list[Answer] = []
    for question, gaps in MEASURED.items():
        for gap, quantity in gaps:
            for scale in ("raw", "chance_corrected") if question != 2 else ("raw",):
                found += series_answers(
                    _series(study, measured, question, gap, quantity, scale),
                    brief=scale != "raw",
                )
    notes = _notes(study, measured)
    found = [_with_notes(a, notes) for a in found]
    lab = [LAB_SENTENCE] if study.source == "lab" else []
    for question, reason in NOT_RUN.items():
        answer = Answer(
            question=question,
            quantity="not measured",
            source="measured",
            reason=reason,
            key=f"{question}.none",
        )
        found.append(_with_notes(answer, lab))
    return found


def _series(
    study: Study, measured: Measured, question: int, gap: str, quantity: str, scale: Scale
) -> Series:
    points = sorted(
        (e for e in measured.estimates if (e.gap, e.task, e.scale) == (gap, "mean", scale)),
        key=lambda e: (e.params_total or 0, e.model),
    )
    drawn = [measured.draws.get((gap, "mean", scale, e.model)) for e in points]
    notes = [] if points else [NEEDS[gap]]
    if points:
        notes.append(points[0].note[0].upper() + points[0].note[1:] + ".")
    beside_direct = any((e.gap, e.task) == ("direct", "mean") for e in measured.estimates)
    if points and gap in PARTS and beside_direct:
        notes.append(ADD_UP)
    if question == 2:
        notes.append(MORE_ROBUST)
    if gap in {"distance", "robustness"}:
        notes.append(NO_COVARIATES)
    notes += _other_data(study, measured, gap)
    if measured.partial.get(gap):
        notes.append(f"Left out for missing cells: {', '.join(measured.partial[gap])}.")
    return Series(
        question=question,
        key=f"{question}.{gap}" + ("" if scale == "raw" else f".{scale}"),
        quantity=quantity,
        unit=UNITS[scale],
        estimates=tuple(points),
        figure=f"{gap}.svg",
        draws=tuple(d for d in drawn if d is not None) if all(d is not None for d in drawn) else (),
        notes=tuple(notes),
        confidence=study.confidence,
    )


def _other_data(study: Study, measured: Measured, gap: str) -> list[str]:
    """A sentence where target-language training data need not be the English data in translation."""
    if gap not in {"native", "direct"}:
        return []
    tasks = sorted(
        {e.task for e in measured.estimates if e.gap == gap and e.task != "mean"} - measured.hopeless
    )
    apart = [task for task in tasks if not study.tasks[task].parallel]
    if not apart:
        return []
    return [
        f"Language + domain: on {', '.join(apart)} the target-language data need not be the English "
        "data in translation, so the gap is not one of language alone."
    ]


def _notes(study: Study, measured: Measured) -> list[str]:
    """Sentences that hold for every measured answer."""
    notes = []
    if study.missing:
        notes.append(f"Partial: cells of the grid without scores: {len(study.missing)}.")
    if measured.hopeless:
        notes.append(
            "At chance in English for every model and left out: "
            f"{', '.join(sorted(measured.hopeless))}."
        )
    for at_chance, said in (
        (True, "At chance in English, where a gap is small by itself"),
        (None, "Not known to be above chance in English"),
    ):
        some = sorted(
            f"{e.model} on {e.task} ({e.arm})"
            for e in measured.english
            if e.metric == study.primary[e.task]
            and e.at_chance is at_chance
            and e.task not in measured.hopeless
            and e.model not in study.controls
        )
        if some:
            notes.append(f"{said}: {', '.join(some)}.")
    proxies = [f"{t} on {i.proxy_train}" for t, i in study.tasks.items() if i.proxy_train]
    if proxies:
        notes.append(f"Trained by proxy: {', '.join(sorted(proxies))}.")
    if measured.collapsed:
        runs = ", ".join(f"{c.model}/{c.arm}/{c.task} seed {c.seed}" for c in measured.collapsed)
        notes.append(f"Collapsed runs are counted: {runs}.")
    if any(e.seeds == 1 for e in measured.estimates):
        notes.append("One seed: the interval of a single model leaves out the variance of training.")
    notes.append(PRETRAINING)
    if study.source == "lab":
        notes.append(LAB_SENTENCE)
    return notes


def _with_notes(answer: Answer, notes: Sequence[str]) -> Answer:
    return replace(answer, reason=" ".join(s for s in (answer.reason, *notes) if s))


def series_answers(series: Series, *, brief: bool = False) -> list[Answer]:
    """Slope against both sizes, correlation, and bootstrap slope of one series.

    ``brief`` keeps the slopes only.
    """
    if not series.estimates:
        return [slope_answer(series, *SIZES[0])]
    slopes = [slope_answer(series, field, word) for field, word in SIZES]
    if brief or len(series.estimates) < 3:
        return slopes
    more = [correlation_answer(series)]
    if series.draws:
        more.append(conditional_answer(series))
    return [*slopes, *more]


def slope_answer(series: Series, size_field: str, size_word: str) -> Answer:
    """The primary slope: meta-regression of one estimate a model on log10 parameters."""
    usable = [e for e in series.estimates if getattr(e, size_field)]
    base = replace(
        _base(series, usable, size_field),
        key=f"{series.key}.slope.{size_field}",
        quantity=f"change of {series.quantity}, {series.unit} for ten times the {size_word} parameters",
    )
    fit = fit_line(usable, size_field, confidence=series.confidence)
    if fit is None:
        return replace(base, reason=_too_few(usable, size_field) + base.reason, method="none")
    weights = (
        f"random-effects meta-regression (REML, tau2 = {fit.tau2:.3g}, Knapp-Hartung t "
        f"interval, {fit.df} degrees of freedom), one estimate a model with its variance over "
        f"{series.variance}"
        if fit.weighted
        else f"least squares with t interval ({fit.df} degrees of freedom), one estimate a model, "
        "equal weights because standard errors are not known"
    )
    enough = fit.n >= FEWEST_MODELS
    base = replace(base, reason=f"{base.reason} {_short_range(base)}".strip())
    return replace(
        base,
        estimate=fit.slope,
        ci_low=fit.ci_low,
        ci_high=fit.ci_high,
        method=weights,
        supported=enough,
        reason=base.reason if enough else _too_few(usable, size_field) + base.reason,
    )


def fit_line(
    estimates: Sequence[Estimate], size_field: str, *, confidence: float = 0.95
) -> Regression | None:
    """The line through one estimate a model, or ``None`` where there are too few sizes."""
    usable = [e for e in estimates if getattr(e, size_field)]
    x = [math.log10(getattr(e, size_field)) for e in usable]
    if len(usable) < 3 or len(set(x)) < 3:
        return None
    errors = [e.stderr for e in usable]
    variances = None if None in errors else [e * e for e in errors if e is not None]
    return meta_regression([e.value for e in usable], variances, x, confidence=confidence)


def correlation_answer(series: Series) -> Answer:
    """Correlation with log10 total parameters."""
    usable = [e for e in series.estimates if e.params_total]
    base = replace(
        _base(series, usable, "params_total"),
        key=f"{series.key}.correlation.params_total",
        quantity=f"correlation of {series.quantity} with log10 total parameters",
        method="Pearson",
    )
    x = [math.log10(e.params_total) for e in usable if e.params_total]
    y = [e.value for e in usable]
    if len(usable) < 3 or len(set(x)) < 3 or len(set(y)) < 2:
        return replace(base, reason=_too_few(usable, "params_total") + base.reason)
    found = correlation(x, y, confidence=series.confidence)
    enough = found.ci_low is not None
    pearson, spearman = (
        "" if p is None else f" (exact permutation p = {p:.3f})" for p in (found.r_p, found.rho_p)
    )
    return replace(
        base,
        estimate=found.r,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        method=f"Pearson with Fisher's z interval{pearson}; Spearman {number(found.rho, 2)}{spearman}",
        supported=enough,
        reason=base.reason
        if found.ci_low is not None
        else _too_few(usable, "params_total") + base.reason,
    )


def conditional_answer(series: Series) -> Answer:
    """Bootstrap slope over items and seeds, conditional on the checkpoints."""
    usable = [e for e in series.estimates if e.params_total]
    x = [math.log10(e.params_total) for e in usable if e.params_total]
    base = replace(
        _base(series, usable, "params_total"),
        key=f"{series.key}.bootstrap.params_total",
        quantity=f"change of {series.quantity}, {series.unit} for ten times the total parameters, "
        "conditional on these checkpoints",
    )
    fit = fit_line(usable, "params_total", confidence=series.confidence)
    if fit is None or len(usable) < len(series.estimates) or len(series.draws) < len(usable):
        return replace(base, method="none", reason=_too_few(usable, "params_total") + base.reason)
    slopes = bootstrap_slopes(series.draws, x, fit.weights)
    low, high = interval(slopes, series.confidence)
    return replace(
        base,
        estimate=fit.slope,
        ci_low=low,
        ci_high=high,
        method=f"hierarchical bootstrap, {len(slopes)} resamples of item clusters (paired over models, "
        "arms and parallel languages) and of seeds, models weighted as in the meta-regression; "
        "conditional on these checkpoints: it says nothing of other models of the same sizes",
        supported=True,
    )


def _base(series: Series, usable: Sequence[Estimate], size_field: str) -> Answer:
    sizes = [getattr(e, size_field) for e in usable]
    return Answer(
        question=series.question,
        quantity=series.quantity,
        source=series.estimates[0].source if series.estimates else "measured",
        models=tuple(e.model for e in usable),
        size_range=(min(sizes), max(sizes)) if sizes else None,
        n=len(usable),
        proxy=series.proxy,
        reason=" ".join(series.notes),
        figure=series.figure if usable else None,
    )


def _short_range(answer: Answer) -> str:
    """A sentence where the sizes span less than the factor of ten that a slope is given for."""
    low, high = answer.size_range or (1, 10)
    if high >= 10 * low:
        return ""
    return (
        f"The sizes span a factor of {high / low:.1f} ({short_number(low)} to {short_number(high)}): "
        "the change for ten times is extrapolated."
    )


def _too_few(usable: Sequence[Estimate], size_field: str) -> str:
    sizes = len({getattr(e, size_field) for e in usable})
    if not usable:
        return "Not measured: no model has this quantity. "
    return (
        f"Not sufficient: {len(usable)} models of {sizes} sizes; a trend with size needs at least "
        f"{FEWEST_MODELS} models of 3 sizes. "
    )
