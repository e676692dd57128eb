"""Answer comparison against the published rules, to the last digit, on committed vectors.

Origin of the rules, each written out anew below as its script has it, step by step: SQuAD v1.1's
``evaluate-v1.1.py`` (arXiv 1606.05250), SQuAD v2.0's ``evaluate-v2.0.py`` (arXiv 1806.03822), MLQA's
``mlqa_evaluation_v1.py`` (arXiv 1910.07475; github.com/facebookresearch/MLQA). Origin of the vectors:
invented answers, chosen to meet every step of the rules; the numbers beside them are the references',
and were checked by hand where they are no more than a ratio of two counts.
"""

from __future__ import annotations

import re
import string
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.qa_normalise import (
    answers_or_none,
    best_f1s,
    exact_matches,
    normalise,
    normalise_aware,
    normalise_mlqa,
)
from xlgap.tasks import get_task

# (language, prediction, gold answers,
#  SQuAD v1.1 F1 and EM, MLQA F1 and EM, language-aware F1; its EM is 1 where its F1 is)
VECTORS = (
    ("en", "the Denver Broncos", ["Denver Broncos"], 1.0, 1.0, 1.0, 1.0, 1.0),
    ("en", "Denver", ["Denver Broncos", "Carolina"], 0.6666666666666666, 0.0, 0.6666666666666666, 0.0,
     0.6666666666666666),
    ("en", "a “quoted” word", ["quoted word"], 0.5, 0.0, 1.0, 1.0, 1.0),
    ("en", "the", ["an"], 0.0, 1.0, 0.0, 1.0, 1.0),
    ("en", "", ["Denver"], 0.0, 0.0, 0.0, 0.0, 0.0),
    ("en", "one two three", ["two three four five six seven eight"], 0.4, 0.0, 0.4, 0.0, 0.4),
    ("de", "Der Turm am Fluss", ["turm am Fluss."], 0.8571428571428571, 0.0, 1.0, 1.0, 1.0),
    ("de", "die alte Brücke", ["eine alte Brücke"], 0.6666666666666666, 0.0, 1.0, 1.0, 1.0),
    ("es", "¿la casa roja?", ["una casa roja"], 0.6666666666666666, 0.0, 1.0, 1.0, 1.0),
    ("vi", "những con mèo", ["con mèo"], 0.8, 0.0, 1.0, 1.0, 0.8),  # "những" is no article
    ("hi", "१९४७।", ["१९४७"], 0.0, 0.0, 1.0, 1.0, 1.0),
    ("ar", "البيت الكبير", ["بيت كبير"], 0.0, 0.0, 1.0, 1.0, 1.0),
    ("ar", "مالك", ["مك"], 0.0, 0.0, 0.0, 0.0, 0.0),
    ("ar", "سالم", ["س م"], 0.0, 0.0, 1.0, 1.0, 0.0),  # MLQA's rule cuts the article out of a name
    ("zh", "北京市", ["北京"], 0.0, 0.0, 0.8, 0.0, 0.8),
    ("zh", "1961年5月", ["1961年"], 0.0, 0.0, 0.6666666666666666, 0.0, 0.6666666666666666),
    ("zh", "《红楼梦》", ["红楼梦"], 0.0, 0.0, 1.0, 1.0, 1.0),
    ("zh", "１９６１年", ["1961年"], 0.0, 0.0, 0.5, 0.0, 1.0),  # full-width digits
)  # fmt: skip


def squad_normalize(s: str) -> str:
    exclude = set(string.punctuation)
    text = "".join(ch for ch in s.lower() if ch not in exclude)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


PUNCT = {chr(i) for i in range(sys.maxunicode) if unicodedata.category(chr(i)).startswith("P")}
PUNCT |= set(string.punctuation)


def mlqa_segments(text: str) -> list[str]:
    found: list[str] = []
    waiting = ""
    for char in text:
        if re.search(r"[\u4e00-\u9fa5]", char) or char in PUNCT:
            if waiting != "":
                found.extend(waiting.split())
                waiting = ""
            found.append(char)
        else:
            waiting += char
    if waiting != "":
        found.extend(waiting.split())
    return found


def mlqa_normalize(s: str, lang: str) -> str:
    text = "".join(ch for ch in s.lower() if ch not in PUNCT)
    if lang == "en":
        text = re.sub(r"\b(a|an|the)\b", " ", text)
    elif lang == "es":
        text = re.sub(r"\b(un|una|unos|unas|el|la|los|las)\b", " ", text)
    elif lang == "vi":
        text = re.sub(r"\b(của|là|cái|chiếc|những)\b", " ", text)
    elif lang == "de":
        text = re.sub(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b", " ", text)
    elif lang == "ar":
        text = re.sub("\\sال^|ال", " ", text)
    tokens = mlqa_segments(text) if lang == "zh" else text.split()
    return " ".join(t for t in tokens if t.strip() != "")


def script_f1(prediction: str, truth: str) -> float:
    """F1 of two normalised answers as in v1.1 and MLQA."""
    prediction_tokens, truth_tokens = prediction.split(), truth.split()
    common = Counter(prediction_tokens) & Counter(truth_tokens)
    num_same = sum(common.values())
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(prediction_tokens)
    recall = 1.0 * num_same / len(truth_tokens)
    return (2 * precision * recall) / (precision + recall)


def over_truths(metric: Callable[[str, str], float], prediction: str, truths: list[str]) -> float:
    return max(metric(prediction, truth) for truth in truths)


def squad2_f1(a_gold: str, a_pred: str) -> float:
    gold_toks, pred_toks = squad_normalize(a_gold).split(), squad_normalize(a_pred).split()
    if len(gold_toks) == 0 or len(pred_toks) == 0:
        return int(gold_toks == pred_toks)
    return script_f1(" ".join(pred_toks), " ".join(gold_toks))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v[0]}-{v[1]}")
