"""Part-of-speech tags of UD English-EWT, an English intermediate task.

The same tags as :mod:`xlgap.tasks.udpos`, whose English training data contain these sentences, so it is
no intermediate task for UD-POS itself but for all others. There is no hub source: the hub's tables are
of later releases of UD, whose words and tags differ.
"""

from __future__ import annotations

from collections.abc import Iterator

from xlgap.tasks._readers.declared import UPOS
from xlgap.tasks._readers.text import tagged_sentences
from xlgap.tasks.base import Recipe, ReleaseFile, Row, Tag, Task

_FOLDER = "intermediate_en/pos/ud_english_ewt/"


def read(text: str) -> Iterator[Row]:
    """Rows of ``form<TAB>UPOS`` lines."""
    return tagged_sentences(text, UPOS)


TASK = Task(
    name="ud_english",
    kind=Tag(tags=UPOS, bio=False),
    role="intermediate",
    family="structured",
    train_languages=("en",),
    eval_languages=(),
    parallel=False,
    metrics=("f1", "token_accuracy"),
    recipe=Recipe(learning_rate=2e-5, epochs=10, batch_rows=32, max_length=128),
    licence="CC BY-SA 4.0",
    citation="Silveira et al. 2014 (UD English-EWT); Zeman et al. 2020 (Universal Dependencies 2.7)",
    release={
        "train": (ReleaseFile(path=f"{_FOLDER}train.tsv", read=read),),
        "dev": (ReleaseFile(path=f"{_FOLDER}dev.tsv", read=read),),
    },
    sample=(
        {
            "language": "en",
            "id": "1",
            "group": "1",
            "tokens": ["She", "can", "not", "come", "."],
            "tags": ["PRON", "AUX", "PART", "VERB", "PUNCT"],
        },
        {
            "language": "en",
            "id": "2",
            "group": "2",
            "tokens": ["Two", "cups", "of", "coffee", "please", "!"],
            "tags": ["NUM", "NOUN", "ADP", "NOUN", "INTJ", "PUNCT"],
        },
        {
            "language": "en",
            "id": "3",
            "group": "3",
            "tokens": ["Oban", "is", "lovely", "and", "wet"],
            "tags": ["PROPN", "AUX", "ADJ", "CCONJ", "ADJ"],
        },
    ),
)
