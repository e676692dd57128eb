"""Translations by a hub model: every finished batch is kept in scratch until the whole is there."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xlgap import layout
from xlgap.errors import Interrupted
from xlgap.formats import canonical, digest, file_digest
from xlgap.models import translate
from xlgap.models.translate import Batch, HubTranslator, batches
from xlgap.regimes.base import Translations
from xlgap.stages.observe import StopSignal, progress_bar


class ModelTranslation:
    """Translates texts with a hub model, and goes on after the batches that a stop has left.

    Attributes:
        cut, unfinished: of all texts that were translated, see :class:`~xlgap.models.translate.Batch`.
    """

    def __init__(
        self, source: Translations, language: str, *, told: Mapping[str, Any], name: str
    ) -> None:
        """Nothing is loaded yet.

        Args:
            source: the model.
            language: into which.
            told: what says which model it is, for the digest of what is kept.
            name: of the translation, to a reader.
        """
        self.source, self.language, self.told, self.name = source, language, told, name
        self.cut = self.unfinished = 0
        self._folders: list[Path] = []

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """The translations of ``texts``, in their order.

        Raises:
            DataError: see :class:`~xlgap.models.translate.HubTranslator`.
            Interrupted: a signal asked for a stop.
        """
        wanted, path = batches(texts), self._path(texts)
        made = _kept(path)
        if made:
            print(f"{self.name}: goes on after batch {len(made)} of {len(wanted)}", file=sys.stderr)
        if len(made) < len(wanted):
            made += self._rest(texts, wanted, path, done=len(made))
        self.cut += sum(batch.cut for batch in made)
        self.unfinished += sum(batch.unfinished for batch in made)
        found = [""] * len(texts)
        for chosen, batch in zip(wanted, made, strict=True):
            for index, text in zip(chosen, batch.texts, strict=True):
                found[index] = text
        return found

    def _rest(
        self, texts: Sequence[str], wanted: Sequence[Sequence[int]], path: Path, *, done: int
    ) -> list[Batch]:
        assert self.source.hub is not None
        model = HubTranslator(self.source.hub, self.source.revision, language=self.language)
        made, stop = [], StopSignal()
        with stop.listening(), progress_bar(losses=False) as display, path.open("ab") as file:
            bar = display.add_task(self.name, total=len(wanted), completed=done)
            for number, chosen in enumerate(wanted[done:], done + 1):
                made.append(model.batch([texts[i] for i in chosen]))
                file.write(f"{canonical(vars(made[-1]))}\n".encode())
                file.flush()
                display.update(bar, completed=number)
                if stop.requested and number < len(wanted):
                    raise Interrupted(
                        f"stopped after batch {number} of {len(wanted)}; what is translated is kept, "
                        "run the same command again to go on."
                    )
        return made

    def _path(self, texts: Sequence[str]) -> Path:
        """Where batches are kept: of these texts, this model and this code alone."""
        assert translate.__file__ is not None
        of = {"by": self.told, "language": self.language, "texts": list(texts)}
        folder = layout.scratch(digest({**of, "code": file_digest(Path(translate.__file__))}))
        folder.mkdir(parents=True, exist_ok=True)
        self._folders.append(folder)
        return folder / "batches.jsonl"

    def facts(self) -> dict[str, int]:
        """Texts that were not translated to their ends, for the manifest."""
        return {"cut": self.cut, "unfinished": self.unfinished}

    def remove(self) -> None:
        """What was kept goes, once the translation is in its place."""
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)


def _kept(path: Path) -> list[Batch]:
    """The batches that stand in a file; one that a kill left half-written is taken out of it."""
    data = path.read_bytes() if path.is_file() else b""
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        path.write_bytes(whole)
    found = map(json.loads, whole.decode().splitlines())
    return [Batch(tuple(of["texts"]), of["cut"], of["unfinished"]) for of in found]
