from __future__ import annotations

import doctest
import sys

import pytest

import xlgap.planning  # noqa: F401 (its modules, not the functions that it re-exports)


@pytest.mark.parametrize("name", ["memory", "tables"])
def test_examples_in_docstrings(name):
    result = doctest.testmod(sys.modules[f"xlgap.planning.{name}"])
    assert result.attempted > 0
    assert result.failed == 0
