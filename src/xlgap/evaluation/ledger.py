"""The ledger of metrics: of each task the official number and the corrected one, by what rule.

*Official* is what the benchmark's own scorer computes, so that a number can stand beside published
ones. Where that rule has a known defect, a task declares a second metric that mends it, the *corrected*
one; where it has none, both are the same. A task's score is one metric, or the mean of two for
extractive question answering: (mean EM + mean F1) / 2.

Rules were read from google-research/xtreme (commit 838c13b), the tasks' papers and their scorers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from xlgap.errors import UnknownNameError
from xlgap.tasks.base import Span, Tag, Task


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How one metric of a kind of task is computed.

    Attributes:
        metric: as in ``Task.metrics``.
        kind: name of the task kind.
        rule: what is counted.
        source: where the rule comes from.
        defect: what is known to be wrong with it; empty where nothing is.
        corrects: metrics of the same task whose defect this one mends, whichever it declares.
        fits: what a task must declare for the rule to be the one that its scores are computed by.
    """

    metric: str
    kind: str
    rule: str
    source: str
    defect: str = ""
    corrects: tuple[str, ...] = ()
    fits: Callable[[Task], bool] = lambda _: True


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the ledger: one metric of one task.

    Attributes:
        standing: ``official``, ``corrected``, ``both``, or ``beside``: printed, in no task's score.
    """

    task: str
    metric: str
    standing: str
    rule: str
    source: str
    defect: str


_XTREME = "XTREME's evaluate.py"
_SQUAD = "SQuAD v1.1's evaluate-v1.1.py (Rajpurkar et al. 2016)"
_ENGLISH = (
    "English normaliser in every language: only ASCII punctuation and English articles go, and a text "
    "without spaces is one word"
)
_AWARE = (
    "word F1 with the best gold answer, both normalised for the language: Unicode punctuation, its own "
    "articles, a character a word in scripts without spaces"
)
_SQUAD_2 = "SQuAD v2.0's evaluate-v2.0.py (Rajpurkar et al. 2018)"
_SQUAD_F1 = "word F1 with the best gold answer, both normalised"
_SQUAD_EM = "share of answers equal to a gold answer, both normalised"
_MLQA = "MLQA's mlqa_evaluation_v1.py (Lewis et al. 2020)"


def _one_tag_a_word(task: Task) -> bool:
    return isinstance(task.kind, Tag) and not task.kind.bio


def _with_unanswerable(task: Task) -> bool:
    return isinstance(task.kind, Span) and task.kind.unanswerable


def _in_english_alone(task: Task) -> bool:
    return set(task.eval_languages) <= {"en"}


def _named(*names: str) -> Callable[[Task], bool]:
    return lambda task: task.name in names


LEDGER: tuple[Rule, ...] = (
    Rule(
        metric="accuracy",
        kind="classify",
        rule="share of items with the right label",
        source=_XTREME,
    ),
    Rule(
        metric="accuracy",
        kind="choose",
        rule="share of items with the right choice",
        source="XCOPA (Ponti et al. 2020)",
    ),
    Rule(
        metric="accuracy",
        kind="retrieve",
        rule="share of English sentences whose nearest neighbour is their translation",
        source=_XTREME,
    ),
    Rule(
        metric="f1",
        kind="mine",
        rule="F1 of the set of pairs; the threshold of the margin is tuned on dev pairs",
        source=f"{_XTREME}; BUCC 2018 (Zweigenbaum et al. 2018)",
    ),
    Rule(
        metric="map20",
        kind="rank",
        rule="mean average precision of the first 20 entities; one is right, so it is MRR@20",
        source="XTREME-R's Mewsli-X (Ruder et al. 2021)",
        fits=_named("mewslix"),
    ),
    Rule(
        metric="map20",
        kind="rank",
        rule="mean average precision of the first 20 candidates of all languages; divisor: the number "
        "of right ones, at most 20",
        source="LAReQA (Roy et al. 2020), XTREME-R",
        defect="XTREME's evaluate.py has no reader for it, so that its overall score is never printed",
        fits=_named("lareqa"),
    ),
    Rule(
        metric="map20",
        kind="rank",
        rule="mean average precision of the first 20 candidates of all languages; divisor: the number "
        "of right ones, at most 20",
        source="as LAReQA (Roy et al. 2020)",
    ),
    Rule(
        metric="f1",
        kind="tag",
        rule="chunk F1 as seqeval 0.0.12: runs of equal tags are one chunk",
        source=f"{_XTREME}, seqeval 0.0.12",
        defect="made for BIO tags: neighbours of one part of speech merge, a tag that begins with S "
        "stands alone, and seqeval 1.2.2 gives another number",
        fits=_one_tag_a_word,
    ),
    Rule(
        metric="token_accuracy",
        kind="tag",
        rule="share of tokens with the right tag",
        source="Universal Dependencies' shared tasks (UPOS), CCGbank (Hockenmaier and Steedman 2007)",
        corrects=("f1",),
        fits=_one_tag_a_word,
    ),
    Rule(
        metric="f1",
        kind="tag",
        rule="F1 of entities, boundaries and type both right (CoNLL-2000's conlleval, as seqeval)",
        source=f"{_XTREME}, seqeval",
    ),
    Rule(
        metric="token_accuracy",
        kind="tag",
        rule="share of tokens with the right tag",
        source="beside F1",
    ),
    Rule(
        metric="f1_mlqa",
        kind="span",
        rule="word F1 with the best gold answer, both by MLQA's normaliser of the language",
        source=f"{_XTREME}, {_MLQA}",
        defect="takes the Arabic article out of the middle of words; some Vietnamese ones are none",
    ),
    Rule(
        metric="em_mlqa",
        kind="span",
        rule="share of answers equal to a gold answer, both by MLQA's normaliser of the language",
        source=f"{_XTREME}, {_MLQA}",
        defect="as f1_mlqa",
    ),
    Rule(
        metric="f1_aware",
        kind="span",
        rule=_AWARE,
        source="evaluation/qa_normalise.py, after MLQA's",
        corrects=("f1", "f1_mlqa"),
    ),
    Rule(
        metric="em_aware",
        kind="span",
        rule="share of answers equal to a gold answer, both normalised for the language",
        source="evaluation/qa_normalise.py, after MLQA's",
        corrects=("em", "em_mlqa"),
    ),
    Rule(
        metric="f1",
        kind="span",
        rule=f"{_SQUAD_F1}; a question without an answer is answered rightly by the empty text alone",
        source=_SQUAD_2,
        fits=_with_unanswerable,
    ),
    Rule(
        metric="em",
        kind="span",
        rule=f"{_SQUAD_EM}; a question without an answer is answered rightly by the empty text alone",
        source=_SQUAD_2,
        fits=_with_unanswerable,
    ),
    Rule(
        metric="f1",
        kind="span",
        rule=_SQUAD_F1,
        source=_SQUAD,
        fits=_in_english_alone,
    ),
    Rule(
        metric="em",
        kind="span",
        rule=_SQUAD_EM,
        source=_SQUAD,
        fits=_in_english_alone,
    ),
    Rule(
        metric="f1",
        kind="span",
        rule="word F1 with the best gold answer, both English-normalised",
        source=f"{_XTREME}, {_SQUAD}",
        defect=_ENGLISH,
    ),
    Rule(
        metric="em",
        kind="span",
        rule="share of answers equal to a gold answer, both English-normalised",
        source=f"{_XTREME}, {_SQUAD}",
        defect=_ENGLISH,
    ),
)


def rule(task: Task, metric: str) -> Rule:
    """The rule of one metric of a task; the first that fits.

    Raises:
        UnknownNameError: the ledger has none.
    """
    for entry in LEDGER:
        if (entry.metric, entry.kind) == (metric, task.kind.name) and entry.fits(task):
            return entry
    raise UnknownNameError(
        f"task '{task.name}' declares the metric {metric!r} of {task.kind.name} tasks, which the "
        "ledger lacks; add its rule to evaluation/ledger.py."
    )


def official(task: Task) -> tuple[str, ...]:
    """The metrics whose mean is the task's official score: two where answers are spans, else one."""
    own = tuple(name for name in task.metrics if not set(rule(task, name).corrects) & set(task.metrics))
    return own[: 2 if isinstance(task.kind, Span) else 1]


