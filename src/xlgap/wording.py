"""What a value of ``params.yaml`` must be, in the words of the file rather than of what checks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

UNKNOWN = {"extra_forbidden", "invalid_key"}
"""Kinds of problem that are a key which the section does not have; an ``invalid_key`` is no text."""

_WHOLE_NUMBER, _NUMBER = "must be a whole number", "must be a number"
_MAPPING = "must be a mapping of keys"
_REQUIREMENTS = {
    "string_pattern_mismatch": "a name may hold only a-z, 0-9 and _",
    "string_too_long": "a name may have at most {max_length} letters",
    "string_too_short": "must not be empty",
    "string_type": "must be text",
    "string_unicode": "must be text",
    "int_type": _WHOLE_NUMBER,
    "int_parsing": _WHOLE_NUMBER,
    "int_parsing_size": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "tuple_type": "must be a list",
    "too_short": "must have at least {min_length} entry",
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "value_error": "{error}",
}


def requirement(problem: ErrorDetails) -> str:
    """What the value of a problem that pydantic found must be."""
    if problem["type"] not in _REQUIREMENTS:
        return f"must be another value ({problem['msg']})"
    words = _REQUIREMENTS[problem["type"]].format(**problem.get("ctx", {}))
    if problem["type"] == "string_type" and isinstance(problem["input"], bool):
        return f"{words}: YAML reads no, yes, on and off as true or false, so write it in quotes"
    return words


def short(text: str) -> str:
    """``text``, cut where it would fill the screen."""
    return text if len(text) <= 70 else f"{text[:60]}... ({len(text)} letters)"
