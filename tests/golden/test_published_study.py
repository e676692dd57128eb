"""The published study's pairs of mixtures, X-STILTs and disagreements, against worked-out numbers.

Origin: the full results table of BLOOMZ and mT0 (arXiv 2211.01786, median over five English prompts),
RemBERT paper Table 16 for X-STILTs, the EXAMS README, and the disagreements that readers of the sources
noted. Differences and means were worked out by hand from the rows.
"""

from __future__ import annotations

import numpy as np
import pytest

from xlgap.analysis.gap import gap_rows, select
from xlgap.analysis.published.answers import published_answers
from xlgap.analysis.published.disagreements import APART, DisagreementRow, disagreements
from xlgap.analysis.published.distance import published_slopes
from xlgap.analysis.published.pairs import METRIC
from xlgap.analysis.rows import Answer, GapRow
from xlgap.published import load_known_disagreements, load_scores


@pytest.fixture(scope="module")
def rows() -> list[GapRow]:
    return gap_rows(load_scores())


@pytest.fixture(scope="module")
def answers(rows: list[GapRow]) -> dict[str, Answer]:
    scores = load_scores()
    return {a.key: a for a in published_answers(rows, published_slopes(scores), scores)}


@pytest.fixture(scope="module")
def apart() -> list[DisagreementRow]:
    return disagreements(load_scores())


def test_xnli_of_bloomz_176b_by_hand(rows: list[GapRow]) -> None:
    def mean(model: str) -> float:
        values = [
            s.value
            for s in load_scores()
            if (s.model, s.task, s.metric) == (model, "xnli", METRIC)
            and s.arm.endswith("prompts_en")
            and s.language != "en"
        ]
        assert len(values) == 14
        return sum(values) / 14

    [row] = [
        r
        for r in select(rows, gap="inter", model_glob="BLOOMZ-176B", task="xnli")
        if r.language == "avg"
    ]
    assert row.value == pytest.approx(mean("BLOOMZ-176B") - mean("BLOOMZ-176B-p3"))
    assert row.value == pytest.approx(7.11, abs=0.005)


def test_question_1_has_three_pairs_and_is_not_sufficient(answers: dict[str, Answer]) -> None:
    slope = answers["1.inter.xp3.slope.params_total"]
    assert slope.models == ("BLOOMZ-7b1", "mT0-xxl", "BLOOMZ-176B")
    assert not slope.supported
    assert slope.reason.startswith("Not sufficient: 3 models of 3 sizes")
    level = answers["1.inter.xp3.level"]
    assert (level.n, level.proxy, level.supported) == (3, True, False)
    assert level.estimate == pytest.approx(4.21, abs=0.005)
    assert (level.ci_low, level.ci_high) == pytest.approx((1.41, 7.02), abs=0.01)
    assert level.reason.startswith("Not sufficient for a correlation with size: 3 models of 2 families")
    assert "BLOOMZ-176B +5.0" in level.reason


def test_x_stilts_is_from_one_table(answers: dict[str, Answer]) -> None:
    found = answers["1.english_gain.xstilts"]
    assert found.estimate == pytest.approx(2.6)
    for told in ("xnli +0.8", "pawsx +1.5", "udpos +1.1", "wikiann −1.4", "xquad +2.1", "mlqa +0.8"):
        assert told.replace("−", "\N{MINUS SIGN}") in found.reason
    assert "tydiqa +10.9" in found.reason
    assert not found.supported


def test_question_5_is_a_proxy_along_bloom_and_one_order(answers: dict[str, Answer]) -> None:
    joint = answers["5.joint.xp3.slope.params_total"]
    assert (joint.n, joint.proxy, joint.supported) == (6, True, True)
    assert joint.size_range == (559_214_592, 176_247_271_424)
    assert answers["5.sequential.exams"].estimate == pytest.approx(0.5)
    assert not answers["5.sequential.exams"].supported


