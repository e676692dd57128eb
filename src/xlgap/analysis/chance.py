"""English scores beside chance, and runs that collapsed.

Chance is what a model's own predictions would score if they were dealt out to the items at random
(:mod:`xlgap.evaluation.chance`). A score is said to be *at chance* when it is not above that by two
standard errors of items and seeds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from xlgap.analysis.gap import Table, mean_stderr
from xlgap.analysis.pairing import Contrast, Key
from xlgap.analysis.rows import AVERAGE, ArmInfo, Collapsed, EnglishScore
from xlgap.analysis.scales import chance_corrected
from xlgap.records import Score

STANDARD_ERRORS = 2.0
"""How far above chance a score must be to be called above it."""

ALIVE = 20.0
"""Chance-corrected score from which on the other seeds of a cell show that it can be learnt."""

ENGLISH = "en"

BASELINES = ("direct_en", "pretrained")
"""Regimes whose English score says whether a model can do a task."""

ZERO_SHOT, UNTRAINED = BASELINES
"""The plain zero-shot arm, and the one without any training on a task."""


def english_scores(
    scores: Iterable[Score], arms: Mapping[str, ArmInfo], primary: Mapping[str, str]
) -> list[EnglishScore]:
    """English score of each model on each task, in its primary metric, mean over seeds.

    A task without English test data (retrieval into English) is judged by its mean over languages.

    Args:
        scores: measured ones.
        arms: of the study.
        primary: task to its primary metric.
    """
    cells: dict[tuple[str, str, str], list[Score]] = defaultdict(list)
    for s in scores:
        if arms[s.arm].regime in BASELINES and s.metric == primary.get(s.task):
            cells[s.task, s.arm, s.model].append(s)
    with_english = {task for (task, _, _), rows in cells.items() for s in rows if s.language == "en"}
    rows = [
        _english(_in_english(of_cell) if task in with_english else _over_languages(of_cell))
        for (task, _, _), of_cell in sorted(cells.items())
        if task not in with_english or _in_english(of_cell)
    ]
    return sorted(rows, key=lambda r: (r.task, r.arm, r.params_total or 0, r.model))


def _in_english(scores: Sequence[Score]) -> list[Score]:
    return [s for s in scores if s.language == "en"]


def _over_languages(scores: Sequence[Score]) -> list[Score]:
    """One score a seed: the mean over languages, with the error it has if all languages err alike."""
    seeds: dict[int | None, list[Score]] = defaultdict(list)
    for s in scores:
        seeds[s.seed].append(s)
    means = []
    for of_seed in seeds.values():
        chance = [s.chance for s in of_seed if s.chance is not None]
        error = [s.stderr for s in of_seed if s.stderr is not None]
        full = len(of_seed)
        means.append(
            replace(
                of_seed[0],
                language=AVERAGE,
                value=sum(s.value for s in of_seed) / full,
                chance=sum(chance) / full if len(chance) == full else None,
                majority=None,
                per_word=None,
                stderr=sum(error) / full if len(error) == full else None,
                n_items=None,
            )
        )
    return means


def _english(seeds: Sequence[Score]) -> EnglishScore:
    first = seeds[0]
    value = sum(s.value for s in seeds) / len(seeds)
    chance = mean_chance(seeds)
    corrected = None if chance is None or chance >= 100 else float(chance_corrected(value, chance))
    return EnglishScore(
        model=first.model,
        params_total=first.params_total,
        task=first.task,
        arm=first.arm,
        language=first.language,
        metric=first.metric,
        value=value,
        stderr=mean_stderr(seeds),
        chance=chance,
        chance_corrected=corrected,
        majority=first.majority,
        per_word=first.per_word,
        at_chance=at_chance(seeds),
        seeds=len(seeds),
    )


def at_chance(seeds: Sequence[Score], *, errors: float = STANDARD_ERRORS) -> bool | None:
    """Whether the mean over ``seeds`` is not above chance by two standard errors, or by ``errors``.

    ``None`` where chance or the standard error is unknown: neither is then said. A score of 0 is above
    no chance.
    """
    value = sum(s.value for s in seeds) / len(seeds)
    if value == 0:
        return True
    level, error = mean_chance(seeds), mean_stderr(seeds)
    if level is None or error is None:
        return None
    return value - level <= errors * error


def mean_chance(seeds: Sequence[Score]) -> float | None:
    """Mean chance level over seeds; ``None`` where one is unknown."""
    known = [s.chance for s in seeds if s.chance is not None]
    return sum(known) / len(known) if known and len(known) == len(seeds) else None


def collapsed(
    scores: Iterable[Score], arms: Mapping[str, ArmInfo], primary: Mapping[str, str]
) -> list[Collapsed]:
    """Runs at chance, and below their like, each by its own score and error, on one test set.

    Its like are the other seeds of its cell or, where these are no better, the arms that were trained
    on the target task in the same language, with the same budget. On a test set in another language
    only the plain zero-shot arm (``direct_en``) is, where there is one: a run at the level of zero-shot
    transfer is none.

    Runs are judged in their arm's own language, those of English arms in English, and in each language
    that another arm of the study has for its own: both sides of a contrast are judged alike. One that
    is above chance in the language that it was trained on the target task in has not collapsed: what it
    does not reach is a language.

    Args:
        scores: measured ones.
        arms: of the study.
        primary: task to its primary metric.
    """
    tests: dict[tuple[str, str, str], dict[str, list[Score]]] = defaultdict(lambda: defaultdict(list))
    for s in scores:
        if s.metric == primary.get(s.task):
            tests[s.model, s.task, s.language][s.arm].append(s)
    found: dict[tuple[str, str, str, int], list[Collapsed]] = defaultdict(list)
    for (model, task, language), on_test in sorted(tests.items()):
        own = any(arms[arm].language == language for arm in on_test)
        for arm, seeds in on_test.items():
            mine = arms[arm].language or ENGLISH
            if language == mine or (mine == ENGLISH and own):
                trained = tests.get((model, task, _trained_in(arms[arm])), {}).get(arm, [])
                alive = {s.seed for s in trained if at_chance([s]) is False}
                for run in _fallen(seeds, on_test, arms):
                    if run.seed not in alive:
                        found[run.model, run.arm, run.task, run.seed].append(run)
    return [run for _, runs in sorted(found.items()) for run in _whole(runs)]


def runs_in_cells(runs: Iterable[Collapsed], cells: Collection[Key]) -> list[Collapsed]:
    """Those of ``runs`` that ``cells`` hold; of a run that fell in one language, that cell of it."""
    whole = {key[:3] for key in cells}
    return [
        c
        for c in runs
        if (c.model, c.arm, c.task) in whole
        and (not c.zero_shot or (c.model, c.arm, c.task, c.language) in cells)
    ]


def _whole(runs: Sequence[Collapsed]) -> Sequence[Collapsed]:
    """What is said of one run: where the whole of it fell, nothing of single languages."""
    return [run for run in runs if not run.zero_shot] or runs


def _fallen(
    seeds: Sequence[Score], on_test: Mapping[str, Sequence[Score]], arms: Mapping[str, ArmInfo]
) -> Iterable[Collapsed]:
    """Those of ``seeds``, runs of one cell, that are at chance while their like are well above it."""
    arm, language = seeds[0].arm, seeds[0].language
    beside = {a: _level(on_test[a]) for a in sorted(on_test) if _alike(a, arm, language, arms)}
    known = {a: level for a, level in beside.items() if level is not None}
    zero_shot = _trained_in(arms[arm]) != language and any(arms[a].regime == ZERO_SHOT for a in on_test)
    best = max(known, key=lambda a: known[a][0], default="")
    for s in seeds:
        if s.chance is None or s.stderr is None or s.seed is None or not at_chance([s]):
            continue
        reach = s.value + STANDARD_ERRORS * s.stderr
        rest = None if zero_shot else _level([o for o in seeds if o is not s])
        for name, level in (("", rest), (best, known.get(best))):
            if level is not None and level[0] >= ALIVE and level[1] > reach:
                yield Collapsed(
                    model=s.model,
                    arm=s.arm,
                    task=s.task,
                    language=language,
                    seed=s.seed,
                    value=s.value,
                    others=level[1],
                    chance=s.chance,
                    beside=name,
                    zero_shot=language != (arms[arm].language or ENGLISH),
                    learned_nothing=s.learned_nothing,
                )
                break


def _level(seeds: Sequence[Score]) -> tuple[float, float] | None:
    """Mean of ``seeds`` above chance, corrected, and as it is; ``None`` where it is not known."""
    level = mean_chance(seeds)
    if level is None or level >= 100:
        return None
    mean = sum(s.value for s in seeds) / len(seeds)
    return float(chance_corrected(mean, level)), mean


def _alike(other: str, arm: str, language: str, arms: Mapping[str, ArmInfo]) -> bool:
    """Whether ``other`` shows on a test set in ``language`` what ``arm`` could do there."""
    if other == arm or UNTRAINED in (arms[other].regime, arms[arm].regime):
        return False
    if arms[other].budget != arms[arm].budget:
        return False
    if _trained_in(arms[arm]) != language:
        return arms[other].regime == ZERO_SHOT
    return _trained_in(arms[other]) == language


def _trained_in(arm: ArmInfo) -> str:
    """The language of the target task's training; a few examples that follow do not count."""
    return arm.language or ENGLISH if arm.regime == "direct_tgt" else ENGLISH


