"""Made-up rows for the leakage gate, and its verdict on them."""

from __future__ import annotations

from collections.abc import Mapping

from xlgap.cell import grid
from xlgap.checks.leakage import Leak, Place, Rows
from xlgap.checks.leakage_gate import Verdict, judge, must_be_apart
from xlgap.checks.leakage_known import Known
from xlgap.config import Params
from xlgap.tasks import get_task
from xlgap.tasks.base import Row

ENGLISH = (
    "The lighthouse was built of white stone by the second king, and a great fire burnt on its top."
)
THAI = "ประภาคารสร้างด้วยหินสีขาวโดยกษัตริย์องค์ที่สอง และมีกองไฟใหญ่ลุกไหม้อยู่บนยอด"
OTHER = (
    "Merchants from the southern islands traded pepper, cloth and copper at the market every autumn."
)
OTHER_THAI = "พ่อค้าจากหมู่เกาะทางใต้ค้าขายพริกไทย ผ้า และทองแดงที่ตลาดทุกฤดูใบไม้ร่วง"


def span(name: str, context: str, question: str = "Who built it, and what was it built of?") -> Row:
    answers = {"text": [context[:3]], "answer_start": [0]}
    return {"id": name, "group": "1", "context": context, "question": question, "answers": answers}


def tagged(name: str, text: str) -> Row:
    tokens = text.split()
    return {"id": name, "group": name, "tokens": tokens, "tags": ["NOUN"] * len(tokens)}


def pair(name: str, text: str, text_b: str) -> Row:
    return {"id": name, "group": name, "text": text, "text_b": text_b, "label": "neutral"}


def rows(place: str, *found: Row, data: str | None = None) -> Rows:
    task = get_task(place.split("/")[0])
    return Rows(
        place=Place(*place.split("/")), kind=task.kind, parallel=task.parallel, rows=found, data=data
    )


def pairs(found: list[Leak]) -> list[tuple[str, str]]:
    return [(f"{leak.train} {leak.train_id}", f"{leak.test} {leak.test_id}") for leak in found]


def verdict(
    params: Params,
    sets: list[Rows],
    known: tuple[Known, ...] = (),
    measured: Mapping[Place, str] | None = None,
) -> Verdict:
    held: Mapping[Place, Rows] = {found.place: found for found in sets}
    asked = must_be_apart(grid(params), params, held.__getitem__)
    return judge(
        asked, held.__getitem__, source=params.study.source, known=known, measured=measured or {}
    )


def empty(place: Place) -> Rows:
    return rows(str(place))


def xquad_and(*train: Row, data: str | None = None) -> list[Rows]:
    return [
        rows("squad/train/en", *train, data=data),
        rows("xquad/test/en", span("q1", ENGLISH), span("q2", OTHER), data=data),
        rows("xquad/test/th", span("q1", THAI), span("q2", OTHER_THAI), data=data),
    ]


PASSES = Known(
    train="squad",
    train_languages=("en",),
    test="xquad",
    rows={"en": 1, "th": 1},
    reason="a test",
)
STORY = span("s1", "Something that is quite another story altogether.")
