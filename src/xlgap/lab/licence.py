"""Licence and citation of the lab's data, the same for all its tasks."""

from __future__ import annotations

LICENCE = "Unicode-3.0 (CLDR)"
CITATION = (
    "Unicode Common Locale Data Repository (CLDR), as distributed in Babel 2.18.0; "
    "https://cldr.unicode.org, licence https://www.unicode.org/license.txt"
)
