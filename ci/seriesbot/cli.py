# SPDX-License-Identifier: GPL-2.0
"""The command line of the bot."""

from __future__ import annotations

import getpass
import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from kseries.cli.parser import Parser, sentence
from kseries.lib.errors import Interrupted, KseriesError, UserError
from kseries.report.printable import printable_lines
from seriesbot import config, initial, operating, operators
from seriesbot.bot import Bot
from seriesbot.config import Home
from seriesbot.farm import commandline
from seriesbot.store import Store

if TYPE_CHECKING:
    from kseries.cli.parser import Commands

HOST, PORT = "127.0.0.1", 8411  # of the web page
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

EPILOG = """\
examples:
  seriesbot --home ~/bot init         make a bot's folder
  seriesbot --home ~/bot run          work until ended
  seriesbot --home ~/bot queue        what runs, waits, is held, misses parts
  seriesbot --home ~/bot why MSGID    what became of a mail, and why

Exit codes: 0 done, 2 usage, 3 something that is needed does not work, or ended by a signal.
"""


def main(argv: Sequence[str]) -> int:
    """Carry out one command; give its exit code, which is as that of kseries."""
    arguments = _parser().parse(argv)
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        result: int = arguments.run(arguments)
    except (KseriesError, Interrupted) as error:
        _say(f"seriesbot: {error}")
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return result


def _parser() -> Parser:
    parser = Parser(prog="seriesbot", description="The bot on the mailing list.", epilog=EPILOG)
    parser.add_argument(
        "--home",
        default=os.environ.get("SERIESBOT_HOME", ""),
        metavar="DIR",
        help="the bot's folder (default: $SERIESBOT_HOME, else ~/.local/state/seriesbot)",
    )
    commands: Commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "init", _init, "make the bot's folder, with settings to be filled in")
    run = _add(commands, "run", _run, "read archives and work on series, until ended")
    run.add_argument("--once", action="store_true", help="end when there is nothing left to do")
    _add(commands, "queue", _queue, "list what runs, waits, is held, and misses parts")
    for name, carry_out, told in (
        ("why", _why, "tell what became of a mail, and by which decisions"),
        ("show", _show, "show a series, and what it was found to be"),
        ("release", _release, "let a series that is held be worked on"),
        ("refuse", _refuse, "refuse a series that is held"),
        ("again", _again, "work on a series once more"),
    ):
        one = _add(commands, name, carry_out, told)
        one.add_argument("message_id", metavar="MSGID", help="of any of its mails")
    web = _add(commands, "web", _web, "serve the web page, which reads; operators can log in")
    web.add_argument("--host", default=HOST, metavar="ADDRESS", help=f"to listen on ({HOST})")
    web.add_argument("--port", type=int, default=PORT, metavar="N", help=f"to listen on ({PORT})")
    operator = _add(commands, "operator", _operator, "let somebody log in on the web page")
    operator.add_argument("name", nargs="?", metavar="NAME", help="(default: list them)")
    operator.add_argument("--remove", action="store_true", help="let NAME log in no more")
    optouts = _add(commands, "optouts", _optouts, "list who wants no answers")
    optouts.add_argument("--remove", metavar="ADDRESS", help="answer that address again")
    backup = _add(commands, "backup", _backup, "copy the store into a file, while the bot works")
    backup.add_argument("file", type=Path, metavar="FILE")
    told = "set up, and start, a Buildbot master and its workers"
    commandline.add(_add(commands, "buildbot", _buildbot, told))
    return parser


def _add(commands: Commands, name: str, run: Callable[[Namespace], int], told: str) -> Parser:
    parser = commands.add_parser(name, help=told, description=sentence(told))
    parser.set_defaults(run=run, parser=parser)
    return parser


def _home(arguments: Namespace) -> Home:
    if arguments.home:
        return Home(Path(arguments.home).expanduser().absolute())
    import platformdirs

    return Home(platformdirs.user_state_path("seriesbot"))


@contextmanager
def _store(arguments: Namespace) -> Iterator[Store]:
    home = config.read(_home(arguments)).home
    with Store.opened(home.store) as store:
        yield store


def _init(arguments: Namespace) -> int:
    return _print(initial.init(_home(arguments)))


def _run(arguments: Namespace) -> int:
    settings = config.read(_home(arguments))
    with Store.opened(settings.home.store) as store, store.owned():
        bot = Bot(store, settings, _log)
        if arguments.once:
            bot.drain()
        else:
            bot.run()
    return 0


def _queue(arguments: Namespace) -> int:
    with _store(arguments) as store:
        return _print(operating.queue(store, int(time.time())))


def _why(arguments: Namespace) -> int:
    with _store(arguments) as store:
        return _print(operating.why(store, arguments.message_id))


def _show(arguments: Namespace) -> int:
    engine = config.read(_home(arguments)).told.engine
    with _store(arguments) as store:
        return _print(operating.show(store, engine, arguments.message_id))


def _release(arguments: Namespace) -> int:
    with _store(arguments) as store:
        return _print(operating.release(store, arguments.message_id, int(time.time())))


def _refuse(arguments: Namespace) -> int:
    with _store(arguments) as store:
        return _print(operating.refuse(store, arguments.message_id, int(time.time())))


def _again(arguments: Namespace) -> int:
    with _store(arguments) as store:
        return _print(operating.again(store, arguments.message_id, int(time.time())))


def _web(arguments: Namespace) -> int:
    # It takes a while to import, which other commands need not wait for.
    from seriesbot.web import serve

    serve.serve(config.read(_home(arguments)), arguments.host, arguments.port)
    return 0


def _operator(arguments: Namespace) -> int:
    file = config.read(_home(arguments)).home.operators
    if arguments.name is None:
        found = operators.read(file)
        return _print(iter(found.operator if found and found.operator else ["nobody can log in"]))
    if arguments.remove:
        operators.remove(file, arguments.name)
    else:
        operators.put(file, arguments.name, _password())
    with _store(arguments) as store:
        operating.log_out(store, arguments.name)
    return 0


def _password() -> str:
    """Ask for a new password; where nobody can be asked, a line of standard input is one."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise UserError("These are two passwords.", do="try again")
    return password


def _optouts(arguments: Namespace) -> int:
    with _store(arguments) as store:
        return _print(operating.optouts(store, arguments.remove))


def _backup(arguments: Namespace) -> int:
    with _store(arguments) as store:
        store.backup(arguments.file.absolute())
    return 0


def _buildbot(arguments: Namespace) -> int:
    return _print(arguments.lines(arguments))


def _print(lines: Iterator[str]) -> int:
    for line in lines:
        print(line)
    return 0


def _log(text: str) -> None:
    _say(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} {text}")


def _say(text: str) -> None:
    print(printable_lines(text), file=sys.stderr, flush=True)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(signal.Signals(number).name)
