"""A pre-fork server: commands start in milliseconds because the imports are already done.

Importing torch, transformers, deepspeed and mlflow costs seconds of CPU, and a study runs a hundred
commands. One parent process (:mod:`~xlgap.prefork.server`) imports them once and forks a child for
each command; the child takes over the caller's arguments, directory, environment and standard
streams (:mod:`~xlgap.prefork.child`), so that the caller (:mod:`~xlgap.prefork.client`) cannot tell
the difference but by the clock. A caller that finds no server, or one with other code or other
import-time settings, runs by itself.

Only the standard library is imported here: the client must be fast.
"""

from xlgap.prefork.client import Remote, call, start

__all__ = ["Remote", "call", "start"]
