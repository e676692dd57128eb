from __future__ import annotations

import pydantic
import pytest

from xlgap.wording import requirement


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (str, b"\xff", "must be text"),
        (pydantic.UUID4, "x", "must be another value (Input should be a valid UUID"),  # has no words
    ],
)
def test_every_kind_of_problem_has_words(kind, value, said):
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(kind).validate_python(value)
    assert requirement(caught.value.errors()[0]).startswith(said)