def corrected(task: Task) -> tuple[str, ...]:
    """The official metrics, each replaced by the one that mends it, where the task declares one."""
    mended = {old: name for name in task.metrics for old in rule(task, name).corrects}
    return tuple(mended.get(name, name) for name in official(task))


def lines(task: Task) -> Iterator[Line]:
    """The ledger's lines of a task, in the order of its metrics."""
    theirs, ours = official(task), corrected(task)
    standing = {(True, True): "both", (True, False): "official", (False, True): "corrected"}
    for name in task.metrics:
        entry = rule(task, name)
        yield Line(
            task=task.name,
            metric=name,
            standing=standing.get((name in theirs, name in ours), "beside"),
            rule=entry.rule,
            source=entry.source,
            defect=entry.defect,
        )


def summary(task: Task) -> str:
    """A task's metrics in a few words: ``f1+em, corrected f1_aware+em_aware``."""
    theirs, ours = official(task), corrected(task)
    text = "+".join(theirs)
    return text if ours == theirs else f"{text}, corrected {'+'.join(ours)}"


def markdown(tasks: Iterable[Task]) -> str:
    """The ledger of ``tasks`` as a table for the manual; tasks with the same lines share them."""
    merged: dict[tuple[str, ...], list[str]] = {}
    for task in tasks:
        for line in lines(task):
            cells = (line.metric, line.standing, line.rule, line.source, line.defect)
            merged.setdefault(cells, []).append(line.task)
    rows = [(", ".join(names), *cells) for cells, names in merged.items()]
    head = ("tasks", "metric", "in the score", "rule", "source", "known defect")
    every = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in every)
