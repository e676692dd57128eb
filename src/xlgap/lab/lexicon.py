"""How one language says the lab's facts: text as segments, so that names and answers have offsets.

All words come from CLDR: names, month and day names, date, relative-time, unit and list patterns with
their plural forms. Digits are Western everywhere. The signs ``: ; < ?`` between the facts are the lab's
own and the same in all languages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from babel.dates import format_date

from xlgap.errors import DataError
from xlgap.lab import cldr
from xlgap.lab.entities import Entity, name
from xlgap.lab.facts import Amount, Said, Weekday
from xlgap.languages import get_language


class Segment(NamedTuple):
    """A piece of text; ``tag`` is the entity type of a name or date, else ``None``."""

    text: str
    tag: str | None = None


Phrase = tuple[Segment, ...]
Mention = Entity | Weekday | Said | date
_HOLES = re.compile(r"\{(\d)\}")


def text_of(phrase: Sequence[Segment]) -> str:
    """The text of a phrase."""
    return "".join(segment.text for segment in phrase)


def join(separator: str, phrases: Sequence[Phrase]) -> Phrase:
    """The phrases with ``separator`` between them."""
    out: list[Segment] = []
    for i, phrase in enumerate(phrases):
        if i:
            out.append(Segment(separator))
        out.extend(phrase)
    return tuple(out)


class Lexicon:
    """The words and patterns of one language.

    Raises:
        DataError: CLDR has no data of the language, or a pattern is missing even in ``root``.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        self.spaceless = get_language(code).spaceless
        self._locale = cldr.locale(code)
        self._data: Mapping[str, Any] = self._locale._data

    def say(self, mention: Mention) -> Phrase:
        """A mention of any kind."""
        match mention:
            case Entity():
                return self.name(mention)
            case Weekday():
                return self.weekday(mention)
            case Said():
                return self.amount(mention.amount, fine=mention.fine)
            case date():
                return self.date(mention)

    def name(self, entity: Entity) -> Phrase:
        """The name of an entity, tagged with its kind."""
        return (Segment(name(entity, self.code), entity.kind),)

    def weekday(self, day: Weekday) -> Phrase:
        """The name of a day of the week, untagged."""
        return (Segment(_tidy(self._data["days"]["format"]["wide"][day.index])),)

    def date(self, day: date) -> Phrase:
        """A date in CLDR's long format, tagged DATE."""
        return (Segment(_tidy(format_date(day, "long", locale=self._locale)), "DATE"),)

    def amount(self, amount: Amount, *, fine: bool) -> Phrase:
        """A relative time ("in 14 days") or a quantity ("3 kilometers"), untagged."""
        number, unit = amount.said(fine=fine)
        return self.relative(number, unit) if amount.family.time else self.quantity(number, unit)

    def relative(self, number: int, unit: str) -> Phrase:
        """``number`` units from now; negative is the past."""
        direction = "future" if number > 0 else "past"
        forms = self._data["date_fields"].get(unit, {}).get(direction)
        return self._numbered(forms, abs(number), f"date_fields/{unit}/{direction}")

    def quantity(self, number: int, unit: str) -> Phrase:
        """``number`` of a unit, in the long form where the language has one."""
        lengths = self._data["unit_patterns"].get(unit, {})
        forms = [lengths.get(length, {}) for length in ("long", "short", "narrow")]
        said = next((f for f in forms if "other" in f), None)
        return self._numbered(said, number, f"unit_patterns/{unit}")

    def listing(self, items: Sequence[Phrase], *, style: str = "standard") -> Phrase:
        """The items as CLDR lists them: "A, B, and C"."""
        patterns = self._list_patterns[style]
        if len(items) == 1:
            return items[0]
        if len(items) == 2:
            return _fill(patterns["2"], items[0], items[1])
        phrase = _fill(patterns["end"], items[-2], items[-1])
        for item in reversed(items[1:-2]):
            phrase = _fill(patterns["middle"], item, phrase)
        return _fill(patterns["start"], items[0], phrase)

    @cached_property
    def _list_patterns(self) -> Mapping[str, Mapping[str, str]]:
        return {style: dict(self._locale.list_patterns[style]) for style in ("standard", "or")}

    def _numbered(self, forms: Mapping[str, str] | None, number: int, where: str) -> Phrase:
        """The plural form of a pattern for ``number``, filled in."""
        if not forms or "other" not in forms:
            raise DataError(
                f"CLDR has no {where} in {self.code}, not even in root; "
                f"remove {self.code} from 'languages' or use another Babel version."
            )
        pattern = forms.get(self._locale.plural_form(number), forms["other"])
        return (Segment(_tidy(pattern.replace("{0}", str(number)))),)


def _fill(pattern: str, first: Phrase, second: Phrase) -> Phrase:
    """A two-place list pattern with its places filled."""
    out: list[Segment] = []
    for i, part in enumerate(_HOLES.split(pattern)):
        if i % 2:
            out.extend((first, second)[int(part)])
        elif part:
            out.append(Segment(part.replace("\u00a0", " ")))
    return tuple(out)


def _tidy(text: str) -> str:
    """Ordinary single spaces for the several kinds of CLDR, without invisible direction marks."""
    return " ".join(text.replace("\u200f", "").replace("\u200e", "").split())
