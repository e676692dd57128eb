"""Answer metrics on texts of every script: order, case, marks, empty answers."""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlgap.errors import ConfigError
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.qa_normalise import (
    best_f1s,
    exact_matches,
    normalise,
    normalise_aware,
    normalise_mlqa,
)
from xlgap.languages import CODES
from xlgap.tasks import get_task

ANSWERS = {
    "ar": "برج القاهرة",
    "bn": "ঢাকা শহর",
    "de": "alte Brücke",
    "el": "παλιά γέφυρα",
    "en": "old bridge",
    "es": "puente viejo",
    "fi": "vanha silta",
    "hi": "पुराना पुल",
    "id": "jembatan tua",
    "ko": "오래된 다리",
    "ro": "pod vechi",
    "ru": "старый мост",
    "sw": "daraja kuukuu",
    "te": "పాత వంతెన",
    "th": "สะพานเก่า",
    "tr": "eski köprü",
    "vi": "cầu cũ",
    "zh": "老石桥",
    "ja": "古い石の橋",
    "my": "တံတားဟောင်း",
    "ka": "ძველი ხიდი",
}
METRICS = {name: get_task(name).metrics for name in ("xquad", "tydiqa", "mlqa")}
of_each_language = pytest.mark.parametrize(("language", "answer"), ANSWERS.items())
TEXTS = st.text(alphabet="aAzßΣİıI .,-–「」、।؟ال中国がカก็เ้မြိ한१٣ é\u200d", max_size=12)


@pytest.mark.parametrize(
    ("task", "name", "language"),
    [
        (task, name, language)
        for task, names in METRICS.items()
        for name in names
        for language in get_task(task).eval_languages
    ],
)
def test_the_order_of_items_does_not_matter_and_empty_answers_are_wrong(
    task: str, name: str, language: str
) -> None:
    metric, of = get_metric(name, get_task(task)), get_task(task)
    texts = [f"{ANSWERS[language]} {n}" for n in range(7)]
    gold = [{"id": str(i), "answers": {"text": [t], "answer_start": [0]}} for i, t in enumerate(texts)]
    found = [{"id": str(i), "text": t if i % 2 else texts[0]} for i, t in enumerate(texts)]
    score = metric.score(of, gold, found, language)
    assert 0 < score < 100
    random.Random(3).shuffle(gold)
    random.Random(5).shuffle(found)
    assert metric.score(of, gold, found, language) == pytest.approx(score, abs=1e-12)
    assert metric.score(of, gold, [{**row, "text": ""} for row in found], language) == 0
    assert metric.score(of, gold, [{**row, "text": " \u3000\n"} for row in found], language) == 0


@of_each_language
def test_case_space_and_marks_of_the_script_do_not_matter_to_the_aware_f1(
    language: str, answer: str
) -> None:
    upper = answer.replace("i", "İ").upper() if language == "tr" else answer.upper()
    for other in (upper, f"  {answer}。", f"«{answer}»", f"「{answer}」", f"{answer}।", f"؟{answer}"):
        assert normalise_aware(other, language) == normalise_aware(answer, language), other
    assert normalise_aware(unicodedata.normalize("NFD", answer), language) == normalise_aware(
        answer, language
    )


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("th", "สะพานเก่า", "ส ะ พ า น เ ก่ า"),
        ("zh", "老石桥 2", "老 石 桥 2"),
        ("ja", "古いハシ", "古 い ハ シ"),
        ("my", "မြို့", "မြို့"),
        ("ko", "오래된 다리", "오래된 다리"),
        ("el", "η παλιά γέφυρα", "παλιά γέφυρα"),
        ("tr", "IRMAK İLE", "ırmak ile"),
        ("ar", "البيت وسالم", "بيت وسالم"),
        ("en", "the 北京 hotel", "北 京 hotel"),
    ],
)
def test_words_of_the_aware_normaliser(language: str, text: str, words: str) -> None:
    assert normalise_aware(text, language) == words


@of_each_language
def test_a_part_of_an_answer_is_worth_something_in_every_script(language: str, answer: str) -> None:
    part = answer.split()[-1] if " " in answer else answer[: len(answer) // 2]
    score = best_f1s([part], [[answer]], lambda text: normalise_aware(text, language))
    assert 0.3 < score < 1


@given(TEXTS, st.sampled_from(sorted(CODES)))
def test_an_answer_equals_itself_whatever_it_is_made_of(text: str, language: str) -> None:
    assert exact_matches([text], [[text]]) == 1
    assert best_f1s([text], [[text]], lambda t: normalise_aware(t, language), empty=True) == 1
    assert best_f1s([text], [[text]]) == bool(normalise(text))  # in SQuAD v1.1 nothing shares no word


@given(TEXTS, TEXTS, st.sampled_from(sorted(CODES)))
def test_the_aware_f1_is_symmetric_and_1_exactly_for_the_same_words(
    one: str, other: str, language: str
) -> None:
    def words(text: str) -> str:
        return normalise_aware(text, language)

    score = best_f1s([one], [[other]], words, empty=True)
    assert score == pytest.approx(best_f1s([other], [[one]], words, empty=True))
    assert (score == 1) == (sorted(words(one).split()) == sorted(words(other).split()))


def test_mlqa_has_no_rule_for_other_languages() -> None:
    with pytest.raises(ConfigError, match=r"no rule for language 'sw'; it has: ar, de, en"):
        normalise_mlqa("daraja", "sw")
