"""Published scores arrive whole, in the row type of measured ones, with their regimes told apart."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from xlgap.analysis.words import short_number
from xlgap.published import load_languages, load_scores
from xlgap.published.loader import family_of, read_table
from xlgap.published.names import metric_name, regime_name, slug, split_name, task_name

DOCUMENT = Path(__file__).parents[3] / "docs" / "published.md"


def test_every_row_of_the_table_is_a_score() -> None:
    scores = load_scores()
    assert len(scores) == len(read_table("results")) == 22_176
    assert {s.source for s in scores} == {"published"}
    assert all(s.publication and s.seen_at for s in scores)


def test_the_document_counts_models_and_sizes_as_they_are() -> None:
    sizes = {s.model: s.params_total for s in load_scores()}
    known = sorted(size for size in sizes.values() if size)
    text = " ".join(DOCUMENT.read_text(encoding="utf8").split())
    assert (
        f"on {len(load_scores()):,} published ones (`src/xlgap/published/tables`): {len(sizes)} model "
        f"names, {len(known)} of them of known size, {short_number(known[0])} to "
        f"{short_number(known[-1])} parameters."
    ) in text


def test_second_call_reads_nothing() -> None:
    assert load_scores() is load_scores()


@pytest.mark.parametrize(
    ("published", "regime"),
    [
        ("zero_shot_english", "direct_en"),
        ("in_language", "direct_tgt"),
        ("in_language:multitask", "direct_tgt"),
        ("english_intermediate:RACE then SciENs", "intermediate_en"),
        ("english_intermediate:RACE then SciENs, then in_language:multitask",
         "intermediate_en_then_direct_tgt"),
        ("multilingual_intermediate:xP3 multitask+prompting:0-shot:prompts_en",
         "multilingual_intermediate"),
        ("translate_train", "translate_train"),
        ("translate_train_all", "translate_train_all"),
        ("prompting:8-shot", "prompting"),
        ("no training (retrieval)", "no_training_retrieval"),
    ],
)  # fmt: skip
def test_regimes_in_house_terms(published: str, regime: str) -> None:
    assert regime_name(published) == regime


def test_raw_regime_text_is_kept_and_names_the_training_language() -> None:
    multitask = [s for s in load_scores() if s.arm == "in_language:multitask" and s.language == "sw"]
    assert multitask
    assert {s.train_language for s in multitask} == {"sw"}
    zero_shot = [s for s in load_scores() if s.arm == "zero_shot_english"]
    assert {s.train_language for s in zero_shot} == {"en"}


def test_unknown_is_none_not_zero() -> None:
    by_params = Counter(s.params_total is None for s in load_scores())
    assert by_params[True] == 372
    assert not any(s.params_total == 0 for s in load_scores())
    assert {s.stderr for s in load_scores() if s.publication == "mt5_readme"} == {None}


def test_seeds_are_read_from_the_note() -> None:
    seeds = {s.seed for s in load_scores() if s.publication == "xlmv_repro"}
    assert {1, 2, 3, 4, 5} <= seeds


def test_chance_is_stated_only_where_labels_are_balanced() -> None:
    chance = {s.task: s.chance for s in load_scores() if s.metric == "accuracy"}
    assert chance["xnli"] == pytest.approx(100 / 3)
    assert chance["xcopa"] == 50.0
    assert chance["pawsx"] is None


def test_names() -> None:
    assert task_name("WikiANN NER") == "wikiann"
    assert task_name("XNLI") == "xnli"
    assert metric_name("bits_per_byte (lower is better)") == "bits_per_byte"
    assert metric_name("map@20") == "map20"
    assert slug("KLUE-MRC") == "klue_mrc"
    assert [split_name(s) for s in ("test (XTREME)", "validation", "as printed: dev", "")] == [
        "test", "dev", "dev", "unstated",
    ]  # fmt: skip


def test_family_of_variants_is_that_of_their_longest_known_prefix() -> None:
    families = {"BLOOMZ-7b1": "BLOOM", "BLOOM-7b1": "BLOOM", "mT5-Large": "mT5"}
    assert family_of("BLOOMZ-7b1-mt", families) == "BLOOM"
    assert family_of("mT5-Large (alpha 0.7)", families) == "mT5"
    assert family_of("falcon-40b", families) == "falcon"


def test_languages_have_distances_from_english() -> None:
    facts = load_languages()
    assert len(facts) == 50
    assert facts["en"].syntax == 0
    assert facts["nl"].syntax == pytest.approx(0.0757)
    assert facts["ht"].cc100_gib is None
