"""Script shares by Unicode names."""

import pytest

from xlgap.checks.scripts import script_share
from xlgap.languages import LANGUAGES


@pytest.mark.parametrize(
    ("text", "script", "share"),
    [
        ("river 12!", "Latn", 1.0),
        ("tür", "Latn", 1.0),
        ("Привет, Bob", "Cyrl", 2 / 3),
        ("東京タワーへ々", "Jpan", 1.0),
        ("한국어", "Hang", 1.0),
        ("नदी", "Deva", 1.0),  # vowel signs are no letters
        ("river", "Thai", 0.0),
    ],
)
def test_script_share(text: str, script: str, share: float) -> None:
    assert script_share([text], script) == pytest.approx(share)


def test_no_letter_is_missing_not_zero() -> None:
    assert script_share(["12 + 3", ""], "Latn") is None


def test_every_script_of_the_languages_is_known() -> None:
    for language in LANGUAGES:
        assert script_share(["x"], language.script) in (0.0, 1.0)
