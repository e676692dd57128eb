"""Train a tiny tagger as a stage does, tracked and stoppable, and predict; faults come from outside.

usage: fault_training.py FOLDER [NAME=VALUE ...]; several processes by RANK, WORLD_SIZE, MASTER_*
       fault_training.py --serve DESCRIPTOR

A server forks the trainings, which saves their imports. It reads lines of JSON and answers on the
descriptor: ``{"folder", "words", "environment"}`` with the process id of another training, which
writes what it says to ``said<rank>`` in its folder, and ``{"wait", "seconds"}`` with the exit code of
that process, negative for a signal, or null when the time is over; at ``{"store"}`` a folder gets an
MLflow store without runs.

Writes ``predictions.json``, ``facts.json`` (facts, losses, digest of the weights) and ``weights`` to
FOLDER, where ``scratch`` and ``mlflow.db`` are, too.

    steps=40 stage=0 offload=0 bf16=0  of the phase
    seconds=0                       between checkpoints
    pause=0                         seconds between steps, so that a test can do something meanwhile
    hang=0                          train.hang_seconds
    lost=3,4                        steps, from 0, of which the data make the loss NaN
    flipped=30,31                   steps of which the labels are wrong
    rows=8 length=14 width=32       of a batch, of an example, of the network
    dropout=0.1                     of the network
    late=0                          1: losses are read a step late, as of a GPU
    rate=0.003                      of learning
    lora=0                          rank of adapters; 0 trains all weights
    bits=0                          of the weights below them; 0 leaves these as they are
    split=0                         1: no process holds the whole network
    best=0                          evaluations, of which the best one's weights are kept
    linger=0                        seconds that an evaluation does nothing, FOLDER/evaluating beside it
    stuck=0                         1: the second process stops itself when its engine is to start
    slow=0                          seconds that the first process's disk takes for each file
    memory=0                        MB that it may take beside what it has when training begins
"""

import hashlib
import json
import os
import resource
import signal
import sqlite3
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import deepspeed  # noqa: F401
import numpy as np
import torch
from losses import TAGS, VOCABULARY, tagged, tiny_encoder

from xlgap.adapter_params import LoraParams
from xlgap.errors import XlgapError
from xlgap.formats import atomic_path, finite
from xlgap.launch.ranks import come, tell
from xlgap.models.adapters import add_adapters, load_kept
from xlgap.models.blueprint import folder_blueprint
from xlgap.models.checkpoint_files import TensorFile
from xlgap.models.encode import IGNORE
from xlgap.models.network import (
    Network,
    hub_encoder,
    load_state,
    make_head,
    save_encoder,
    save_state,
)
from xlgap.models.packed import on_device
from xlgap.models.stored import copy_tensors
from xlgap.stages.learned import told
from xlgap.stages.observe import StopSignal, TrainingObserver, progress_bar
from xlgap.stages.split import split_network, stored
from xlgap.stages.start import Start
from xlgap.stages.track import open_tracker
from xlgap.tasks.base import Tag
from xlgap.tracking import mlflow
from xlgap.tracking.store import initialise
from xlgap.training import losses
from xlgap.training.data import TaskData
from xlgap.training.engine import agreed, device, process_group, rank
from xlgap.training.trainer import PhaseSettings, train_phase
from xlgap.training.zero import ZeroPlan

LOST = VOCABULARY - 1
STORE = []  # a server's own, empty
DEFAULTS = {
    "steps": 40, "stage": 0, "offload": 0, "bf16": 0, "seconds": 0.0, "pause": 0.0, "hang": 0.0,
    "lost": (), "flipped": (), "rows": 8, "length": 14, "width": 32, "memory": 0, "budget": 100_000,
    "dropout": 0.1, "rate": 3e-3, "late": 0, "lora": 0, "bits": 0,
    "split": 0, "best": 0, "slow": 0.0, "linger": 0.0, "stuck": 0,
}  # fmt: skip