def test_references_ours_and_the_committed_numbers_agree_to_the_last_digit(vector: tuple) -> None:
    language, given, answers, f1, em, f1_mlqa, em_mlqa, f1_aware = vector

    def by_squad(p: str, t: str) -> float:
        return script_f1(squad_normalize(p), squad_normalize(t))

    def by_mlqa(p: str, t: str) -> float:
        return script_f1(mlqa_normalize(p, language), mlqa_normalize(t, language))

    def equal_by_mlqa(p: str, t: str) -> float:
        return mlqa_normalize(p, language) == mlqa_normalize(t, language)

    assert over_truths(by_squad, given, answers) == f1 == best_f1s([given], [answers])
    exact = over_truths(lambda p, t: squad_normalize(p) == squad_normalize(t), given, answers)
    assert exact == em == exact_matches([given], [answers])

    def mlqa(text: str) -> str:
        return normalise_mlqa(text, language)

    assert over_truths(by_mlqa, given, answers) == f1_mlqa == best_f1s([given], [answers], mlqa)
    em = exact_matches([given], [answers], mlqa)
    assert over_truths(equal_by_mlqa, given, answers) == em_mlqa == em

    def aware(text: str) -> str:
        return normalise_aware(text, language)

    assert best_f1s([given], [answers], aware, empty=True) == f1_aware
    assert exact_matches([given], [answers], aware) == (f1_aware == 1)


WORDS = st.lists(
    st.sampled_from(["a", "the", "of", "old", "Old", "bridge", "bridge,", "7"]), max_size=5
)
TEXTS = WORDS.map(" ".join)


@given(st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=4)), max_size=12))
def test_many_answers_at_once_are_scored_as_each_by_the_script(pairs: list) -> None:
    given_texts, answers = [text for text, _ in pairs], [some for _, some in pairs]

    def by_squad(p: str, t: str) -> float:
        return script_f1(squad_normalize(p), squad_normalize(t))

    def equal(p: str, t: str) -> float:
        return squad_normalize(p) == squad_normalize(t)

    f1, exact = best_f1s(given_texts, answers), exact_matches(given_texts, answers)
    assert [*f1] == [over_truths(by_squad, *pair) for pair in pairs]
    assert [*exact] == [over_truths(equal, *pair) for pair in pairs]


SQUAD2 = (  # prediction, gold answers, F1 and EM of SQuAD v2.0
    ("", [], 1.0, 1.0),
    ("Denver", [], 0.0, 0.0),
    ("the", [], 1.0, 1.0),  # nothing is left of it
    ("", ["Denver"], 0.0, 0.0),
    ("the", ["an"], 1.0, 1.0),  # no gold answer is left, so none is right
    ("Denver", ["the", "Denver Broncos"], 0.6666666666666666, 0.0),
    ("", ["the", "Denver"], 0.0, 0.0),
)


@pytest.mark.parametrize(("given", "answers", "f1", "em"), SQUAD2)
def test_unanswerable_questions_count_as_in_the_script_of_squad_2(
    given: str, answers: list[str], f1: float, em: float
) -> None:
    gold_answers = [a for a in answers if squad_normalize(a)] or [""]
    assert max(squad2_f1(a, given) for a in gold_answers) == f1
    assert max(int(squad_normalize(a) == squad_normalize(given)) for a in gold_answers) == em
    assert best_f1s([given], [answers_or_none(answers)], empty=True) == f1
    row = {"id": "1", "answers": {"text": answers, "answer_start": [0] * len(answers)}}
    scores = [
        get_metric(name, get_task("squad2")).score(
            get_task("squad2"), [row], [{"id": "1", "text": given}], "en"
        )
        for name in ("f1", "em")
    ]
    assert scores == [100 * f1, 100 * em]


SCRIPTS = (
    "aA z' ١٢ ال بيت है। 中国、》ก็ำ ိမြ ｱがガ한글 Iİı ß Σς -–—“”.,$+ \t\u00a0\u200f\u3000 the der của el"
)


def test_normalisers_equal_the_references_on_every_pair_of_characters() -> None:
    pieces = [*SCRIPTS.split(" "), *SCRIPTS]
    for one in pieces:
        for other in pieces:
            for text in (one + other, f"{one} {other}"):
                assert normalise(text) == squad_normalize(text)
                for language in ("ar", "de", "en", "es", "hi", "vi", "zh"):
                    assert normalise_mlqa(text, language) == mlqa_normalize(text, language)
