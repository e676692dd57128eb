"""The rows that the analysis makes: gaps, one estimate a model, answers.

All are frozen and hold plain values, so that they go to CSV and JSON as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from xlgap.records import Source
from xlgap.regimes.base import ArmSpec

Scale = Literal["raw", "chance_corrected", "log_odds", "error_reduction"]
SCALES: tuple[Scale, ...] = ("raw", "chance_corrected", "log_odds", "error_reduction")
COMBINED = (
    *("joint", "sequential", "best_single"),
    *("joint_sequential", "joint_best", "sequential_best"),
)
"""Gaps of question 5: several intermediate tasks against none, or against each other."""

ENGLISH = "_english"
"""Ends the name of a gap that is taken in English alone, the language of training."""

MATCHED = {"_equal_steps": "at equal steps", "_equal_tokens": "at equal tokens"}
"""What ends the name of a gap between arms that were given the same extra compute, and its words."""

UNEQUAL = (
    *("direct", "english_gain", "few_gain"),
    *("joint", "sequential", "best_single", "joint_best", "sequential_best"),
)
"""Gaps one arm of which is trained longer than the other, unless both were given the same compute."""

PARTS = ("native", "english_gain")
"""What G_direct is the difference of: beside it, both are means over its tasks and languages."""

SINGLE = ("gain", "mlm", "translated")
"""Gaps of one English intermediate task: against none, and of its variants against it."""

_MEASURED = (
    *("inter", "direct", "native", "english_gain", "transfer", "few_gain"),
    *COMBINED,
    *SINGLE,
)
GAPS = (
    "translate_train",
    *(f"{gap}{matched}" for matched in ("", *MATCHED) for gap in _MEASURED),
)
"""Gaps that have rows by language, seed and scale."""

ArmInfo = ArmSpec
"""What pairing needs to know of an arm: regime, intermediate tasks, language."""

UNKNOWN_FAMILY = "unknown"
"""Family of models of which none is given: nothing is said of families then."""

AVERAGE = "avg"
"""Language of a row that is a mean over languages."""

GAP_WORDS: dict[str, str] = {
    "inter": "G_inter: target-language minus English intermediate training",
    "direct": "G_direct: target-language data minus English intermediate training",
    "native": "G_native: in-language minus zero-shot",
    "english_gain": "English intermediate training minus none",
    "translate_train": "translate-train minus zero-shot",
    "transfer": "transfer gap: English minus the mean of the other languages",
    "transfer_ceiling": "share of the in-language ceiling that zero-shot transfer does not reach",
    "gain": "one English intermediate task minus none, zero-shot over all languages",
    "mlm": "English intermediate training with multilingual MLM minus without",
    "translated": "machine-translated minus English intermediate training",
    "distance": "zero-shot loss for 0.1 more of syntactic distance (direct_en)",
    "robustness": "zero-shot loss over distance, intermediate_en minus direct_en",
    "distance_partial": "zero-shot loss for 0.1 more of syntactic distance with covariates (direct_en)",
    "robustness_partial": "zero-shot loss over distance with covariates, intermediate_en minus "
    "direct_en",
    "spread": "spread of scores over languages (SD) under intermediate_en minus under direct_en",
    "worst": "score of the worst language under intermediate_en minus under direct_en",
    "spread_level": "spread of scores over languages (SD), direct_en",
    "worst_level": "score of the worst language, direct_en",
    "control": "score minus that of the untrained twin",
    "few_gain": "a few target-language examples minus none",
    "joint": "joint intermediate training on several tasks minus none",
    "sequential": "sequential intermediate training on several tasks minus none",
    "best_single": "the best single intermediate task, chosen on English dev, minus none",
    "joint_sequential": "joint minus sequential intermediate training on the same tasks",
    "joint_best": "joint intermediate training minus the best single one of its tasks",
    "sequential_best": "sequential intermediate training minus the best single one of its tasks",
    "retention": "retention in English: intermediate task after training on the target minus before",
    "retention_others": "retention in the other languages (kept head)",
    "retention_ratio": "share of the intermediate score in English that is kept (kept head)",
    "retention_probe": "retention in English (probe on frozen states)",
    "retention_probe_others": "retention in the other languages (probe on frozen states)",
    "retention_joint": "retention in English of tasks that were trained on at once (kept heads)",
    "backward": "backward transfer in English: mean change of earlier tasks in order (kept heads)",
    "retention_mlm": "rise of the masked loss in English from pretraining to the end",
    "retention_mlm_others": "rise of the masked loss in other languages from pretraining to the end",
}
GAP_WORDS |= {f"{gap}{ENGLISH}": f"{GAP_WORDS[gap]}, in English" for gap in COMBINED}
GAP_WORDS |= {
    f"{gap}{matched}": f"{words}, {said}"
    for gap, words in GAP_WORDS.items()
    for matched, said in MATCHED.items()
}


def plain_gap(gap: str) -> str:
    """The name of a gap without what says that its arms had the same extra compute.

    >>> plain_gap("joint_equal_steps")
    'joint'
    """
    for matched in MATCHED:
        gap = gap.removesuffix(matched)
    return gap


@dataclass(frozen=True, kw_only=True)
class GapRow:
    """One difference of scores of one model.

    Attributes:
        source: measured or published.
        model, family, params_total, params_nonembedding: as in :class:`~xlgap.records.Score`.
        gap: which difference, see :data:`GAP_WORDS`.
        task: target task.
        language: of the evaluation data, or ``avg``.
        metric: of both scores.
        seed: training seed of both arms; ``None`` for the mean over seeds.
        value: points on ``raw`` and ``chance_corrected``, natural log-odds on ``log_odds``, natural log
            of the errors under arm b over those under a on ``error_reduction``: above 0 a has fewer.
        scale: what was done to both scores before the difference.
        stderr: standard error in the unit of ``value``; ``None`` where it cannot be had.
        arm_a, arm_b: the gap is a minus b.
        note: sources of a published pair, and anything a reader must know.
    """

    source: Source
    model: str
    family: str
    params_total: int | None
    params_nonembedding: int | None
    gap: str
    task: str
    language: str
    metric: str
    seed: int | None
    value: float
    scale: Scale = "raw"
    stderr: float | None = None
    arm_a: str = ""
    arm_b: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One gap of one model, with its interval: one point of a figure against size.

    Attributes:
        task: target task, or ``mean`` over the tasks that all models share.
        value, stderr: in points (or log-odds, by ``scale``).
        ci_low, ci_high: percentile interval of the bootstrap over items and seeds, which is conditional
            on this checkpoint; ``None`` for published rows.
        seeds: training seeds behind it; ``None`` where unknown.
        arm_a, arm_b: arms of its two sides, joined by ``+``; empty where it is one published row's.
        amount: what both sides were given alike, in words; empty where nothing was.
        tasks: that it is over, sorted: target tasks, of question 4 the earlier ones.
    """

    source: Source
    model: str
    family: str
    params_total: int | None
    params_nonembedding: int | None
    gap: str
    task: str
    scale: Scale
    value: float
    stderr: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    seeds: int | None = None
    note: str = ""
    arm_a: str = ""
    arm_b: str = ""
    amount: str = ""
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LanguageSlope:
    """Zero-shot loss of one model over linguistic distance from English.

    Attributes:
        loss_per_tenth: points lost for 0.1 more of syntactic distance, least squares.
        stderr: cluster-robust over genera; ``None`` with fewer than three genera.
        spearman: rank correlation of loss and distance; ``None`` where all losses are the same.
        points: (language, distance, loss) of every language but English.
        publication: source key of a published table.
    """

    source: Source
    model: str
    family: str
    params_total: int | None
    params_nonembedding: int | None
    task: str
    arm: str
    metric: str
    loss_per_tenth: float
    stderr: float | None
    spearman: float | None
    points: tuple[tuple[str, float, float], ...]
    publication: str = ""


