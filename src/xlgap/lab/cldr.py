"""Unicode CLDR data of one language, as Babel carries it, with language fall-backs refused.

CLDR is a tree: what a locale does not say is taken from its parent, up to ``root``. Two kinds of
inheritance must be told apart. ``root`` is no language: its symbols ("5 km", "+3 d") are used in every
language that has no word of its own, and :func:`gaps` lists where. Another *language* as parent is a
fall-back that would pass French off as Haitian Creole; :func:`load` refuses it.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale, localedata
from babel.core import get_global

from xlgap.errors import DataError
from xlgap.languages import CODES, get_language

ALIASES: Mapping[str, str] = {"tl": "fil"}
"""Codes that CLDR itself replaces: Tagalog is kept under Filipino."""

CATEGORIES = ("territories", "languages", "currency_names")
"""Name tables that a language must have itself; without them it has no entity to speak of."""

_NO_LANGUAGE = {"mis", "mul", "und", "zxx"}


@cache
def own(code: str) -> Mapping[str, Any]:
    """What the locale file of ``code`` itself says, without anything inherited.

    The file is read here, because ``babel.localedata.load(name, merge_inherited=False)`` leaves the
    bare data in Babel's cache, where they stand for the full locale from then on.
    """
    name = ALIASES.get(code, code)
    if not localedata.exists(name):
        return {}
    file = Path(localedata.resolve_locale_filename(name))
    said: Mapping[str, Any] = pickle.loads(file.read_bytes())  # noqa: S301 (a file of Babel's package)
    return said


@cache
def locale(code: str) -> Locale:
    """The Babel locale of an ISO 639-1 ``code``, its data inherited from ``root`` alone.

    Raises:
        UnknownNameError: not a language of XTREME-R.
        DataError: CLDR has no data of its own for the language.
    """
    language = get_language(code)
    lacking = [category for category in CATEGORIES if not own(code).get(category)]
    if lacking:
        instead = parent_language(code)
        source = f"Babel would silently give {instead}" if instead else "nothing is inherited"
        raise DataError(
            f"CLDR has no {', '.join(lacking)} in {language.name} ({code}); {source}, so the lab "
            f"cannot speak it: remove {code} from 'languages' (the lab has: {', '.join(supported())})."
        )
    return Locale.parse(ALIASES.get(code, code))


def parent_language(code: str) -> str | None:
    """The name of another language whose data stand in for ``code``, or ``None``.

    A fall-back shows in two ways, and both must hold: CLDR names a parent other than ``root``
    (``ht`` -> ``fr_HT``), and the merged name tables are, but for a few entries, that language's.
    """
    name = ALIASES.get(code, code)
    parent = get_global("parent_exceptions").get(name, "root")
    language = str(parent).split("_")[0]
    if language not in CODES or language == name or not localedata.exists(name):
        return None
    merged, inherited = localedata.load(name), localedata.load(language)
    equal = total = 0
    for category in CATEGORIES:
        total += len(inherited[category])
        equal += sum(merged[category].get(key) == text for key, text in inherited[category].items())
    return get_language(language).name if equal > 0.9 * total else None


@cache
def supported() -> tuple[str, ...]:
    """The languages of XTREME-R that CLDR has in their own right: 49 of 50."""
    return tuple(code for code in CODES if all(own(code).get(c) for c in CATEGORIES))


@cache
def is_language_tag(tag: str) -> bool:
    """Whether ``tag`` is a BCP 47 tag, in its usual letters, of a language that CLDR has a name of.

    Language, script and region: ``ceb``, ``zh-Hant``, ``sr-Latn-RS``. What stands for no single
    language (``mul``, ``und``, ``zxx``) is none.
    """
    found = re.fullmatch(r"([a-z]{2,3})(?:-([A-Z][a-z]{3}))?(?:-([A-Z]{2}|\d{3}))?", tag)
    if found is None or found[1] in _NO_LANGUAGE:
        return False
    names = Locale.parse("en")
    known = (names.languages, names.scripts, names.territories)
    return all(part is None or part in of for part, of in zip(found.groups(), known, strict=True))


def gaps(code: str) -> tuple[str, ...]:
    """What ``code`` takes from ``root`` for want of its own: keys like ``unit_patterns/mass-gram``."""
    from xlgap.lab.facts import FAMILIES

    said = own(code)
    missing = []
    for family in FAMILIES:
        for unit in (family.coarse, family.fine):
            table = "date_fields" if family.time else "unit_patterns"
            if not said.get(table, {}).get(unit):
                missing.append(f"{table}/{unit}")
    if not said.get("list_patterns", {}).get("standard"):
        missing.append("list_patterns/standard")
    return tuple(dict.fromkeys(missing))
