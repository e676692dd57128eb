"""Rules that judge a claim by an answer that is already there, see :mod:`.rules`."""

from __future__ import annotations

from dataclasses import replace

from xlgap.analysis.counted import counted
from xlgap.analysis.evidence import Evidence
from xlgap.analysis.rows import Answer
from xlgap.analysis.rules import Finding, Rule, trend_finding, untestable
from xlgap.analysis.words import interval_words, signed
from xlgap.records import Source

OWN_TABLES = " From the paper's own tables: the same data, not another study."
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
                more = f"{f' {said}' if said else ''}{PROXY if answer.proxy else ''}"
                return trend_finding(
                    answer.estimate, answer.ci_low, answer.ci_high, answer.models, more
                )
        return _unanswered(known[0][0] if known else None)

    return rule


def level_above(source: Source, key: str) -> Rule:
    """The claim that an answered quantity is above 0, by the answer's interval."""

    def rule(evidence: Evidence) -> Finding:
        answer = evidence.answers.get((source, key))
        if answer is None or answer.estimate is None:
            return _unanswered(answer)
        base = Finding(
            verdict="not testable",
            reason="",
            estimate=answer.estimate,
            ci_low=answer.ci_low,
            ci_high=answer.ci_high,
            models=answer.models,
        )
        told = (
            f"{signed(answer.estimate)} points {interval_words(answer.ci_low, answer.ci_high)}, "
            f"{counted(answer.n, 'model')}"
        )
        more = f"{PROXY if answer.proxy else ''}{OWN_TABLES if source == 'published' else ''}"
        if not answer.supported:
            return untestable(f"{told}: {_why(answer)}{more}", base)
        if answer.ci_low is None or answer.ci_high is None:
            return untestable(f"{told}: no interval can be had.{more}", base)
        if answer.ci_low > 0:
            return replace(base, verdict="supported", reason=f"{told}.{more}")
        if answer.ci_high < 0:
            return replace(base, verdict="contradicted", reason=f"{told}.{more}")
        return untestable(f"{told}: the interval holds 0.{more}", base)

    return rule


def _why(answer: Answer) -> str:
    """The first sentence of an answer's reason, which says what it lacks."""
    return f"{answer.reason.partition('. ')[0].rstrip('.') or 'it cannot be supported'}."


def _unanswered(answer: Answer | None) -> Finding:
    if answer is None or not answer.reason:
        return untestable("This study has no answer to it.")
    return untestable(_why(answer))