@dataclass(frozen=True, kw_only=True)
class EnglishScore:
    """English score of one model on one task without intermediate training, and chance beside it.

    Attributes:
        language: ``en``; ``avg`` for a task without English test data: the mean over languages.
        value, chance, chance_corrected: 0-100; chance ones ``None`` where unknown.
        majority: what always giving the most frequent right answer scores; ``None`` where unknown.
        per_word: what each word's most frequent training tag scores; ``None`` but for tags.
        at_chance: not above chance by two standard errors; ``None`` where that cannot be told.
    """

    model: str
    params_total: int | None
    task: str
    arm: str
    language: str
    metric: str
    value: float
    stderr: float | None
    chance: float | None
    chance_corrected: float | None
    majority: float | None
    per_word: float | None
    at_chance: bool | None
    seeds: int


@dataclass(frozen=True, kw_only=True)
class Collapsed:
    """A run that ended at chance while its like did not, see :func:`xlgap.analysis.chance.collapsed`.

    Attributes:
        language: of the test set.
        others: mean of the other seeds, or of the arm ``beside``.
        beside: the arm of the same model that is well above chance; empty where other seeds are.
        zero_shot: whether the run is of an English arm, ``language`` another: its other scores stand.
        learned_nothing: tasks that its training has learned nothing of, see :class:`LearnedNothing`;
            where there is none, it has learned its training rows, or a part of them.
    """

    model: str
    arm: str
    task: str
    language: str
    seed: int
    value: float
    others: float
    chance: float
    beside: str = ""
    zero_shot: bool = False
    learned_nothing: str = ""


