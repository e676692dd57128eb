from __future__ import annotations

import inspect
import re

import pytest

from xlgap import errors
from xlgap.errors import Interrupted, UnknownNameError, XlgapError, suggestion, unknown

FAMILY = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, XlgapError)]


def test_every_error_is_a_value_error_with_a_failing_exit_code():
    for error in FAMILY:
        assert issubclass(error, ValueError)
        assert error.exit_code != 0


def test_the_drawing_names_every_error_and_no_other():
    drawn = set(re.findall(r"[|`]-- (\w+)", errors.__doc__)) | {"XlgapError"}
    assert drawn == {c.__name__ for c in FAMILY}


def test_interrupted_exits_as_a_shell_says_sigint():
    assert Interrupted.exit_code == 130


def test_a_near_match_is_suggested():
    assert suggestion("direct_eng", ["direct_en", "joint"]) == "did you mean 'direct_en'?"


def test_several_near_matches_are_joined():
    assert "or" in suggestion("lab_ni", ["lab_nli", "lab_ner"])


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ((), "none is defined."),
        (("b", "a"), "allowed: a, b."),
        ([f"n{i:02}" for i in range(25)], "(25 in all)"),
    ],
)
def test_without_a_near_match_the_allowed_names_are_listed(known, said):
    assert said in suggestion("zzzzz", known)


def test_unknown_is_one_sentence_with_the_name():
    error = unknown("task", "xnlli", ["xnli", "xquad"])
    assert isinstance(error, UnknownNameError)
    assert str(error) == "unknown task 'xnlli'; did you mean 'xnli'?"
