"""English lab text into another language, phrase by phrase: the lab's own stand-in for a translator.

It knows the names, days, months and amounts that the lab says, from the same CLDR data; whatever stands
between them stays as it is: list words ("and"), the order of a date. So a text is understood but is not
what a speaker would write, as with machine translation. It is no translation model, and no evidence
about one.
"""

from __future__ import annotations

import re
from functools import cache, cached_property

from babel.dates import get_month_names

from xlgap.lab import cldr
from xlgap.lab.entities import inventory, name
from xlgap.lab.facts import FAMILIES, WEEKDAYS, Amount, Said
from xlgap.lab.lexicon import Mention, text_of
from xlgap.lab.world import lexicon


class PhraseBook:
    """English phrases and what each is in another language.

    Raises:
        DataError: CLDR has no data of the language.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        english, other = lexicon("en"), lexicon(code)
        said: list[Mention] = [*WEEKDAYS, *_amounts()]
        self.entries = {text_of(english.say(m)): text_of(other.say(m)) for m in said}
        self.entries |= {name(e, "en"): name(e, code) for e in inventory()}
        self.entries |= dict(zip(_months("en"), _months(code), strict=True))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest = sorted(self.entries, key=len, reverse=True)  # of two that begin alike, the whole one
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)")

    def translate(self, text: str) -> str:
        """``text`` with each phrase that is known in the other language.

        >>> PhraseBook("de").translate("Germany: in 2 weeks")
        'Deutschland: in 2 Wochen'
        """
        return self._pattern.sub(lambda match: self.entries[match.group()], text)


@cache
def phrase_book(code: str) -> PhraseBook:
    """The phrase book of a language, made once a process."""
    return PhraseBook(code)


def _amounts() -> list[Said]:
    """Every amount that a task says, in both units."""
    return [
        Said(Amount(family, sign * number), fine)
        for family in FAMILIES
        for number in range(1, family.most + 1)
        for sign in ((1, -1) if family.time else (1,))
        for fine in (False, True)
    ]


def _months(code: str) -> list[str]:
    names = get_month_names("wide", "format", cldr.locale(code))
    return [names[number] for number in range(1, 13)]
