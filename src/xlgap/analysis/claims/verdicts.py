"""Claims of papers, each with this study's verdict.

A claim is a sentence, where it stands, the quantity that it is about, and a rule: a pure function of
the evidence (:mod:`.rules`). Claims that name data sets are judged on those alone: the lab's made tasks
never speak for a real one. Each verdict is by its own interval; nothing is corrected over the claims.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xlgap.analysis.claims.answer_rules import combination_helps, level_above, slope_falls
from xlgap.analysis.claims.evidence import UNMATCHED, Evidence
from xlgap.analysis.claims.rules import (
    Rule,
    Verdict,
    both_ways,
    does_not_help,
    gains_from_most,
    helps,
    helps_small_most,
    more_than_others,
)
from xlgap.analysis.rows import MATCHED, Answer
from xlgap.records import Source

PHANG = "arXiv 2005.13013"
V1, V2 = f"{PHANG}, abstract of version 1", f"{PHANG}, abstract of version 2"
XMTF = "arXiv 2211.01786, abstract"
HERE = "asked by this study"

QA = ("mlqa", "tydiqa", "xquad")
RETRIEVAL = ("bucc2018", "tatoeba")
BEST = ("hellaswag", "mnli", "squad")
GAIN = "gain of English intermediate training over direct_en, languages but English, points"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim.

    Attributes:
        id: its name.
        sentence: in our words.
        source: where it is made.
        quantity: what it is judged by, with its unit.
        evidence: measured by the study at hand, or published scores.
        rule: how it is judged.
    """

    id: str
    sentence: str
    source: str
    quantity: str
    rule: Rule
    evidence: Source = "measured"


