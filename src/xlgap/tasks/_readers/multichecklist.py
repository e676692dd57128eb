"""MultiCheckList: questions made from the benchmark's templates, the same items in every language.

The file of templates (``checklist_templates.tsv``) has blocks of lines, one block a test: ``Name``,
``Capability``, ``Context`` lines, ``Question`` lines, each with the ``Answer`` line below it, then
lines of words for the slots. A language has one column, or several variants, each with a column
``<language>-placeholders`` that lists the English words (or templates) that the variant is for.

An item is drawn from its test and number alone, as positions in these lists; it is then written out in
a language, so that items of all languages are translations of each other. The official script draws for
each language anew. Of each line the variant is taken whose list has the item's English words; of
several kinds of words (``age, a sofa, the sofa``) each must fit. Where none fits, the variant without
a list is taken, else the first. Where a language's context has lost a slot of the English one (two in
Gujarati and one in Azerbaijani, so that nothing could be asked of them), the context above it is taken.

Where both questions on a context are the same in a language (Turkish comparisons, Kazakh animals and
vehicles, a few elsewhere), none has one answer: they are dropped and counted.

The answer is what stands in the answer's slot of the context, letter by letter, and before it, where
the context has it so, the whole text of the ``Answer`` line (an inflected name).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xlgap.errors import DataError
from xlgap.languages import get_language
from xlgap.tasks._readers.given_names import NAMES
from xlgap.tasks._readers.text import columns, dropped, lines
from xlgap.tasks.base import Row

TESTS: Mapping[str, str] = {
    "A is COMP than B. Who is more / less COMP?": "comparisons",
    "Intensifiers (very, super, extremely) and reducers (somewhat, kinda, etc)?": "intensifiers",
    "size, shape, age, color": "properties",
    "Profession vs nationality": "job_nationality",
    "Animal vs Vehicle": "animal_vehicle",
    "Animal vs Vehicle v2": "animal_vehicle_buyers",
}
"""What a test is called here, as the first part of ids and groups, by its official name."""
ITEMS = 100  # contexts of each test, with two questions each
_DRAWS = 20  # for each item, before the words are held to be too few
_WORDS_OF = {"animal_vehicle_buyers": "animal_vehicle"}  # has no words of its own
_SLOT = re.compile(r"\{(?:\w+:)?([\w.]+)(?:\[(\d)\])?\}")
_NAMES = {"first_name": 0, "first_name1": 1, "first_name2": 1}
_PARTS = re.compile("[,،၊，、] *")
_ARTICLE = re.compile("^(a|an|the) ")
_BEGINS = re.compile(r"(?:^|[.!?] +)(\w)")

Keys = Mapping[str, frozenset[str]]  # by kind of word: English forms


@dataclass(frozen=True)
class _Variant:
    text: str
    only: frozenset[str]


_Line = Mapping[str, tuple[_Variant, ...]]  # by language


@dataclass
class _Test:
    """A block of the file; ``words`` are the lines of each kind of word."""

    contexts: list[_Line] = field(default_factory=list)
    questions: list[_Line] = field(default_factory=list)
    answers: list[_Line] = field(default_factory=list)
    words: dict[str, list[_Line]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Item:
    """Positions: of the context, of two names, of a word of each kind, of two properties."""

    context: int
    names: tuple[int, int]
    words: Mapping[str, int]
    properties: tuple[int, int]


def read(text: str, *, language: str, items: int = ITEMS) -> Iterator[Row]:
    """The rows of one language; a group is a context.

    Raises:
        DataError: naming the line that is not as the official file has it.
    """
    tests = _parse(text, language)
    names = NAMES[get_language(language).script]
    for name, test in tests.items():
        words = tests[_WORDS_OF.get(name, name)].words
        english = _Writer(test, words, "en", NAMES["Latn"])
        writer = _Writer(test, words, language, names)
        for number, item in enumerate(_items(name, items, english)):
            rows = list(writer.rows(item, f"{name}-{number:03d}"))
            if len({row["question"] for row in rows}) < len(rows):
                rows = [dropped("both questions of a context are the same")] * len(rows)
            yield from rows


def _parse(text: str, language: str) -> dict[str, _Test]:
    header, *body = lines(text) or [""]
    titles = header.split("\t")
    if titles[:2] != ["Field", "en"] or language not in titles:
        raise DataError(
            f"line 1: expected the columns 'Field', 'en' and one called '{language}', got "
            f"{', '.join(titles[:4])}, ...; fetch the file again."
        )
    tests: dict[str, _Test] = {}
    test: _Test | None = None
    last = ""
    for number, line in enumerate(body, 2):
        what, *cells = columns(line, number, titles)
        if not what.strip() and any(map(str.strip, cells)):
            raise DataError(
                f"line {number}: expected in the column 'Field' what the line has, got none; fetch the "
                "file again."
            )
        if what.strip() and what not in {"Name", "Capability"}:
            if test is None:
                raise DataError(
                    f"line {number}: expected 'Name' before '{what}'; fetch the file again."
                )
            if (last == "Question") != (what == "Answer"):
                raise DataError(
                    f"line {number}: expected an 'Answer' below each 'Question', got '{what}' below "
                    f"'{last}'; fetch the file again."
                )
            found = _variants(titles[1:], cells, language, number)
            if what == "Context" and (lost := _lost(found, language)):
                if not test.contexts:
                    raise DataError(
                        f"line {number}: expected the slot '{lost}' in language '{language}', got "
                        f"{found[language][0].text!r}; fetch the file again."
                    )
                found = {**found, language: test.contexts[-1][language]}
            _put(test, what, found)
        elif what == "Name":
            if cells[0] not in TESTS:
                raise DataError(
                    f"line {number}: test {cells[0]!r} is not known; known: {'; '.join(TESTS)}."
                )
            test = tests[TESTS[cells[0]]] = _Test()
        last = what
    _complete(tests)
    return tests


def _lost(line: _Line, language: str) -> str:
    """A slot of the English text that a variant of the language lacks; empty when there is none."""
    wanted = {slot for slot, _ in _SLOT.findall(line["en"][0].text)}
    missing = (wanted - {slot for slot, _ in _SLOT.findall(v.text)} for v in line[language])
    return min(set().union(*missing), default="")


def _put(test: _Test, what: str, line: _Line) -> None:
    own = {"Context": test.contexts, "Question": test.questions, "Answer": test.answers}
    (own[what] if what in own else test.words.setdefault(what, [])).append(line)


def _variants(titles: Sequence[str], cells: Sequence[str], language: str, number: int) -> _Line:
    """The texts of one line in English and in a language."""
    found: dict[str, list[_Variant]] = {"en": [], language: []}
    for at, (title, cell) in enumerate(zip(titles, cells, strict=True)):
        if title not in found or not cell.strip():
            continue
        listed = cells[at + 1] if titles[at + 1 : at + 2] == [f"{title}-placeholders"] else ""
        only = frozenset(part.strip().lower() for part in listed.split(",") if part.strip())
        found[title].append(_Variant(cell.strip(), only))
    for code, variants in found.items():
        if not variants:
            raise DataError(
                f"line {number}: expected a text in language '{code}', got none; fetch the file again."
            )
    return {code: tuple(variants) for code, variants in found.items()}


def _complete(tests: Mapping[str, _Test]) -> None:
    """Check that every test is there, with words for the slots of its English lines."""
    missing = [name for name in TESTS.values() if name not in tests or not tests[name].contexts]
    if missing:
        raise DataError(
            f"line 1: expected the tests {', '.join(TESTS.values())}; {', '.join(missing)} missing: "
            "the file may be truncated, fetch it again."
        )
    for name, test in tests.items():
        if len(test.questions) != 2 or len(test.answers) != 2:
            raise DataError(
                f"line 1: expected two questions with answers in test '{name}', got "
                f"{len(test.questions)} and {len(test.answers)}: the file may be truncated, fetch it "
                "again."
            )
        words = tests[_WORDS_OF.get(name, name)].words
        known = {*_NAMES, *words, "s" if "state" in words else "", "p.p1", "p.p2", "p.v1", "p.v2"}
        for line in (*test.contexts, *test.questions, *test.answers):
            for slot, _ in _SLOT.findall(line["en"][0].text):
                if slot not in known:
                    raise DataError(
                        f"line 1: test '{name}' has a slot '{slot}' and no line of words for it: the "
                        "file may be truncated, fetch it again."
                    )


def _items(name: str, items: int, english: _Writer) -> Iterator[_Item]:
    """The items of a test, each with an English context of its own."""
    seen: set[str] = set()
    for draw in range(_DRAWS * items):
        item = _draw(f"multichecklist/{name}/{draw}", len(seen), english.test, english.words)
        context = english.context(item)[0]
        if context not in seen:
            seen.add(context)
            yield item
        if len(seen) == items:
            return
    raise DataError(
        f"line 1: expected words for {items} different contexts in test '{name}', got {len(seen)}: the "
        "file may be truncated, fetch it again."
    )


def _draw(seed: str, number: int, test: _Test, words: Mapping[str, list[_Line]]) -> _Item:
    """An item of a test; contexts are taken in turn."""
    generator = random.Random(seed)
    first, second = generator.sample(range(len(NAMES["Latn"])), 2)
    drawn = {what: generator.randrange(len(found)) for what, found in sorted(words.items())}
    properties = range(len(words.get("property", ())))
    one, other = generator.sample(properties, 2) if properties else (0, 0)
    return _Item(number % len(test.contexts), (first, second), drawn, (one, other))


def _forms(text: str) -> frozenset[str]:
    """What a list of English words may call one: ``a sofa, the sofa``, each of them, ``sofa``."""
    parts = [text, *_PARTS.split(text)]
    return frozenset(form.lower() for part in parts for form in (part, _ARTICLE.sub("", part)))


class _Writer:
    """Writes the items of one test in one language."""

    def __init__(
        self, test: _Test, words: Mapping[str, list[_Line]], language: str, names: Sequence[str]
    ) -> None:
        self.test, self.words, self.language, self.names = test, words, language, names
        self.forms = {
            what: [_forms(line["en"][0].text) for line in found] for what, found in words.items()
        }
        templates = (line["en"][0].text.lower() for line in (*test.contexts, *test.answers))
        self.known: dict[str, frozenset[str]] = {
            **{what: frozenset().union(*found) for what, found in self.forms.items()},
            "template": frozenset(templates),
        }

    def context(self, item: _Item) -> tuple[str, list[tuple[str, int, int]]]:
        """The context of an item, and where each slot begins and ends."""
        line = self.test.contexts[item.context]
        return self._write(line, item, self._keys(item, line, item.properties[0]))

    def rows(self, item: _Item, group: str) -> Iterator[Row]:
        """The questions on one context."""
        context, slots = self.context(item)
        for at, (question, answer) in enumerate(
            zip(self.test.questions, self.test.answers, strict=True)
        ):
            asked = item.properties[at % 2]
            keys = self._keys(item, answer, asked)
            found = list(self._answers(answer, item, keys, context, slots))
            yield {
                "id": f"{group}-{at}",
                "group": group,
                "context": context,
                "question": self._write(question, item, keys, asked)[0],
                "answers": {
                    "text": [t for t, _ in found],
                    "answer_start": [start for _, start in found],
                },
            }

    def _answers(
        self, line: _Line, item: _Item, keys: Keys, context: str, slots: Sequence[tuple[str, int, int]]
    ) -> Iterator[tuple[str, int]]:
        """The whole answer where the context has it, and what stands in its slot."""
        wanted = _SLOT.findall(line["en"][0].text)[0][0]
        whole, inside = self._write(line, item, keys)
        before = next((begin for slot, begin, _ in inside if slot == wanted), 0)
        for slot, begin, end in slots:
            if slot == wanted:
                start = begin - before
                if whole != context[begin:end] and context[max(start, 0) :].startswith(whole):
                    yield whole, max(start, 0)
                yield context[begin:end], begin

    def _keys(self, item: _Item, line: _Line, asked: int) -> Keys:
        """The English words that choose variants."""
        own = {what: self.forms[what][at] for what, at in item.words.items()}
        if "property" in own:
            own["property"] = self.forms["property"][asked]
        return {**own, "template": frozenset({line["en"][0].text.lower()})}

    def _choose(self, variants: Sequence[_Variant], keys: Keys) -> str:
        for variant in variants:
            listed = {what: variant.only & known for what, known in self.known.items()}
            if any(listed.values()) and all(
                found & keys[what] for what, found in listed.items() if found
            ):
                return variant.text
        return next((variant for variant in variants if not variant.only), variants[0]).text

    def _write(
        self, line: _Line, item: _Item, keys: Keys, asked: int | None = None
    ) -> tuple[str, list[tuple[str, int, int]]]:
        """A line's text with its slots filled, and where each slot begins and ends.

        Args:
            line: of the file.
            item: what fills the slots.
            keys: what chooses variants.
            asked: the property that a question asks for, whichever its template names.
        """
        template, text, slots, at = self._choose(line[self.language], keys), "", [], 0
        for found in _SLOT.finditer(template):
            text += template[at : found.start()]
            slot, part = found.groups()
            filled = self._fill(slot, int(part or -1), item, keys, asked)
            slots.append((slot, len(text), len(text) + len(filled)))
            text, at = text + filled, found.end()
        return _BEGINS.sub(self._capital, text + template[at:]), slots

    def _fill(self, slot: str, part: int, item: _Item, keys: Keys, asked: int | None) -> str:
        if slot in _NAMES:
            return self.names[item.names[_NAMES[slot]]]
        if slot.startswith("p."):
            which = item.properties[int(slot[-1]) - 1]
            if slot.startswith("p.p"):
                return self._word("property", which if asked is None else asked, keys)
            what = self.words["property"][which]["en"][0].text
            return self._word(what, item.words[what], keys)
        what = "state" if slot == "s" else slot
        word = self._word(what, item.words[what], keys)
        if part < 0:
            return word
        parts = [found for found in _PARTS.split(word) if found]
        parts = parts if len(parts) > 1 else word.split()  # Thai has a space there
        return parts[min(part, len(parts) - 1)]

    def _word(self, what: str, at: int, keys: Keys) -> str:
        return self._choose(self.words[what][at][self.language], keys)

    @property
    def _capital(self) -> Callable[[re.Match[str]], str]:
        """Makes the first letter of a sentence a capital, as long as that is one letter."""

        def capital(found: re.Match[str]) -> str:
            letter = found[1]
            upper = "İ" if letter == "i" and self.language in {"az", "tr"} else letter.upper()
            return found[0][:-1] + (upper if len(upper) == 1 else letter)

        return capital