def hopeless(english: Iterable[EnglishScore]) -> frozenset[str]:
    """Tasks on which every model is at chance in English: a gap of theirs says nothing."""
    by_task: dict[str, list[bool | None]] = defaultdict(list)
    for row in english:
        by_task[row.task].append(row.at_chance)
    return frozenset(task for task, known in by_task.items() if all(x is True for x in known))


def hopeless_arms(
    contrasts: Iterable[Contrast], table: Table, *, judged: Collection[str]
) -> frozenset[str]:
    """Tasks without a baseline arm that are at chance under every arm that is compared on them.

    Each model under each arm is judged by its mean over the languages that enter a contrast; how far
    above chance one of them must be to count grows with their number, so that luck in one of many does
    not (Bonferroni).

    Args:
        contrasts: of all models that count.
        table: scores of the primary metrics.
        judged: tasks that have such an arm.
    """
    from scipy.stats import norm

    keys = {key for c in contrasts if c.task not in judged for key, _ in c.terms}
    by_task: dict[str, dict[tuple[str, str], list[Key]]] = defaultdict(lambda: defaultdict(list))
    for key in sorted(keys):
        by_task[key.task][key.model, key.arm].append(key)
    dead = set()
    for task, cells in by_task.items():
        errors = float(norm.isf(norm.sf(STANDARD_ERRORS) / len(cells)))
        means = [
            _over_languages([s for k in cell for s in table[k].values()]) for cell in cells.values()
        ]
        if all(at_chance(seeds, errors=errors) for seeds in means):
            dead.add(task)
    return frozenset(dead)
