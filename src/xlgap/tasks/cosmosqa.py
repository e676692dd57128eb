"""Cosmos QA: reading between the lines of personal stories, an English intermediate task.

Release files: the official train split is absent; 2,485 questions of the validation split stand in, 500
more are held out for dev. The split was divided by context: train and dev share none.

No recipe of a benchmark stands behind these numbers: 1e-5 is the learning rate of the widely used
re-implementation of Phang et al. 2020 (arXiv 2005.13013). With 256 sub-words nearly every context
stands whole before its question.

On the hub both splits are the official ones; the revision is of the repository's own conversion to
parquet, since its main branch is a script.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlgap.tasks._readers import hub
from xlgap.tasks._readers.choice import cosmos
from xlgap.tasks.base import Choose, HubDataset, Recipe, ReleaseFile, Row, Task

_STORY = "We left the tent open , and in the morning the bread was gone and the dog looked pleased ."


def _hub_row(row: Mapping[str, Any]) -> Row:
    return hub.asked(row, row["id"], ("answer0", "answer1", "answer2", "answer3"), row["label"])


TASK = Task(
    name="cosmosqa",
    kind=Choose(choices=4),
    role="intermediate",
    family="classification",
    train_languages=("en",),
    eval_languages=(),
    parallel=False,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=1e-5, epochs=3, batch_rows=32, max_length=256),
    licence="CC BY 4.0",
    citation="Huang et al. 2019, arXiv 1909.00277",
    release={
        "train": (ReleaseFile(path="intermediate_en/mc/cosmosqa/train.csv", read=cosmos),),
        "dev": (ReleaseFile(path="intermediate_en/mc/cosmosqa/dev.csv", read=cosmos),),
    },
    hub=HubDataset(
        repo="allenai/cosmos_qa",
        revision="ed50fe83db62b355759053b1cd5eef344ee371e0",
        config="default",
        splits={"train": "train", "dev": "validation"},
        row=_hub_row,
        names={"en": "en"},
    ),
    sample=(
        {
            "language": "en",
            "id": "c1",
            "group": "1",
            "text": f"{_STORY} What may have happened to the bread ?",
            "choices": [
                "It was sold .",
                "The dog ate it .",
                "It was baked again .",
                "Rain fell on it .",
            ],
            "label": 1,
        },
        {
            "language": "en",
            "id": "c2",
            "group": "1",
            "text": f"{_STORY} Where were they ?",
            "choices": ["At a camp .", "In a court .", "On a train .", "None of the above choices ."],
            "label": 0,
        },
        {
            "language": "en",
            "id": "c3",
            "group": "2",
            "text": "I read the letter twice and then called my brother . Why did I call him ?",
            "choices": [
                "The phone was new .",
                "He is a postman .",
                "None of the above choices .",
                "The news concerned him , too .",
            ],
            "label": 3,
        },
    ),
)