@dataclass(frozen=True, kw_only=True)
class LearnedNothing:
    """A run whose training has learned nothing of a task, by the loss, see ``training/collapse.py``.

    Attributes:
        of: tasks that it is so of, parted by spaces: ``task``, its proxy or an intermediate one.
        collapsed: whether it counts as collapsed, too: at chance where its like are not. Of others no
            like is well above chance, or ``task`` was learned all the same.
    """

    model: str
    arm: str
    task: str
    seed: int
    of: str
    collapsed: bool


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One estimate that answers, or cannot answer, one of the five questions.

    Attributes:
        question: 1-5.
        quantity: what was estimated, with its unit.
        source: measured or published.
        models: names of the models behind it.
        size_range: smallest and largest parameter count, total unless ``quantity`` says otherwise; or
            ``None``.
        estimate, ci_low, ci_high: ``None`` where there is none.
        known_low, known_high: interval that the known errors of the models alone allow, where it is
            wider than that over models, see :mod:`xlgap.analysis.known`; ``None`` elsewhere.
        p: exact two-sided p of a correlation; ``None`` elsewhere, and of many models.
        n: models behind it, those of ``models``; what else was counted is told in ``method``.
        method: how, in a sentence.
        proxy: whether another quantity stands in for the one asked for.
        supported: whether an estimate with an interval can be had: enough models, of enough sizes. It
            says nothing of what the interval holds, see :func:`xlgap.analysis.words.trend`.
        reason: why not, or what to bear in mind.
        figure: file name under ``figures/``.
    """

    question: int
    quantity: str
    source: Source
    models: tuple[str, ...] = ()
    size_range: tuple[int, int] | None = None
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    n: int = 0
    method: str = ""
    proxy: bool = False
    supported: bool = False
    reason: str = ""
    figure: str | None = None
    key: str = field(default="", metadata={"what": "machine name: question.gap.statistic.size"})
    known_low: float | None = None
    known_high: float | None = None
    p: float | None = None

    @property
    def widest(self) -> tuple[float, float] | None:
        """The farthest limits of its intervals; ``None`` without one."""
        lows = [v for v in (self.ci_low, self.known_low) if v is not None]
        highs = [v for v in (self.ci_high, self.known_high) if v is not None]
        return (min(lows), max(highs)) if lows and highs else None


def of_gap(row: GapRow) -> Estimate:
    """A published gap as the one estimate of its model."""
    return Estimate(
        source=row.source,
        model=row.model,
        family=row.family,
        params_total=row.params_total,
        params_nonembedding=row.params_nonembedding,
        gap=row.gap,
        task=row.task,
        scale=row.scale,
        value=row.value,
        stderr=row.stderr,
        note=row.note,
        tasks=(row.task,),
    )


def of_slope(slope: LanguageSlope, *, confidence: float = 0.95) -> Estimate:
    """A published slope over distance as the one estimate of its model.

    With a normal interval over languages and without that error, which weighs no model, see
    :mod:`xlgap.analysis.published.distance`.
    """
    from scipy.special import ndtri

    half = None if slope.stderr is None else float(ndtri((1 + confidence) / 2)) * slope.stderr
    return Estimate(
        source=slope.source,
        model=slope.model,
        family=slope.family,
        params_total=slope.params_total,
        params_nonembedding=slope.params_nonembedding,
        gap="distance",
        task=slope.task,
        scale="raw",
        value=slope.loss_per_tenth,
        ci_low=None if half is None else slope.loss_per_tenth - half,
        ci_high=None if half is None else slope.loss_per_tenth + half,
        note=slope.publication,
        tasks=(slope.task,),
    )