def options(words):
    found = dict(DEFAULTS)
    for word in words:
        name, _, text = word.partition("=")
        kind = type(DEFAULTS[name])
        found[name] = tuple(map(int, text.split(","))) if kind is tuple else kind(text)
    return SimpleNamespace(**found)


@dataclass(frozen=True)
class Data(TaskData):
    """Examples of which some steps are spoilt."""

    lost: tuple = ()
    flipped: tuple = ()

    def batch(self, indices, *, step):
        made = super().batch(indices, step=step)
        if step in self.lost:
            made["input_ids"][0, 0] = LOST
        if step in self.flipped:
            labels = made["labels"]
            made["labels"] = torch.where(labels == IGNORE, labels, (labels + 1) % len(TAGS))
        return made


def examples(how):
    return tagged(max(48, how.rows * how.steps), longest=how.length)


def network(how, *, split=False):
    encoder = tiny_encoder(width=how.width, positions=how.length + 8, dropout=how.dropout)
    with torch.no_grad():
        encoder.get_input_embeddings().weight[LOST] = float("nan")
    if how.bits:
        encoder = of_few_bits(encoder, how.bits)
    if split:
        return shared_out(encoder, how)
    if how.lora:
        add_adapters(encoder, LoraParams(rank=how.lora), seed=4)
    return Network(encoder, head(encoder))


def head(encoder):
    return make_head(Tag(tags=TAGS, bio=False), encoder, seed=0)


def shared_out(encoder, how):
    """The same, read tensor by tensor from a file."""
    lora = LoraParams(rank=how.lora) if how.lora else None
    with TemporaryDirectory() as made:
        base = Path(made) / "base"
        save_encoder(encoder, base, {})
        start = Start("start", None, None, {}, blueprint=lambda: folder_blueprint(base))
        made = partial(stops, head) if how.stuck == 2 and rank() == 1 else head
        return split_network(start, made, zero(how), lora=lora, seed=4, hang_seconds=how.hang)


def stops(head, encoder):
    os.kill(os.getpid(), signal.SIGSTOP)
    return head(encoder)


def of_few_bits(encoder, bits):
    with TemporaryDirectory() as made:
        save_encoder(encoder, Path(made) / "base", {})
        return hub_encoder(str(Path(made) / "base"), None, bits=bits)


class Observer(TrainingObserver):
    """Also takes its time, and remembers losses and what happened."""

    def __init__(self, *arguments, pause, memory):
        super().__init__(*arguments)
        self.losses, self.told, self.pause, self.memory = {}, [], pause, memory

    def on_start(self, step, *, steps):
        super().on_start(step, steps=steps)
        if self.memory:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * os.sysconf("SC_PAGE_SIZE") + self.memory * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            self.memory = 0

    def on_step(self, step, *, steps, loss, learning_rate):
        super().on_step(step, steps=steps, loss=loss, learning_rate=learning_rate)
        self.losses[step] = loss
        time.sleep(self.pause)

    def on_event(self, name, sentence):
        super().on_event(name, sentence)
        self.told.append([name, sentence])


def main(folder, *words):
    how, folder = options(words), Path(folder).resolve()
    os.chdir(folder)  # stages run in their study's directory
    losses.LATE_ON_CPU = bool(how.late)
    if how.slow and rank() == 0:
        os.fsync = partial(slow_fsync, os.fsync, how.slow)
    come()
    try:
        with process_group(threads=1):
            run(how, folder)
    except XlgapError as error:
        if not tell(error):
            print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def slow_fsync(fsync, seconds, handle):
    """What a disk does that is slow, with files of checkpoints."""
    if Path(f"/proc/self/fd/{handle}").readlink().suffix == ".pt":
        time.sleep(seconds)
    fsync(handle)


