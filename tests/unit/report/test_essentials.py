"""What of a question stands on its page, and in which words its numbers are."""

from __future__ import annotations

from xlgap.analysis.rows import Answer
from xlgap.analysis.words import plain, probability, sizes
from xlgap.report.canvas import Drawing
from xlgap.report.essentials import captioned, main_answers, main_figures
from xlgap.report.plots import gap_against_size


def test_a_variant_at_equal_compute_stands_beside_what_leads() -> None:
    def made(key: str, *, supported: bool = True) -> Answer:
        return Answer(
            question=5, quantity="q", source="measured", key=key, supported=supported,
            figure=f"{key.split('.')[1]}.svg",
        )  # fmt: skip

    answers = [
        made("5.joint.slope.params_total", supported=False), made("5.best_equal_steps.level"),
        made("5.best_equal_steps.seeds"), made("5.best_equal_steps.log_odds.level"),
        made("5.best.level"), made("5.best.correlation.params_total"),
        made("5.best_equal_tokens.level"), made("5.sequential.level"),
    ]  # fmt: skip
    picture = gap_against_size((), gap="joint")
    figures = {a.figure: Drawing(a.figure, picture, "", "") for a in answers if a.figure}
    assert [a.key for a in main_answers(answers)] == [
        "5.joint.slope.params_total", "5.best_equal_steps.level", "5.best.level",
        "5.best_equal_tokens.level",
    ]  # fmt: skip
    assert main_figures(answers, figures) == ["best_equal_steps.svg", "best_equal_tokens.svg"]
    assert main_figures(answers, {}) == []


def test_a_transfer_gap_that_the_sentence_names_stands_on_the_page() -> None:
    def made(key: str, low: float) -> Answer:
        return Answer(
            question=2, quantity="q", source="measured", key=key, supported=True, n=4,
            estimate=low + 1, ci_low=low, ci_high=low + 2,
        )  # fmt: skip

    loss = made("2.distance.slope.params_total", -1.0)
    moves, still = (
        made("2.transfer.slope.params_total", 3.0),
        made("2.transfer.slope.params_total", -1.0),
    )
    assert main_answers([loss, moves]) == [loss, moves]
    assert main_answers([loss, still]) == [loss]


def test_a_caption_is_said_once() -> None:
    picture = gap_against_size((), gap="joint")
    drawn = [Drawing(f"{name}.svg", picture, "", caption) for name, caption in ("ax", "by", "cx", "dy")]
    said: dict[str, Drawing] = {}
    first, second = captioned(drawn[:2], said)
    assert (first.seen, second.seen) == (None, None)
    again = captioned(drawn[2:], said)
    assert [(k.caption, k.seen, [d.name for d in k.figures]) for k in again] == [
        ("x", drawn[0], ["c.svg"]), ("y", drawn[1], ["d.svg"]),
    ]  # fmt: skip


def test_numbers_are_plain() -> None:
    assert probability(0.0004) == "p < 0.001"
    assert probability(0.0005) == "p = 0.001"
    assert plain(2000.0) == "2,000"
    assert plain(1e-5) == "0.00001"
    assert plain(9.4776) == "9.48"
    wide = Answer(question=1, quantity="q", source="measured", size_range=(10**7, 2 * 10**10))
    assert sizes(wide) == "10M to 20B, ×2,000"
