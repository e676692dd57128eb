"""How one command becomes the processes that train together.

A training stage is the same command everywhere, ``xlgap finetune MODEL ARM TASK``: its text is part of
the stage's identity in DVC. What starts its processes is taken from the environment
(:mod:`~xlgap.launch.decide`): nothing, torchrun, DeepSpeed's launcher, or Slurm. The process that was
called starts them, passes on a stop once, and says at the end in one sentence what happened
(:mod:`~xlgap.launch.supervise`); each of the started ones, a *rank*, finds its place in the
environment and tells its errors to it (:mod:`~xlgap.launch.ranks`). Pages: ``docs/launch.md``.
"""

from xlgap.launch.decide import Launch, decide
from xlgap.launch.ranks import tell
from xlgap.launch.stage import check_launcher, refuse_ranks, trains_here

__all__ = ["Launch", "check_launcher", "decide", "refuse_ranks", "tell", "trains_here"]
