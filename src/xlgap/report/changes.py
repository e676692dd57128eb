"""What would change an answer, derived from the answer itself and from the points behind it.

Each sentence is a calculation: how many models an interval would need to leave out 0, whether one model
alone carries a trend, whether more models or more seeds would narrow it, where the sizes end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

from xlgap.analysis.answers.series import curve_of, fit_line
from xlgap.analysis.counted import counted
from xlgap.analysis.published.answers import published_series
from xlgap.analysis.result import Analysis
from xlgap.analysis.rows import AVERAGE, Answer, Estimate
from xlgap.analysis.scaling import FEWEST_MODELS
from xlgap.analysis.words import BENT, interval_words, number, short_number, trend
from xlgap.records import Source

MOST = 100
"""Models beyond which a study that would show a trend is not worth naming."""
FEW_LANGUAGES = 4
LED_BY_LEVELS = (4, 5)
"""Questions that ask whether something is there, before how it goes with size."""
SIZE = "params_total"


def what_would_change(analysis: Analysis, question: int, source: Source) -> tuple[str, ...]:
    """Sentences on the first slope of one source; none where nothing was estimated."""
    found = [a for a in analysis.answers if (a.question, a.source) == (question, source)]
    slopes = [a for a in found if _is_of_a_gap(a)]
    if not slopes:
        return ()
    first = next((a for a in slopes if a.supported), None)
    if first is None:
        return (_more_models(slopes[0]),) if slopes[0].n else ()
    points = _points(analysis, first)
    level = _beside(found, first, "level") if question in LED_BY_LEVELS else None
    said = [
        "" if level is None else _level_not_shown(level, analysis.confidence),
        _of_change(first, points, analysis.confidence),
        _models_or_errors(points, analysis.confidence),
        _seeds(found, first),
        "" if level is None else _refitted(found, first, "mean"),
        _refitted(found, first, "change"),
        _beyond(first, _languages(analysis, first)),
    ]
    return tuple(sentence for sentence in said if sentence)


def _is_of_a_gap(answer: Answer) -> bool:
    """Whether it is the slope of one estimate a model, in points: ``1.inter.slope.params_total``."""
    gap = r"\w+" if answer.source == "measured" else ".+"
    return re.fullmatch(rf"\d\.{gap}\.slope\.{SIZE}", answer.key) is not None


def _points(analysis: Analysis, answer: Answer) -> list[Estimate]:
    """The estimates, one a model, that a slope was fitted to."""
    stem = answer.key.split(".slope.")[0]
    if answer.source == "published":
        series = published_series(
            analysis.published_gaps, analysis.published_slopes, analysis.distances
        )
        return [e for s in series if s.key == stem for e in s.estimates if e.params_total]
    gap = stem.split(".")[1]
    return [
        e
        for e in analysis.estimates
        if (e.gap, e.task, e.scale) == (gap, "mean", "raw") and e.params_total
    ]


def _more_models(answer: Answer) -> str:
    lacking = FEWEST_MODELS - answer.n
    if lacking <= 0:
        return f"Models of other sizes would: {answer.n} models of at least 3 sizes give a trend."
    more = counted(lacking, "more model")
    return f"{more} with both arms, of at least 3 sizes in all, would give a trend."


def _of_change(answer: Answer, points: Sequence[Estimate], confidence: float) -> str:
    """What would turn the change with size that is told, or tell one."""
    if BENT in answer.reason:
        return (
            f"The change is not along a straight line: other sizes than these {answer.n} would tell "
            "better where it levels off."
        )
    if trend(answer) in {"grows", "falls"}:
        return _shown(answer, points, confidence)
    return _not_shown(answer, confidence)


def _shown(answer: Answer, points: Sequence[Estimate], confidence: float) -> str:
    """Whether a trend stays when any one model is left out; nothing where too few would be left."""
    if len(points) <= FEWEST_MODELS:
        return ""
    found = trend(answer)
    lost = []
    for left_out in points:
        fit = fit_line([p for p in points if p is not left_out], SIZE, confidence=confidence)
        if fit is None:
            return ""
        low, high = fit.widest
        if (low > 0) if found == "grows" else (high < 0):
            continue
        lost.append(f"{left_out.model} {interval_words(low, high, 2)}")
    if not lost:
        return f"No one model carries it: with any of the {len(points)} left out it still {found}."
    return (
        f"It rests on single models: without {_listed(lost)} the interval holds 0, so that one more "
        "model could turn it."
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", or without ".join(names[:3])
    rest = len(names) - 3
    more = "one other" if rest == 1 else f"one of {rest} others"
    return shown if rest <= 0 else f"{shown}, or without {more}"


def _not_shown(answer: Answer, confidence: float) -> str:
    """How many models would show a change of the estimated size, with the scatter that there is."""
    if answer.estimate is None or answer.ci_low is None or answer.ci_high is None:
        return ""
    if answer.known_low is not None:
        return (
            "These models scatter by luck less than their known errors allow, "
            f"{interval_words(answer.known_low, answer.known_high, 2)} for the change: smaller errors "
            "of single models would tell it from none first."
        )
    half = (answer.ci_high - answer.ci_low) / 2
    needed = models_needed(abs(answer.estimate), half, answer.n, confidence=confidence)
    if needed is None:
        return (
            f"Even {MOST} models with this scatter would not tell so small a change from none; a "
            f"change outside {interval_words(answer.ci_low, answer.ci_high, 2)} is already ruled out."
        )
    return (
        f"With this scatter a change as large as the estimate would be shown by about {needed} models "
        f"of as widely spread sizes, in place of {answer.n}."
    )


def _level_not_shown(answer: Answer, confidence: float) -> str:
    """How many models would show that a mean over models is not 0; nothing where it is shown."""
    shown = trend(answer) in {"above 0", "below 0"}
    if shown or answer.estimate is None or answer.ci_low is None or answer.ci_high is None:
        return ""
    half = (answer.ci_high - answer.ci_low) / 2
    needed = models_needed(abs(answer.estimate), half, answer.n, confidence=confidence)
    if needed is None:
        return f"Even {MOST} models with this scatter would not tell so small a mean from 0."
    return (
        f"With this scatter a mean as large as the estimate would be told from 0 by about {needed} "
        f"models, in place of {answer.n}."
    )


def models_needed(estimate: float, half: float, n: int, *, confidence: float = 0.95) -> int | None:
    """Models from which on an interval of a slope would leave out 0; ``None`` above :data:`MOST`.

    The standard error behind ``half``, the half-width with ``n`` models, shrinks with the root of the
    number of models; the t quantile of n - 2 degrees of freedom shrinks, too. A plan, no promise: it
    takes the estimate for the truth.

    >>> models_needed(2.0, 3.0, 6)
    10
    """
    from scipy.stats import t as student

    if n < 3 or estimate <= 0:
        return None
    stderr = half / float(student.ppf((1 + confidence) / 2, n - 2))
    for models in range(n, MOST + 1):
        quantile = float(student.ppf((1 + confidence) / 2, models - 2))
        if quantile * stderr * math.sqrt(n / models) < estimate:
            return models
    return None


def _models_or_errors(points: Sequence[Estimate], confidence: float) -> str:
    """Whether scatter between models or error over items and seeds makes the interval so wide."""
    fit = fit_line(points, SIZE, confidence=confidence)
    if fit is None or not fit.weighted:
        return ""
    within = sum((p.stderr or 0.0) ** 2 for p in points) / len(points)
    curve = curve_of(points, SIZE)
    between = fit.tau2 if curve is None else max(0.0, curve.sd**2 - within)
    about = "line" if curve is None else "curve"
    share = between / (between + within)
    if share > 0.5:
        return (
            f"{100 * share:.0f}% of the scatter about the {about} is between models, beyond items and "
            "seeds: more models narrow it, more seeds hardly."
        )
    single = any(p.seeds == 1 for p in points)
    seeds = "a second seed would show how much is training" if single else "more seeds narrow it, too"
    return f"Items and seeds explain most of the scatter about the {about}: {seeds}."


def _beside(found: Sequence[Answer], slope: Answer, statistic: str) -> Answer | None:
    """The supported answer that stands behind a slope, of another statistic of the same gap."""
    stem = f"{slope.key.split('.slope.')[0]}.{statistic}"
    return next((a for a in found if a.supported and a.key in {stem, f"{stem}.{SIZE}"}), None)


def _seeds(found: Sequence[Answer], slope: Answer) -> str:
    """The gap that the seeds of one model would show."""
    answer = _beside(found, slope, "seeds")
    if answer is None:
        return ""
    advice = re.search(r"chi-square\); (.*); items", answer.method)
    return (
        f"By its seeds one model alone would show a gap from {number(answer.estimate)} "
        f"{answer.quantity.rpartition(', ')[2]} on (80% power){f'; {advice[1]}' if advice else ''}."
    )


def _refitted(found: Sequence[Answer], slope: Answer, what: Literal["mean", "change"]) -> str:
    """Where the slope, or the mean over models, goes when a part of the study is left out."""
    answer = _beside(found, slope, "sensitivity.level" if what == "mean" else "sensitivity")
    if answer is None:
        return ""
    refits = re.search(r" again in (\d+ refits?), ", answer.method)
    return (
        f"Over {refits[1] if refits else 'refits'} the {what} goes {answer.method.partition(': ')[2]}."
    )


def _languages(analysis: Analysis, answer: Answer) -> list[str]:
    gap = answer.key.split(".")[1]
    if answer.source == "published":
        return []
    return sorted({r.language for r in analysis.gaps if r.gap == gap} - {AVERAGE})


def _beyond(answer: Answer, languages: Sequence[str]) -> str:
    """Where the sizes end, and how few languages it is over."""
    if answer.size_range is None:
        return ""
    said = f"Nothing was measured beyond {short_number(answer.size_range[1])} parameters"
    if 0 < len(languages) < FEW_LANGUAGES:
        said += f", nor in languages other than {', '.join(languages)}"
    return f"{said}: models there could answer otherwise."
