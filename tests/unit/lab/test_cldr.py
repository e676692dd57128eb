"""CLDR data, and fall-backs to another language."""

from __future__ import annotations

import pytest
from babel import Locale, localedata

from xlgap.errors import DataError
from xlgap.lab import cldr
from xlgap.lab.world import World
from xlgap.languages import CODES


def test_all_languages_of_the_benchmark_but_haitian_creole_are_there() -> None:
    assert set(CODES) - set(cldr.supported()) == {"ht"}


def test_haitian_creole_is_french_in_babel_and_refused_here() -> None:
    assert Locale.parse("ht").territories["DE"] == "Allemagne"  # what a silent fall-back would give
    with pytest.raises(DataError, match=r"Haitian Creole \(ht\).*French"):
        cldr.locale("ht")


def test_a_world_with_a_refused_language_cannot_speak() -> None:
    with pytest.raises(DataError, match="remove ht from 'languages'"):
        _ = World(("en", "ht")).lexicons


def test_a_language_with_its_own_data_has_no_parent_language() -> None:
    assert [c for c in cldr.supported() if cldr.parent_language(c) is not None] == []
    assert cldr.parent_language("ht") == "French"


def test_reading_own_data_leaves_babels_cache_whole() -> None:
    cldr.own.cache_clear()
    localedata._cache.clear()
    cldr.own("jv")
    assert "start" in Locale.parse("jv").list_patterns["standard"]  # inherited from root


def test_gaps_are_named_for_sparse_languages_and_empty_for_full_ones() -> None:
    assert cldr.gaps("de") == ()
    assert "date_fields/year" in cldr.gaps("qu")
    assert "unit_patterns/length-meter" in cldr.gaps("wo")


@pytest.mark.parametrize("tag", ["ceb", "tlh", "zh-Hant", "pt-BR", "sr-Latn-RS", "es-419"])
def test_tags_of_languages_that_cldr_has_a_name_of(tag: str) -> None:
    assert cldr.is_language_tag(tag)


@pytest.mark.parametrize(
    "tag", ["", "e", "CEB", "xxx", "klingon", "zh_Hant", "zh-hant", "mul", "pt-XX"]
)
def test_what_is_no_tag_of_a_language(tag: str) -> None:
    assert not cldr.is_language_tag(tag)
