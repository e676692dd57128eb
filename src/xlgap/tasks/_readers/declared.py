"""What several tasks declare alike: tags, languages, files, recipes.

Task files import nothing from each other: what a task is made of is its own file and this folder, which
is what its preparation depends on.
"""

from __future__ import annotations

from xlgap.tasks.base import Recipe

XNLI_LANGUAGES = (
    *("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"),
)
XCOPA_LANGUAGES = ("et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh")
COPA_RECIPE = Recipe(learning_rate=2e-5, epochs=5, batch_rows=32, max_length=128, select="last")
UPOS = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN"),
    *("PUNCT", "SCONJ", "SYM", "VERB", "X"),
)
SQUAD = "intermediate_en/qa/squad_v1.1"
XQUAD = "xtreme_r/xquad/xquad.en.json"
"""Whose paragraphs are part of SQuAD's official dev sets."""
SQUAD_RECIPE = Recipe(
    learning_rate=3e-5,
    epochs=3,
    batch_rows=32,
    max_length=384,
    stride=128,
    warmup_steps=500,
    weight_decay=1e-4,
    select="last",
)