@dataclass(frozen=True, kw_only=True)
class ClaimVerdict:
    """A claim with this study's verdict.

    Attributes:
        id, sentence, source, quantity, evidence: as in :class:`Claim`.
        verdict: supported, contradicted or not testable.
        reason: why, in sentences.
        estimate, ci_low, ci_high: of the quantity; ``None`` where there is none.
        models: behind it.
        about: what the verdict speaks of.
    """

    id: str
    sentence: str
    source: str
    quantity: str
    evidence: Source
    verdict: Verdict
    reason: str
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    models: tuple[str, ...]
    about: str


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="retrieval_gains_most",
        sentence="Intermediate training brings large improvements on BUCC and Tatoeba, more than on "
        "the other target tasks.",
        source=V2,
        quantity=f"{GAIN}: BUCC and Tatoeba minus the others",
        rule=more_than_others(targets=RETRIEVAL),
    ),
    Claim(
        id="questions_gain",
        sentence="Intermediate training brings moderate improvements on question answering.",
        source=V2,
        quantity=f"{GAIN}: XQuAD, MLQA, TyDiQA",
        rule=helps("gain", targets=QA),
    ),
    Claim(
        id="tydiqa_gains_from_many",
        sentence="TyDiQA gains from many intermediate tasks.",
        source=PHANG,
        quantity=f"{GAIN}: TyDiQA, by intermediate task",
        rule=gains_from_most("tydiqa"),
    ),
    Claim(
        id="xnli_does_not_gain",
        sentence="XNLI does not gain from intermediate training.",
        source=PHANG,
        quantity=f"{GAIN}: XNLI",
        rule=does_not_help("gain", targets=("xnli",)),
    ),
    Claim(
        id="three_best",
        sentence="MNLI, SQuAD and HellaSwag are the best intermediate tasks over all target tasks.",
        source=V2,
        quantity=f"{GAIN}: these three minus the other intermediate tasks",
        rule=more_than_others(intermediates=BEST),
    ),
    Claim(
        id="squad_best",
        sentence="SQuAD is the best intermediate task over all target tasks (8.4 points on dev sets).",
        source=V1,
        quantity=f"{GAIN}: SQuAD minus the other intermediate tasks",
        rule=more_than_others(intermediates=("squad",)),
    ),
    Claim(
        id="best_task_helps",
        sentence="The best intermediate task for each target beats none (by 5.4 points on XTREME).",
        source=V2,
        quantity="best single intermediate task, chosen on English dev, minus none, points",
        rule=combination_helps("best_single"),
    ),
    Claim(
        id="many_tasks_add",
        sentence="Training on all intermediate tasks at once offers small additional improvements.",
        source=V2,
        quantity="joint training minus the best single intermediate task, points",
        rule=combination_helps("joint_best"),
    ),
    Claim(
        id="many_tasks_do_not_add",
        sentence="Training on all intermediate tasks at once offers no significant improvement.",
        source=V1,
        quantity="joint training minus the best single intermediate task, points",
        rule=combination_helps("joint_best", claim="does not help"),
    ),
    Claim(
        id="mlm_not_better",
        sentence="Multilingual MLM during intermediate training is not better than English alone.",
        source=V2,
        quantity="intermediate_en_mlm minus intermediate_en on the same tasks, points",
        rule=does_not_help("mlm"),
    ),
    Claim(
        id="translated_not_better",
        sentence="Machine-translated intermediate data are not better than English.",
        source=V2,
        quantity="intermediate_translated minus intermediate_en on the same tasks, in the language "
        "of the translation, points",
        rule=does_not_help("translated"),
    ),
    Claim(
        id="small_models_gain_most",
        sentence="English intermediate training helps small models most.",
        source=HERE,
        quantity=f"{GAIN}: above 0 in smaller models, and its change for ten times the parameters",
        rule=helps_small_most("gain"),
    ),
    Claim(
        id="robust_with_size",
        sentence="Transfer to distant languages is more robust in larger models.",
        source=HERE,
        quantity="loss for 0.1 more of syntactic distance, covariates held still: change for ten times "
        "the parameters",
        rule=slope_falls(
            "measured",
            ("2.distance_partial.slope.params_total", ""),
            (
                "2.distance.slope.params_total",
                "Without covariates, which could not be held still here: languages differ in more than "
                "distance.",
            ),
        ),
    ),
    Claim(
        id="robust_with_size_xnli",
        sentence="Transfer to distant languages on XNLI is more robust in larger published models.",
        source=HERE,
        quantity="loss on XNLI for 0.1 more of syntactic distance: change for ten times the parameters",
        evidence="published",
        rule=slope_falls("published", ("2.distance.xnli.slope.params_total", "")),
    ),
    Claim(
        id="native_gap_falls",
        sentence="What target-language data add over zero-shot transfer is less in larger models.",
        source=HERE,
        quantity="G_native: change for ten times the parameters",
        rule=slope_falls(
            "measured",
            *(
                (f"3.native{matched}.slope.params_total", f"A{said[1:]}.")
                for matched, said in MATCHED.items()
            ),
            ("3.native.slope.params_total", UNMATCHED),
        ),
    ),
    Claim(
        id="native_gap_falls_mt5",
        sentence="What target-language data add over zero-shot transfer is less in larger mT5.",
        source=HERE,
        quantity="G_native of mT5: change for ten times the parameters",
        evidence="published",
        rule=slope_falls("published", ("3.native.mT5.slope.params_total", "")),
    ),
    Claim(
        id="multilingual_mixture_better",
        sentence="Fine-tuning on multilingual tasks beats English tasks, on other languages.",
        source=XMTF,
        quantity="xP3 minus English-only P3, languages but English, points",
        evidence="published",
        rule=level_above("published", "1.inter.xp3.level"),
    ),
)
"""Every claim, in the order of the report."""


def verdicts(evidence: Evidence, claims: Iterable[Claim] = CLAIMS) -> tuple[ClaimVerdict, ...]:
    """Each claim with its verdict; the same evidence gives the same verdicts."""
    return tuple(_verdict(claim, evidence) for claim in claims)


def _verdict(claim: Claim, evidence: Evidence) -> ClaimVerdict:
    found = both_ways(claim.rule)(evidence)
    return ClaimVerdict(
        id=claim.id,
        sentence=claim.sentence,
        source=claim.source,
        quantity=claim.quantity,
        evidence=claim.evidence,
        verdict=found.verdict,
        reason=found.reason,
        estimate=found.estimate,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        models=found.models,
        about=_about(claim, evidence),
    )


def _about(claim: Claim, evidence: Evidence) -> str:
    if claim.evidence == "published":
        return "published scores"
    if evidence.lab:
        return "the lab's own tasks and models, and no others"
    return "this study's models and data" if evidence.study is not None else "nothing measured"


def by_key(answers: Iterable[Answer]) -> dict[tuple[str, str], Answer]:
    """Answers by source and key, as :class:`~xlgap.analysis.claims.evidence.Evidence` takes them."""
    return {(a.source, a.key): a for a in answers}
