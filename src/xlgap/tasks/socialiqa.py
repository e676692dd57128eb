"""SocialIQA: questions about people in everyday situations, an English intermediate task.

The official recipe of XCOPA trains on it before COPA. Train and dev are the official splits, whole, and
share no context; train repeats 29 of its questions, as released. The official script keeps the last
weights; nothing is selected on dev.

On the hub the revision is of the repository's own conversion to parquet; its main branch is a script.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlgap.tasks._readers import hub
from xlgap.tasks._readers.choice import social_iqa
from xlgap.tasks.base import Choose, HubDataset, Recipe, ReleaseFile, Row, Split, Task

_FOLDER = "intermediate_en/mc/socialiqa"
_CONTEXT = "Noor lent Emil the only umbrella on a rainy day."


def _file(split: Split) -> ReleaseFile:
    return ReleaseFile(
        path=f"{_FOLDER}/{split}.jsonl", aligned=(f"{_FOLDER}/{split}-labels.lst",), read=social_iqa
    )


def _hub_row(row: Mapping[str, Any]) -> Row:
    answers = ("answerA", "answerB", "answerC")
    return hub.asked(row, str(row["row_number"]), answers, hub.whole(row["label"], begin=1))


TASK = Task(
    name="socialiqa",
    kind=Choose(choices=3),
    role="intermediate",
    family="classification",
    train_languages=("en",),
    eval_languages=(),
    parallel=False,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=2e-5, epochs=5, batch_rows=32, max_length=128, select="last"),
    licence="CC BY 4.0",
    citation="Sap et al. 2019, arXiv 1904.09728",
    release={"train": (_file("train"),), "dev": (_file("dev"),)},
    hub=HubDataset(
        repo="allenai/social_i_qa",
        revision="537a2ec8ec565adc0b70b70752893e59e024df26",
        config="default",
        splits={"train": "train", "dev": "validation"},
        row=_hub_row,
        names={"en": "en"},
    ),
    sample=(
        {
            "language": "en",
            "id": "1",
            "group": "1",
            "text": f"{_CONTEXT} How would you describe Noor?",
            "choices": ["generous", "jealous", "bored"],
            "label": 0,
        },
        {
            "language": "en",
            "id": "2",
            "group": "1",
            "text": f"{_CONTEXT} What happens to Noor next?",
            "choices": ["stays dry", "sells the umbrella", "gets wet"],
            "label": 2,
        },
        {
            "language": "en",
            "id": "3",
            "group": "2",
            "text": "Iris rang every bell in the street. Why did Iris do this?",
            "choices": ["to fall asleep", "to find her cat", "to pay her rent"],
            "label": 1,
        },
    ),
)
