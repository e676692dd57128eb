from __future__ import annotations

import pytest

from xlgap.errors import UnknownNameError
from xlgap.languages import CODES, LANGUAGES, get_language


def test_fifty_languages_in_order_of_their_codes():
    assert len(LANGUAGES) == 50
    assert list(CODES) == sorted(set(CODES))


def test_codes_have_the_shape_of_their_standards():
    for language in LANGUAGES:
        assert len(language.code) == 2
        assert len(language.iso639_3) == 3
        assert language.script.istitle()
        assert len(language.script) == 4
    assert len({language.iso639_3 for language in LANGUAGES}) == 50


def test_a_genus_lies_in_one_family():
    families: dict[str, set[str]] = {}
    for language in LANGUAGES:
        families.setdefault(language.genus, set()).add(language.family)
    assert [genus for genus, found in families.items() if len(found) > 1] == []


def test_spaceless_languages():
    assert {la.code for la in LANGUAGES if la.spaceless} == {"zh", "ja", "th", "my"}


def test_an_unknown_code_is_refused():
    assert get_language("sw").name == "Swahili"
    with pytest.raises(UnknownNameError, match="unknown language 'xx'"):
        get_language("xx")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("EN", "'EN'; codes are in small letters: did you mean 'en'"),
        ("swh", "'swh'; did you mean 'sw'"),
        ("Swahili", "'Swahili'; did you mean 'sw'"),
        ("zh_Hant", "'zh_Hant'; did you mean 'zh'"),
        ("klingon", "'klingon'; allowed: af, ar"),
    ],
)
def test_what_may_be_meant_is_told(code: str, said: str):
    with pytest.raises(UnknownNameError, match=said):
        get_language(code)