def test_rows_of_all_sources_are_clustered_and_never_independent(answers: dict[str, Answer]) -> None:
    found = answers["2.rows.xnli.bootstrap.params_total"]
    assert (found.n, found.supported) == (10, True)
    assert found.method.startswith("least squares over 224 rows")
    assert "5 sources and of the 10 models at once" in found.method
    alone = 1.96 * 8 / 224**0.5  # about what independent rows would claim, loss has a spread of 8
    assert found.ci_high - found.ci_low > 4 * alone
    assert not answers["2.rows.xquad.bootstrap.params_total"].supported
    assert answers["2.rows.xquad.bootstrap.params_total"].reason.startswith("Not sufficient: ")


def test_question_4_says_that_nothing_is_published(answers: dict[str, Answer]) -> None:
    assert [a.reason for a in answers.values() if a.question == 4] == [
        "No source prints the score on the intermediate task after the target task."
    ]


def one(found: list[DisagreementRow], **wanted: str) -> DisagreementRow:
    [row] = [r for r in found if all(getattr(r, k) == v for k, v in wanted.items())]
    return row


def test_mt5_xxl_on_tydiqa_has_both_values_and_the_one_that_is_used(
    apart: list[DisagreementRow],
) -> None:
    row = one(apart, model="mT5-XXL", task="tydiqa", language="avg", metric="f1")
    assert row.values == (("mt5_readme", 82.0), ("mt5_paper_secondary", 80.8))
    assert ("native", "mt5_readme") in row.used
    assert row.why == "mt5_readme covers most models of the family"


def test_translate_train_of_mt5_small_has_three_values(apart: list[DisagreementRow]) -> None:
    row = one(apart, model="mT5-Small", task="xnli", language="avg", arm="translate_train")
    assert dict(row.values) == {
        "byt5_paper": 75.3,
        "mt5_paper_secondary": 64.7,
        "unimax (split unstated)": 72.0,
    }


def test_x_stilts_named_entities_and_questions_disagree(apart: list[DisagreementRow]) -> None:
    arm = "english_intermediate:best_per_task (X-STILTs)"
    found = {r.task: dict(r.values) for r in apart if r.arm == arm}
    assert found == {
        "wikiann": {"mt5_readme": 64.7, "rembert_paper": 64.0},
        "xquad": {"mt5_readme": 77.2, "rembert_paper": 78.7},
    }


def test_single_languages_are_listed_after_the_averages(apart: list[DisagreementRow]) -> None:
    row = one(apart, model="XLM-R base", task="mlqa", language="hi", metric="f1")
    assert dict(row.values) == {"xlmr_paper": 59.4, "minilm_readme": 57.9, "xlmv_paper": 59.3}
    languages = [r.language == "avg" for r in apart]
    assert languages == sorted(languages, reverse=True)


def test_every_disagreement_is_wider_than_half_a_point_and_between_two(
    apart: list[DisagreementRow],
) -> None:
    assert len(apart) > 150
    for row in apart:
        numbers = [value for _, value in row.values]
        assert row.spread == pytest.approx(max(numbers) - min(numbers))
        assert row.spread > APART
        assert len(row.values) > 1


def test_what_readers_noted_is_carried() -> None:
    known = load_known_disagreements()
    assert len(known) == 15
    [misprint] = [k.what for k in known if k.where == "ERNIE-M README, XLM-R large MLQA hi F1"]
    assert misprint == "62.9, paper 69.2"


def test_errors_over_the_same_languages_weigh_no_model(answers: dict[str, Answer]) -> None:
    """mBERT loses most and has the largest error: weighted by it the line would pass below it."""
    slopes = {s.model: s for s in published_slopes(load_scores()) if s.task == "xnli"}
    answer = answers["2.distance.xnli.slope.params_total"]
    sizes = [np.log10(slopes[model].params_total) for model in answer.models]
    lost = [slopes[model].loss_per_tenth for model in answer.models]
    assert answer.n == 10
    assert answer.estimate == pytest.approx(np.polyfit(sizes, lost, 1)[0])
    assert answer.known_low is None
    assert "over the same languages" in answer.method


def test_ladders_of_five_sizes_are_not_extrapolated(answers: dict[str, Answer]) -> None:
    ends = [a for key, a in answers.items() if key.endswith(".at.175e9")]
    assert ends
    assert not any(a.supported for a in ends)
    assert all("5 sizes" in a.reason for a in ends)
