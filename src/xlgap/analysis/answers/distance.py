"""What is said beside the answers to question 2: how to read them, what was held still."""

from __future__ import annotations

from collections.abc import Sequence

MORE_ROBUST = "A loss or gap that falls with size means transfer that is more robust."
NOT_TRANSLATED = (
    "Over all tasks, also those whose test sets are no translations of each other: 0 is all of what "
    "training in the language itself reaches, 100 is chance."
)
MORE_EVEN = (
    "It is of the languages beside English. A spread that falls with size, or a worst score that "
    "rises, means that English intermediate training evens languages out more in larger models."
)
NO_COVARIATES = (
    "This slope over distance has no covariates: languages differ also in amount of pretraining text, "
    "in script and in how finely they are split into sub-words, which go along with distance."
)
BOTH_ARMS = "Slopes that are compared are over the same languages, those that both arms have."
SAME_LANGUAGES = "The interval is conditional on these languages, which are the same for all models."

NEEDS_PARALLEL = (
    "on a parallel task, not at chance, with at least five languages beside English of known distance"
)
WITH_COVARIATES = ", and at least three more of them than coefficients with the covariates"
DISTANCE_NEEDS = {
    "distance": f"It needs a direct_en arm {NEEDS_PARALLEL}.",
    "robustness": f"It needs an intermediate_en and a direct_en arm {NEEDS_PARALLEL}.",
    "distance_partial": f"It needs a direct_en arm {NEEDS_PARALLEL}{WITH_COVARIATES}.",
    "robustness_partial": f"It needs an intermediate_en and a direct_en arm {NEEDS_PARALLEL}"
    f"{WITH_COVARIATES}.",
    "spread": f"It needs an intermediate_en and a direct_en arm {NEEDS_PARALLEL}.",
    "worst": f"It needs an intermediate_en and a direct_en arm {NEEDS_PARALLEL}.",
}
"""What a study must have for each gap over languages."""

PARTIAL = ("distance_partial", "robustness_partial")
EVEN = ("spread", "worst")


DISTANCE_METHOD = (
    "Loss: English minus the language. ±: one standard error over languages, CR2 by genus. The measure "
    "that answers is syntactic distance with imputed values (syntax); syntax_observed takes only "
    "features that sources have for both languages, and at least 20 of them.",
    "Missing of English's features over the 50 languages ('xlgap languages'): syntax 100% for az, 83 "
    "to 88% for jv, kk, ms, qu; phonology 100% for 16 languages; inventory 100% for ar, et, ht, kk.",
    "Phonological, inventory, genetic and geographic distance, script, fertility and vocabulary, other "
    "arms and tasks: distances.csv.",
)
"""Below the table of slopes over distance."""


def distance_notes(gap: str, held: Sequence[str], languages: Sequence[str], *, some: bool) -> list[str]:
    """Sentences beside the answers on one gap; none for the gaps of other questions.

    Args:
        gap: its name.
        held: what was held still, and what was not, from :mod:`~xlgap.analysis.distance.partial`.
        languages: what of the covariates is not known, or stands in.
        some: whether there is an estimate.
    """
    both = [BOTH_ARMS] if gap.startswith("robustness") else []
    if gap in PARTIAL:
        return [*([MORE_ROBUST] if some else []), *held, *languages, *both, SAME_LANGUAGES]
    if gap in EVEN:
        return [MORE_EVEN]
    if gap in {"distance", "robustness"}:
        return [MORE_ROBUST, NO_COVARIATES, *both]
    if gap == "transfer_ceiling":
        return [MORE_ROBUST, NOT_TRANSLATED]
    return [MORE_ROBUST] if gap == "transfer" else []