def run(how, folder):
    (folder / f"pid{rank()}").write_text(str(os.getpid()))
    study = SimpleNamespace(root=folder, experiment="faults")
    stop = StopSignal()
    tracker = open_tracker(study, name="faults", digest="faults", kind="cell")
    with stop.listening(), progress_bar() as display, tracker as tracked:
        observer = Observer("faults", stop, tracked, display, pause=how.pause, memory=how.memory)
        result, weights = train(how, folder, observer)
        result = told(result, "tags", observer)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if rank() == 0:
            (folder / "weights").mkdir(exist_ok=True)
            file = folder / "weights" / "model.safetensors"
            if isinstance(weights, TensorFile):
                copy_tensors(stored(weights), file)
            else:
                save_state(weights, file)
            write(folder / "predictions.json", predictions(how, load_state(file)))
            facts = {name: value for name, value in asdict(result).items() if name != "mixed"}
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            known = {"facts": facts, "losses": observer.losses, "events": observer.told}
            write(folder / "facts.json", finite({**known, "weights": digest, "run": tracked.run_id}))
        agreed(True)


def train(how, folder, observer):
    data = Data(examples(how), pad=1, lost=how.lost, flipped=how.flipped)
    settings = PhaseSettings(
        steps=how.steps,
        warmup_steps=2,
        batch_rows=how.rows,
        token_budget=how.budget,
        evaluations=how.best,
        select="dev" if how.best else "last",
        seed=5,
        zero=zero(how),
        checkpoint_seconds=how.seconds,
        hang_seconds=how.hang,
    )
    return train_phase(
        lambda: to_train(how), data, settings,
        evaluate=partial(score, how, folder) if how.best else None, observer=observer,
        scratch=folder / "scratch",
    )  # fmt: skip


def zero(how):
    return ZeroPlan(
        stage=how.stage,
        learning_rate=how.rate,
        offload_optimizer=bool(how.offload),
        precision="bf16" if how.bf16 else "fp32",
        split=bool(how.split),
    )


def to_train(how):
    made = network(how, split=bool(how.split))
    if how.stuck == 1 and rank() == 1:
        made.to = lambda *_: os.kill(os.getpid(), signal.SIGSTOP)
    return made


def score(how, folder, trained):
    """The share of tags that are right, on every rank."""
    if how.linger:
        (folder / "evaluating").touch()
        time.sleep(how.linger)
    rows = examples(how)[:48]
    batch = on_device(TaskData(rows, pad=1).batch(np.arange(48), step=0), device())
    with torch.inference_mode():
        right = trained.logits(batch).argmax(-1) == batch["labels"]
    return float(right[batch["labels"] != IGNORE].float().mean())


def predictions(how, weights):
    trained = network(how)
    load_kept(trained, weights, "weights")
    trained.to(device()).eval()
    data = TaskData(examples(how)[:48], pad=1)
    with torch.no_grad():
        logits = trained.logits(on_device(data.batch(np.arange(48), step=0), device()))
    return logits.argmax(-1).tolist()


def serve():
    answers = os.fdopen(int(sys.argv[2]), "w")  # libraries write to standard output
    mlflow.warm_up()
    network(options(["lora=1"]))  # imports what it takes
    with TemporaryDirectory() as made:
        STORE.append(Path(made) / "mlflow.db")
        if os.fork() == 0:  # whose connections nobody inherits
            initialise(f"sqlite:///{STORE[0]}")
            os._exit(0)
        os.wait()
        answer_all(answers)


def answer_all(answers):
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(answer(**asked)), file=answers, flush=True)


def answer(**asked):
    if "store" in asked:
        return store(asked["store"])
    return wait(**asked) if "wait" in asked else fork(**asked)


def store(folder):
    with sqlite3.connect(STORE[0]) as empty, sqlite3.connect(Path(folder) / "mlflow.db") as copy:
        empty.backup(copy)


def fork(folder, words, environment):
    if not (Path(folder) / "mlflow.db").is_file():
        store(folder)
    pid = os.fork()
    if pid:
        return pid
    os.setpgid(0, 0)
    os.environ.update(environment)
    said = os.open(Path(folder) / f"said{rank()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    code = 1
    try:
        code = main(folder, *words)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def wait(wait, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, status = os.waitpid(wait, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None


def write(path, value):
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value))


if __name__ == "__main__":
    sys.exit(serve() if sys.argv[1] == "--serve" else main(*sys.argv[1:]))
