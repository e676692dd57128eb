"""The names that the lab uses: which entities, and in which split each one stands.

The inventory is the same whatever languages a study has: an entity is used when CLDR names it in
every supported language, when no other used entity has the same name in any language (after
casefolding), and when its names are short. Where a territory and a language share a name ("Suomi" is
both in Finnish) the territory stays. So a name belongs to one entity, an entity to one split, and no
name can be seen in two splits in any language.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from xlgap.lab.cldr import own, supported
from xlgap.lab.draw import SHARES, salted


class Entity(NamedTuple):
    """A named thing: ``kind`` LOC (territory), LANG (language) or CUR (currency), CLDR ``key``."""

    kind: str
    key: str


class _Source(NamedTuple):
    table: str
    keys: str
    most: int


_SOURCES: Mapping[str, _Source] = {
    "LOC": _Source("territories", "[A-Z]{2}", 100),
    "LANG": _Source("languages", "[a-z]{2,3}", 60),
    "CUR": _Source("currency_names", "[A-Z]{3}", 50),
}
KINDS: tuple[str, ...] = tuple(_SOURCES)
_NO_ENTITIES = frozenset({"XA", "XB", "ZZ", "QO", "EU", "EZ", "UN", "und", "XXX"})
_NOT_A_NAME = re.compile(r"[()\[\]（）\d:;<>=?]")


def name(entity: Entity, code: str) -> str:
    """The name of ``entity`` in language ``code``, from that language's own CLDR file."""
    text: str = own(code)[_SOURCES[entity.kind].table][entity.key]
    return " ".join(text.split())


@cache
def inventory() -> tuple[Entity, ...]:
    """All entities in use, of every kind the ones with the shortest names; sorted by kind and key."""
    candidates = [entity for kind in KINDS for entity in _named_everywhere(kind)]
    owner: dict[tuple[str, str], Entity] = {}
    shared: set[Entity] = set()
    for entity in candidates:  # territories come first, so that they keep a shared name
        forms = [(code, name(entity, code).casefold()) for code in supported()]
        rivals = {owner[form] for form in forms if form in owner}
        if rivals:
            shared |= {entity} | {r for r in rivals if r.kind == entity.kind}
            continue
        owner.update(dict.fromkeys(forms, entity))
    chosen: list[Entity] = []
    for kind, source in _SOURCES.items():
        free = [e for e in candidates if e.kind == kind and e not in shared]
        chosen += sorted(sorted(free, key=lambda e: (_length(e), e.key))[: source.most])
    return tuple(chosen)


def _named_everywhere(kind: str) -> list[Entity]:
    table, keys, _ = _SOURCES[kind]
    common = set.intersection(*(set(own(code)[table]) for code in supported()))
    entities = (Entity(kind, k) for k in sorted(common - _NO_ENTITIES) if re.fullmatch(keys, k))
    return [e for e in entities if all(_is_name(e, code) for code in supported())]


def _is_name(entity: Entity, code: str) -> bool:
    text = name(entity, code)
    return text != entity.key and not _NOT_A_NAME.search(text)


def _length(entity: Entity) -> int:
    return sum(len(name(entity, code)) for code in supported())


@cache
def members(split: str, kind: str) -> tuple[Entity, ...]:
    """The entities of ``kind`` in ``split``, by the order of a salted digest of their keys."""
    ordered = sorted((e for e in inventory() if e.kind == kind), key=_digest)
    start = 0.0
    for name_, share in SHARES.items():
        first, last = round(start * len(ordered)), round((start + share) * len(ordered))
        if name_ == split:
            return tuple(ordered[first:last])
        start += share
    raise KeyError(split)


def _digest(entity: Entity) -> str:
    return hashlib.sha256(salted(f"{entity.kind}/{entity.key}").encode()).hexdigest()


@cache
def split_of(entity: Entity) -> str:
    """The split in which ``entity`` stands."""
    return next(split for split in SHARES if entity in members(split, entity.kind))
