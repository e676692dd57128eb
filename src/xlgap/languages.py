"""The 50 languages of XTREME-R: codes, names, scripts, families, genera.

Codes are ISO 639-1. Family is Glottolog's top-level family, genus follows WALS.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from xlgap.errors import UnknownNameError, unknown


class Language(NamedTuple):
    """One language of XTREME-R.

    Attributes:
        code: ISO 639-1.
        iso639_3: ISO 639-3, of the variety that the benchmarks use.
        name: English name.
        script: ISO 15924.
        family: Glottolog family, or ``isolate``.
        genus: WALS genus.
    """

    code: str
    iso639_3: str
    name: str
    script: str
    family: str
    genus: str

    @property
    def spaceless(self) -> bool:
        """Whether the script writes no spaces between words."""
        return self.script in {"Hans", "Jpan", "Thai", "Mymr"}


LANGUAGES: tuple[Language, ...] = (
    Language("af", "afr", "Afrikaans", "Latn", "Indo-European", "Germanic"),
    Language("ar", "arb", "Modern Standard Arabic", "Arab", "Afro-Asiatic", "Semitic"),
    Language("az", "azj", "North Azerbaijani", "Latn", "Turkic", "Turkic"),
    Language("bg", "bul", "Bulgarian", "Cyrl", "Indo-European", "Slavic"),
    Language("bn", "ben", "Bengali", "Beng", "Indo-European", "Indic"),
    Language("de", "deu", "German", "Latn", "Indo-European", "Germanic"),
    Language("el", "ell", "Greek", "Grek", "Indo-European", "Greek"),
    Language("en", "eng", "English", "Latn", "Indo-European", "Germanic"),
    Language("es", "spa", "Spanish", "Latn", "Indo-European", "Romance"),
    Language("et", "ekk", "Estonian", "Latn", "Uralic", "Finnic"),
    Language("eu", "eus", "Basque", "Latn", "isolate", "Basque"),
    Language("fa", "pes", "Western Persian", "Arab", "Indo-European", "Iranian"),
    Language("fi", "fin", "Finnish", "Latn", "Uralic", "Finnic"),
    Language("fr", "fra", "French", "Latn", "Indo-European", "Romance"),
    Language("gu", "guj", "Gujarati", "Gujr", "Indo-European", "Indic"),
    Language("he", "heb", "Hebrew", "Hebr", "Afro-Asiatic", "Semitic"),
    Language("hi", "hin", "Hindi", "Deva", "Indo-European", "Indic"),
    Language("ht", "hat", "Haitian Creole", "Latn", "Indo-European", "Creoles and Pidgins"),
    Language("hu", "hun", "Hungarian", "Latn", "Uralic", "Ugric"),
    Language("id", "ind", "Indonesian", "Latn", "Austronesian", "Malayo-Sumbawan"),
    Language("it", "ita", "Italian", "Latn", "Indo-European", "Romance"),
    Language("ja", "jpn", "Japanese", "Jpan", "Japonic", "Japanese"),
    Language("jv", "jav", "Javanese", "Latn", "Austronesian", "Javanese"),
    Language("ka", "kat", "Georgian", "Geor", "Kartvelian", "Kartvelian"),
    Language("kk", "kaz", "Kazakh", "Cyrl", "Turkic", "Turkic"),
    Language("ko", "kor", "Korean", "Hang", "Koreanic", "Korean"),
    Language("lt", "lit", "Lithuanian", "Latn", "Indo-European", "Baltic"),
    Language("ml", "mal", "Malayalam", "Mlym", "Dravidian", "Southern Dravidian"),
    Language("mr", "mar", "Marathi", "Deva", "Indo-European", "Indic"),
    Language("ms", "zsm", "Standard Malay", "Latn", "Austronesian", "Malayo-Sumbawan"),
    Language("my", "mya", "Burmese", "Mymr", "Sino-Tibetan", "Burmese-Lolo"),
    Language("nl", "nld", "Dutch", "Latn", "Indo-European", "Germanic"),
    Language("pa", "pan", "Eastern Panjabi", "Guru", "Indo-European", "Indic"),
    Language("pl", "pol", "Polish", "Latn", "Indo-European", "Slavic"),
    Language("pt", "por", "Portuguese", "Latn", "Indo-European", "Romance"),
    Language("qu", "quy", "Quechua", "Latn", "Quechuan", "Quechuan"),
    Language("ro", "ron", "Romanian", "Latn", "Indo-European", "Romance"),
    Language("ru", "rus", "Russian", "Cyrl", "Indo-European", "Slavic"),
    Language("sw", "swh", "Swahili", "Latn", "Atlantic-Congo", "Bantoid"),
    Language("ta", "tam", "Tamil", "Taml", "Dravidian", "Southern Dravidian"),
    Language("te", "tel", "Telugu", "Telu", "Dravidian", "South-Central Dravidian"),
    Language("th", "tha", "Thai", "Thai", "Tai-Kadai", "Kam-Tai"),
    Language("tl", "tgl", "Tagalog", "Latn", "Austronesian", "Greater Central Philippine"),
    Language("tr", "tur", "Turkish", "Latn", "Turkic", "Turkic"),
    Language("uk", "ukr", "Ukrainian", "Cyrl", "Indo-European", "Slavic"),
    Language("ur", "urd", "Urdu", "Arab", "Indo-European", "Indic"),
    Language("vi", "vie", "Vietnamese", "Latn", "Austroasiatic", "Viet-Muong"),
    Language("wo", "wol", "Wolof", "Latn", "Atlantic-Congo", "Northern Atlantic"),
    Language("yo", "yor", "Yoruba", "Latn", "Atlantic-Congo", "Defoid"),
    Language("zh", "cmn", "Chinese (Simplified)", "Hans", "Sino-Tibetan", "Chinese"),
)

_BY_CODE = {language.code: language for language in LANGUAGES}
CODES: tuple[str, ...] = tuple(_BY_CODE)


def get_language(code: str) -> Language:
    """The language with ISO 639-1 ``code``.

    Raises:
        UnknownNameError: not one of the 50 languages of XTREME-R.
    """
    if code not in _BY_CODE:
        raise unknown_language(code)
    return _BY_CODE[code]


def unknown_language(code: str) -> UnknownNameError:
    """The error for a ``code`` that is none, with the one that it may stand for.

    A language may be written in capitals, by its ISO 639-3 code or its name, or with a script or region
    behind it.
    """
    said = code.casefold()
    meant = [la.code for la in LANGUAGES if said in {la.code, la.iso639_3, la.name.casefold()}]
    meant = meant or [c for c in CODES if c == re.split("[-_]", said)[0]]
    if not meant:
        return unknown("language", code, CODES)
    told = "codes are in small letters: " if meant[0] == said else ""
    return UnknownNameError(f"unknown language {code!r}; {told}did you mean {meant[0]!r}?")
