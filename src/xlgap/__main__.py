"""The command line: one command a stage of the graph, and those for people.

Every command runs in a study's directory and reads its ``params.yaml``. An error that a user can mend
is one sentence on standard error and a non-zero exit code.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence

_IN_THE_WAY = (FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # its encoding may lack a table's lines
    words = list(sys.argv[1:] if argv is None else argv)
    socket_path = os.environ.get("XLGAP_PREFORK_SOCKET")
    if socket_path:
        from xlgap.prefork import call

        code = call(socket_path, words)
        if code is not None:
            return code
    from xlgap import commands
    from xlgap.errors import XlgapError
    from xlgap.launch.ranks import tell

    arguments = commands.parser().parse_args(words)
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except XlgapError as error:
        if not tell(error):
            print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except _IN_THE_WAY as error:
        path = error.filename2 or error.filename  # of a renaming, what it was to become
        if path is None:
            raise
        print(f"error: {path}: {_obstacle(error)}, then run this again.", file=sys.stderr)
        return XlgapError.exit_code
    except KeyboardInterrupt:
        print("interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        full = _full(error)
        told = tell(error if full is None else XlgapError(full))
        if full is None:
            raise
        if not told:
            print(f"error: {full}", file=sys.stderr)
        return XlgapError.exit_code
    return 0


def _full(error: Exception) -> str | None:
    """That the disk is full, where it is."""
    if not isinstance(error, OSError) or error.errno not in _FULL:
        return None
    where = "" if error.filename is None else f"{error.filename}: "
    return f"{where}{error.strerror}; make room on the disk, then run this again."


def _obstacle(error: OSError) -> str:
    """What stands where a command wants to read or write, and what to do."""
    if isinstance(error, PermissionError):
        return "this user may not read or write it; change that"
    if isinstance(error, IsADirectoryError):
        return "a folder stands where a file should be; move it away"
    return "a file stands where a folder should be, there or above it; move it away"


if __name__ == "__main__":
    sys.exit(main())
