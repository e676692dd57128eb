"""Rules that judge a claim by an answer that is already there, see :mod:`.rules`."""

from __future__ import annotations

from dataclasses import replace

from xlgap.analysis.answers.cautions import AT_CHANCE, COLLAPSED
from xlgap.analysis.answers.floor import DARK
from xlgap.analysis.claims.evidence import UNMATCHED, Evidence
from xlgap.analysis.claims.rules import (
    FEWEST_SEEDS,
    Finding,
    HelpClaim,
    Rule,
    by_limits,
    lacking,
    too_few,
    trend_finding,
    untestable,
)
from xlgap.analysis.counted import counted
from xlgap.analysis.rows import MATCHED, Answer
from xlgap.analysis.words import intervals, sentences, signed
from xlgap.records import Source

OWN_TABLES = " From the paper's own tables: the same data, not another study."
COMBINATION = 5
"""Question whose answers are the gaps of combined training."""
PROXY = " A proxy: another quantity stands in for the one asked for."


def slope_falls(source: Source, *ways: tuple[str, str]) -> Rule:
    """The claim that an answered quantity falls with size, by the first answer that counts.

    Args:
        source: of the answers.
        ways: (key of an answer, what the reader must know where it is taken), best first.
    """

    def rule(evidence: Evidence) -> Finding:
        known = [(a, said) for key, said in ways if (a := evidence.answers.get((source, key)))]
        for answer, said in known:
            if answer.supported and answer.estimate is not None:
                more = f"{f' {said}' if said else ''}{PROXY if answer.proxy else ''}{_floor(answer)}"
                return trend_finding(
                    answer.estimate, answer.ci_low, answer.ci_high, answer.models, more,
                    known=answer.widest,
                )  # fmt: skip
        return _unanswered(known[0][0] if known else None)

    return rule


def level_above(source: Source, key: str) -> Rule:
    """The claim that an answered quantity is above 0, by the answer's interval."""

    def rule(evidence: Evidence) -> Finding:
        answer = evidence.answers.get((source, key))
        if answer is None or answer.estimate is None:
            return _unanswered(answer)
        base = _of_answer(answer)
        told = f"{signed(answer.estimate)} points {intervals(answer)}, {counted(answer.n, 'model')}"
        more = f"{PROXY if answer.proxy else ''}{OWN_TABLES if source == 'published' else ''}"
        why = too_few(answer.models, FEWEST_SEEDS) or ("" if answer.supported else _why(answer))
        if why:
            return untestable(f"{told}: {why}{more}", base)
        if answer.widest is None:
            return untestable(f"{told}: no interval can be had.{more}", base)
        low, high = answer.widest
        if low > 0:
            return replace(base, verdict="supported", reason=f"{told}.{more}")
        if high < 0:
            return replace(base, verdict="contradicted", reason=f"{told}.{more}")
        return untestable(f"{told}: the interval holds 0.{more}", base)

    return rule


def combination_helps(gap: str, *, claim: HelpClaim = "helps") -> Rule:
    """The claim that the mean of a gap of question 5 is above 0, or no gain worth naming.

    By the interval over models of the answer that leads, at equal compute where the study has that.
    """

    def rule(evidence: Evidence) -> Finding:
        for matched in evidence.budgets:
            said = MATCHED.get(matched, "")
            answer = evidence.answers.get(("measured", f"{COMBINATION}.{gap}{matched}.level"))
            if answer is not None and answer.estimate is not None:
                at = f"A{said[1:]}." if said else UNMATCHED
                return _by_level(answer, _seeds(evidence, f"{gap}{matched}"), f" {at}", claim)
        return lacking(evidence, gap, None, None)

    return rule


def _by_level(answer: Answer, seeds: int, more: str, claim: HelpClaim) -> Finding:
    base = _of_answer(answer)
    told = (
        f"{signed(answer.estimate)} points {intervals(answer)}, over "
        f"{counted(answer.n, 'model')} as in question 5"
    )
    why = "" if answer.supported else _why(answer)
    why = why or too_few(answer.models, seeds)
    if why or answer.widest is None:
        return untestable(f"{told}: {why or 'no interval can be had.'}{more}", base)
    found = by_limits(base, told, *answer.widest, claim=claim)
    return replace(found, reason=f"{found.reason}{more}{_floor(answer)}")


def _seeds(evidence: Evidence, gap: str) -> int:
    """The fewest training seeds behind an estimate of ``gap``."""
    known = evidence.measured.estimates if evidence.measured is not None else ()
    return min((e.seeds or 0 for e in known if (e.gap, e.task) == (gap, "mean")), default=0)


def _of_answer(answer: Answer) -> Finding:
    """The numbers of a finding whose verdict is to come."""
    return Finding(
        verdict="not testable",
        reason="",
        estimate=answer.estimate,
        ci_low=answer.ci_low,
        ci_high=answer.ci_high,
        models=answer.models,
    )


def _floor(answer: Answer) -> str:
    """What an answer says of models, languages and runs at chance, whose gaps say little."""
    said = (s for s in sentences([answer.reason]) if s.startswith((AT_CHANCE, DARK, COLLAPSED)))
    return "".join(f" {sentence}" for sentence in said)


def _why(answer: Answer) -> str:
    """The first sentence of an answer's reason, which says what it lacks."""
    return f"{answer.reason.partition('. ')[0].rstrip('.') or 'it cannot be supported'}."


def _unanswered(answer: Answer | None) -> Finding:
    if answer is None or not answer.reason:
        return untestable("This study has no answer to it.")
    return untestable(_why(answer))
