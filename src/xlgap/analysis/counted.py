"""A count and its noun."""

from __future__ import annotations

import re


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``count`` with ``noun`` in the right number.

    Args:
        count: how many.
        noun: the word for one.
        plural: the word for several, where neither -s nor -ies makes it.

    Example:
        >>> counted(1, "language"), counted(2, "family"), counted(1, "genus", "genera")
        ('1 language', '2 families', '1 genus')
    """
    if count == 1:
        return f"{count} {noun}"
    regular = re.sub(r"(?<=[^aeiou])y$", "ie", noun) + "s"
    return f"{count} {plural or regular}"
