"""The join of near-duplicates: exact, in every script, and cheap."""

from __future__ import annotations

import random

import pytest

from xlgap.near import THRESHOLD, NearIndex, jaccard, normal, shingle_size, weight

SENTENCES = {
    "en": "The old ferry crossed the river twice a day until the bridge was opened in 1974.",
    "ru": "Старый паром дважды в день пересекал реку, пока в 1974 году не открыли мост.",
    "ar": "كانت العبارة القديمة تعبر النهر مرتين في اليوم حتى افتتح الجسر عام 1974.",
    "hi": "पुरानी नौका दिन में दो बार नदी पार करती थी जब तक 1974 में पुल नहीं खुला।",
    "th": "เรือข้ามฟากเก่าข้ามแม่น้ำวันละสองครั้งจนกระทั่งสะพานเปิดในปี 1974",
    "zh": "在大桥于1974年开通之前，这艘古老的渡船每天两次往返于河流两岸之间，运送村民和牲畜。",
    "ja": "1974年に橋が開通するまで、古い渡し船は一日に二度川を渡り、村人と家畜を運んでいた。",
    "ko": "낡은 나룻배는 1974년에 다리가 개통될 때까지 하루에 두 번 사람들을 태우고 강을 건넜다.",
}


def similar(a: str, b: str, threshold: float) -> bool:
    return bool(NearIndex([normal(a)], threshold).matches([normal(b)]))


def changed(text: str, places: list[int]) -> str:
    """``text`` with single characters replaced, word order kept."""
    letters = list(text)
    for place in places:
        letters[place] = "0"
    return "".join(letters)


@pytest.mark.parametrize("language", SENTENCES)
def test_a_few_changed_characters_are_found_in_every_script(language: str) -> None:
    text = SENTENCES[language]
    assert similar(text, changed(text, [5, len(text) // 2, len(text) - 6]), THRESHOLD)


@pytest.mark.parametrize("language", SENTENCES)
def test_a_text_half_of_which_is_another_is_no_near_duplicate(language: str) -> None:
    text = SENTENCES[language]
    half = len(text) // 2
    assert not similar(text, text[:half] + text[:half][::-1], THRESHOLD)


def test_what_is_no_letter_and_no_digit_makes_no_difference() -> None:
    assert normal("Thank  you , Ann ( 12 ) !") == normal("thank you, Ann (１２)!")
    assert normal("नदी।") == "नदी"  # a vowel sign is no letter, and stays
    assert normal("in 1974") != normal("in 1975")
    assert normal("... !") == ""


def test_wide_characters_say_more_and_have_shorter_shingles() -> None:
    assert weight("abc") == 3
    assert weight("渡し船") == 9
    assert weight("สะพาน") == 5
    assert shingle_size(normal(SENTENCES["th"])) == 4
    assert shingle_size(normal(SENTENCES["zh"])) == 2


def _texts(generator: random.Random, count: int, words: int) -> list[str]:
    """Texts of few words, so that many are alike; some copies with a few changes."""
    vocabulary = [w for s in SENTENCES.values() for w in (s.split() if " " in s else list(s))]
    found: list[str] = []
    while len(found) < count:
        text = normal(" ".join(generator.choices(vocabulary, k=generator.randint(1, words))))
        if found and generator.random() < 0.4:
            text = normal(changed(generator.choice(found), [0]) + generator.choice(["", "x", "xyz"]))
        if text:
            found.append(text)
    return found


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("words", [2, 12])
def test_the_join_finds_what_comparing_every_pair_finds(threshold: float, words: int) -> None:
    generator = random.Random(words)
    left, right = _texts(generator, 150, words), _texts(generator, 150, words)
    right += left[:5]
    expected = {
        (i, j): jaccard(a, b)
        for i, a in enumerate(left)
        for j, b in enumerate(right)
        if jaccard(a, b) >= threshold
    }
    found = NearIndex(right, threshold).matches(left)
    assert {(near.left, near.right): near.similarity for near in found} == expected
    assert len(found) == len(expected)
    assert expected


def test_nothing_is_near_anything_in_an_empty_collection() -> None:
    assert NearIndex([], 0.7).matches(["abcdef"]) == []
    assert NearIndex(["abcdef"], 0.7).matches([]) == []


@pytest.mark.slow
def test_of_a_hundred_thousand_short_texts_few_pairs_are_measured() -> None:
    generator = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(generator.choices(letters, k=generator.randint(2, 9))) for _ in range(5000)]
    texts = ["".join(generator.choices(words, k=20)) for _ in range(100_000)]
    asked = [changed(texts[i], [3, 20, 37]) for i in range(0, 100_000, 100)]
    index = NearIndex(texts, THRESHOLD)
    found = {(near.left * 100, near.right) for near in index.matches(asked)}
    assert sum((i, i) in found for i in range(0, 100_000, 100)) >= 990
    assert index.measured < 10 * len(asked)  # of 100,000 for each that comparing all would take
