# SPDX-License-Identifier: GPL-2.0
"""`kseries`: parse the command line, carry it out, turn errors into messages and exit codes.

Exit codes: 0 pass, 1 a test or check of the series failed, 2 usage, 3 infrastructure lost or
interrupted.
"""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from kseries.cli.commandline import build_parser
from kseries.cli.parser import Parser
from kseries.lib.errors import InfraError, Interrupted, KseriesError, UserError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COMPLETING = "_ARGCOMPLETE"
"""Set by the shell when TAB is pressed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command; give its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Names of files need not be text.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if argv is None else argv
    parser = build_parser()
    if COMPLETING in os.environ:
        _complete(parser)
    arguments = parser.parse(words)
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        _require_text(words)
        return handler(arguments.command)(arguments)
    except (KseriesError, Interrupted) as error:
        return _fail(error, arguments)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        return 0
    except (OSError, MemoryError) as error:
        return _fail(_of_system(error), arguments)
    except Exception:  # the last line of defence: a fault of our own
        _trace()
        print("kseries: this is a fault in kseries itself, not in the series", file=sys.stderr)
        return 3


def handler(name: str) -> Callable[[Namespace], int]:
    """Give the function of a name, "runs.run"; what it needs is imported now."""
    module, _, function = name.rpartition(".")
    found: Callable[[Namespace], int] = getattr(
        importlib.import_module(f"kseries.cli.{module}"), function
    )
    return found


def _complete(parser: Parser) -> None:
    """Tell the shell what fits, and exit."""
    import argcomplete

    argcomplete.autocomplete(parser, always_complete_options=False)


def _fail(error: KseriesError | Interrupted, arguments: Namespace) -> int:
    from kseries.cli.screen import program
    from kseries.report.printable import printable_lines
    from kseries.report.words import typed

    if arguments.verbosity > 0 and isinstance(error, KseriesError):
        _trace()
    text = typed(printable_lines(str(error)), program(arguments.workspace))
    print(f"kseries: {text}", file=sys.stderr)
    return error.exit_code


def _trace() -> None:
    import traceback

    traceback.print_exc()


def _of_system(error: OSError | MemoryError) -> KseriesError:
    """Turn what the system refused, and nobody expected, into an error with the place."""
    import traceback

    from kseries.lib import atomicfile

    if isinstance(error, MemoryError):
        return InfraError("There is not enough memory.", do="close other programs")
    name = error.filename
    place = os.fsdecode(name) if isinstance(name, str | bytes) else ""
    if place:
        told = atomicfile.disk_error(error, Path(place))
        if told is not None:
            return told
    return InfraError(
        f"The system refused something: {error.strerror or error}.",
        where=place or "".join(traceback.format_tb(error.__traceback__)[-1:]),
        do="look at that place; `kseries doctor` checks this host",
    )


def _require_text(words: Sequence[str]) -> None:
    """Raise UserError for what goes neither into the JSON of a run nor into its script."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                "Arguments are UTF-8.", where=repr(word), do="rename what it names"
            ) from error


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """Unwind on the first signal; let a second one end us at once (children die with us)."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    raise Interrupted(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
