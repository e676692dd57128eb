"""What the programs have in common that train something tiny for a few steps and write the losses."""

import json
from pathlib import Path

import numpy as np

from xlgap.models.encode import IGNORE, Example
from xlgap.models.ladder import scratch_config
from xlgap.models.network import scratch_encoder
from xlgap.training.engine import rank
from xlgap.training.trainer import PhaseSettings, train_phase

VOCABULARY, TAGS = 60, ("O", "A", "B")


class Losses:
    """Remembers the loss of every step."""

    def __init__(self):
        self.values = []

    def on_start(self, step, *, steps):
        pass

    def on_step(self, step, *, steps, loss, learning_rate):
        self.values.append(loss)

    def on_saving(self) -> None: ...

    def on_evaluation(self, step, score):
        pass

    def on_event(self, name, sentence):
        pass

    def stop_requested(self):
        return False


def sub_words(random, length):
    """Any but the special ones and the last, which is the mask in some programs."""
    return random.integers(5, VOCABULARY - 1, length).astype(np.int32)


def tagged(count, *, longest=14):
    """Examples whose tags follow from their sub-words, of 4 to ``longest`` - 1 of these."""
    random = np.random.default_rng(7)
    rows = []
    for i in range(count):
        length = int(random.integers(4, longest))
        ids = sub_words(random, length)
        labels = (ids % len(TAGS)).astype(np.int64)
        labels[0] = labels[-1] = IGNORE
        rows.append(Example(i, (ids,), labels, np.arange(length, dtype=np.int32)))
    return rows


def tiny_encoder(*, layers=2, width=32, positions=32, dropout=0.0, **more):
    """Drawn from the same seed in all programs; ``more``: of its configuration."""
    config = scratch_config(
        layers=layers, width=width, heads=2, feed_forward=2 * width, vocabulary=VOCABULARY,
        positions=positions,
    )  # fmt: skip
    config |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    return scratch_encoder(config | more, seed=3)


def settings(**given):
    """Of a phase without evaluations that keeps its last weights."""
    return PhaseSettings(evaluations=0, select="last", seed=5, **given)


def train(network, data, how, scratch):
    """The losses of all steps, and the weights."""
    losses = Losses()
    _, weights = train_phase(network, data, how, evaluate=None, observer=losses, scratch=Path(scratch))
    return losses.values, weights


def total(weights):
    """One number that differs where weights do."""
    return float(sum(w.double().abs().sum() for w in weights.values()))


def write(out, found):
    """By one of the ranks."""
    if rank() == 0:
        Path(out).write_text(json.dumps(found))
