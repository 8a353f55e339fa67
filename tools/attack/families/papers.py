# SPDX-License-Identifier: GPL-2.0
"""Hostile stacks, documents and logs, and what they put into reports."""

from __future__ import annotations

import email
import gzip
import html.parser
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attack import hostile
from attack.hostile import Change
from attack.scene import Scene
from attack.table import Attack, Kind

EVIL = "<script>ran = 1</script>\"'&\x1b]0;evil\x07\x1b[31m\x00\u202e\n]]></pre>\r\nBcc: evil@example.org\r\n$(touch @HOST@/executed)`touch @HOST@/executed`';touch @HOST@/executed;'"
FORMATS = ("terminal", "json", "kcidb", "junit", "html", "mail")
LIMIT_S = 60.0


def _stack(text: str, name: str = "evil.toml") -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        file = scene.folder / "stacks" / name
        file.parent.mkdir(parents=True)
        file.write_text(scene.fill(text), errors="surrogateescape")
        scene.mark(scene.kseries("run", "--stack", str(file), "--until", "config", limit_s=LIMIT_S))

    return act


BASE = 'title = "x"\nsource = "toy"\nconfig = ["base"]\nsuites = []\n'
STACKS = {
    "stack-series-up": ("names a series above the project", BASE + 'series = ["../../../..@HOST@/folder"]\nunder_test = "x"\n'),
    "stack-series-absolute": ("names a folder of the host as its series", BASE + 'series = ["@HOST@/folder"]\nunder_test = "@HOST@/folder"\n'),
    "stack-config-up": ("names a private file as a config", BASE.replace('"base"', '"../../../../../..@HOST@/secret"')),
    "stack-source-up": ("names a private file as a source", BASE.replace('"toy"', '"../../..@HOST@/secret"')),
    "stack-source-url": ("names a source that is a command", BASE.replace('source = "toy"', 'source = "ext::sh -c touch% @HOST@/executed"')),
    "stack-odd-names": ("has names with newlines, escapes and quotes", BASE + 'series = ["a\\nb\\u001b]0;x\\u0007$(touch @HOST@/executed)"]\nunder_test = "x"\n'),
    "stack-trusted-key": ("says of itself that it is trusted in a misspelt way", BASE + 'Trusted = true\n"trusted " = true\n'),
    "stack-deep": ("is TOML nested 100,000 deep", "x = " + "[" * 100_000 + "]" * 100_000),
    "stack-big": ("is TOML of 30 MB", BASE + "".join(f'k{n} = "{"x" * 1000}"\n' for n in range(30_000))),
    "stack-numbers": ("has numbers of 100,000 digits and absurd dates", BASE + f"x = {'9' * 100_000}\ny = 9999-99-99\n"),
    "stack-not-text": ("is not text", "\x00\udcff\udcfe\x1b]0;evil\x07 = 1"),
}  # fmt: skip


def _file_names(scene: Scene) -> None:
    """Give series in folders of hostile names, and really run each reproduce.sh."""
    names = (
        "$(touch executed)",
        "a'b;touch executed;'",
        'a"b`touch executed`',
        "a\nb",
        "-rf",
        "\x1b]0;x\x07",
        "a b  c",
        "--until",
    )
    for name in names:
        text = name.replace("executed", f"..{scene.executed}".replace("/", "\u2215"))
        folder = hostile.series(scene, text, Change(files={"new.c": "int x;\n"}))
        ended = scene.kseries("run", "--series", f"{folder}/", "--until", "apply")
        if ended.code == 0:
            _reproduce(scene)
        scene.mark(ended)


def _reproduce(scene: Scene) -> None:
    nox = scene.toyproject.root / "nox"
    made = nox.exists()
    nox.write_text("#!/bin/sh\nexit 0\n")
    nox.chmod(0o755)
    script = (scene.toyproject.root / "out/runs/latest").resolve() / "reproduce.sh"
    here = scene.folder / "clone"
    here.mkdir(exist_ok=True)
    subprocess.run(
        ["sh", str(script)],
        cwd=scene.toyproject.root,
        env=scene.environment(),
        check=False,
        capture_output=True,
        timeout=60,
    )
    if not made:
        nox.unlink()
    if list(scene.folder.glob("**/executed*")):
        scene.breach("reproduce.sh runs what a name says")


def _document(
    change: Callable[[Scene, Path], object], formats: tuple[str, ...] = FORMATS
) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        scene.kseries("run", "--until", "apply")
        run = (scene.toyproject.root / "out/runs/latest").resolve()
        other = run.with_name(f"{run.name}-2")
        shutil.copytree(run, other)
        change(scene, run / "results.json")
        scene.ends.clear()
        for form in formats:
            scene.kseries("report", run.name, "--format", form, limit_s=LIMIT_S)
        for words in (("runs",), ("compare", run.name, other.name), ("flakes",)):
            scene.kseries(*words, limit_s=LIMIT_S)
        scene.kseries("run", "--resume", run.name, "--until", "apply", limit_s=LIMIT_S)
        scene.mark(*scene.ends)

    return act


def _put(data: Callable[[], bytes]) -> Callable[[Scene, Path], object]:
    return lambda _, file: file.write_bytes(data())


def _instead(make: Callable[[Scene, Path], Any]) -> Callable[[Scene, Path], object]:
    def change(scene: Scene, file: Path) -> None:
        file.unlink()
        make(scene, file)

    return change


def _sparse(file: Path) -> None:
    with file.open("wb") as out:
        out.truncate(1 << 40)


def _poisoned(value: Any, text: str) -> Any:  # noqa: ANN401
    """Put a hostile text behind every text of a document."""
    if isinstance(value, dict):
        return {
            key: _poisoned(one, text) if key not in ("verdict", "state", "started") else one
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_poisoned(one, text) for one in value]
    return value + text if isinstance(value, str) else value


def _texts(scene: Scene, file: Path) -> None:
    found = json.loads(file.read_text())
    file.write_text(json.dumps(_poisoned(found, scene.fill(EVIL))))


DOCUMENTS: dict[str, tuple[str, Callable[[Scene, Path], object]]] = {
    "document-folder": ("a folder", _instead(lambda _, file: file.mkdir())),
    "document-link": ("a link to a private file", _instead(lambda scene, file: file.symlink_to(scene.host / "secret"))),
    "document-fifo": ("a FIFO", _instead(lambda _, file: os.mkfifo(file))),
    "document-zeros": ("a link to /dev/zero", _instead(lambda _, file: file.symlink_to("/dev/zero"))),
    "document-sparse": ("a sparse file of 1 TB", _instead(lambda _, file: _sparse(file))),
    "document-deep": ("nested 200,000 deep", _put(lambda: b'{"programs":' + b"[" * 200_000 + b"]" * 200_000 + b"}")),
    "document-numbers": ("full of numbers out of all bounds", _put(lambda: b'{"seconds": 1e999999, "run": ' + b"9" * 100_000 + b', "schema_version": -1}')),
    "document-not-text": ("not text", _put(lambda: bytes(range(256)) * 100)),
    "document-null": ("null in place of all", _put(lambda: b"null")),
    "document-texts": ("one whose every text is hostile", _texts),
}  # fmt: skip


def _log(write: Callable[[Scene, Path], object]) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        file = scene.folder / "hostile.log"
        write(scene, file)
        for form in ("terminal", "junit"):
            scene.mark(scene.kseries("parse", str(file), "--format", form, limit_s=LIMIT_S))

    return act


def _text(data: Callable[[], bytes]) -> Callable[[Scene, Path], object]:
    return lambda _, file: file.write_bytes(data())


def _gz(parts: int) -> bytes:
    return gzip.compress(bytes(1 << 20) * 64) * parts


KTAP = b"TAP version 13\n1..2\n"
LOGS: dict[str, tuple[str, Callable[[Scene, Path], object]]] = {
    "log-long-line": ("a line of 200 MB without an end", _text(lambda: KTAP + b"x" * (200 << 20))),
    "log-long-result": ("a result whose name has 100 MB", _text(lambda: KTAP + b"ok 1 " + b"y" * (100 << 20) + b"\nok 2 b\n")),
    "log-many-results": ("a million results", _text(lambda: b"TAP version 13\n" + b"".join(b"ok %d t%d\n" % (n, n) for n in range(1_000_000)))),
    "log-many-kinds": ("500,000 complaints of the kernel", _text(lambda: b"".join(b"[%6d.0] WARNING: CPU: 0 PID: 1 at x%d.c:1 f%d+0x1/0x2\n" % (n, n, n) for n in range(500_000)))),
    "log-deep": ("subtests nested 20,000 deep", _text(lambda: b"".join(b"    " * min(n, 2000) + b"KTAP version 1\n" + b"    " * min(n, 2000) + b"1..1\n" for n in range(4000)))),
    "log-numbers": ("plans and numbers out of all bounds", _text(lambda: b"TAP version 13\n1..99999999999999999999\nok " + b"9" * 100_000 + b" x\nok -1 y\nok 1e9 z\n")),
    "log-escapes": ("what a terminal obeys", _text(lambda: KTAP + b"ok 1 \x1b]0;evil\x07\x1b[2J\x9b31m\x90x\nnot ok 2 \r\x08\x1bc\x1b]52;c;eA==\x07\n# \x1b[31m\n")),
    "log-gzip-bomb": ("a gzip file that unpacks to 20 GB", lambda _, file: file.with_suffix(".log").write_bytes(_gz(320))),
    "log-sparse": ("a sparse file of 1 TB", lambda _, file: _sparse(file)),
    "log-folder": ("a folder", lambda _, file: file.mkdir()),
    "log-fifo": ("a FIFO nobody writes to", lambda _, file: os.mkfifo(file)),
    "log-zeros": ("a link to /dev/zero", lambda _, file: file.symlink_to("/dev/zero")),
    "log-spaces": ("lines that make regular expressions slow", _text(lambda: (b"[" + b" " * 50_000 + b"\n") * 100 + (b"ok 1 " + b"# " * 50_000 + b"\n") * 20 + (b"-" * 100_000 + b"\n") * 20)),
    "log-times": ("time stamps out of all bounds", _text(lambda: b"[99999999999999999999.9] WARNING: at x\n[-1.0] BUG: y\n[" + b"9" * 10_000 + b".1] Oops: z\n")),
}  # fmt: skip

RELEASES = {
    "release-escapes": ("has a kernel release of escapes and newlines", r"printf '6.9\033]0;evil\007\n<script>x</script>\r\nBcc: e@x\n'"),
    "release-long": ("has a kernel release of 10 MB", "head -c 10000000 /dev/zero | tr '\\0' 6"),
    "release-path": ("has a kernel release that is a path", "echo ../../../../../../../..@HOST@/executed"),
    "release-command": ("has a kernel release that is a command", "echo '$(touch @HOST@/executed);`touch @HOST@/executed`'"),
    "release-bytes": ("has a kernel release of bytes that are no text", r"printf '\377\376\000\001\200'"),
    "release-empty": ("has no kernel release", ":"),
}  # fmt: skip


def _reported(make: Callable[[Scene], Path]) -> Callable[[Scene], None]:
    """Run a series, then look at each report as its reader does."""

    def act(scene: Scene) -> None:
        scene.run_series(make(scene))
        for form in FORMATS:
            out = scene.folder / f"report.{form}"
            scene.kseries("report", "--format", form, "--out", str(out))
            if out.exists():
                _look(scene, form, out)
        _reproduce(scene)

    return act


class _Page(html.parser.HTMLParser):
    """Reads a page as a browser does; alive: what would run. Quoted text is none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at a tag and its attributes."""
        if tag in ("script", "iframe", "object", "embed", "base", "img", "form"):
            self.alive.append(f"a tag {tag}")
        for name, value in attrs:
            if name.startswith("on") or "javascript:" in (value or "").lower():
                self.alive.append(f"an attribute {name}")


def _look(scene: Scene, form: str, out: Path) -> None:
    text = out.read_text(errors="replace")
    if form == "html":
        page = _Page()
        page.feed(text)
        for word in page.alive:
            scene.breach(f"the page holds {word}")
    if form == "mail":
        read = email.message_from_string(text)
        for name in ("Bcc", "X-Evil"):
            if read[name]:
                scene.breach(f"the mail has a header {name}")
    if re.search(r"\x1b[\]\[cP]", text):
        scene.breach(f"the report {form} holds escape sequences")


def _release(script: str) -> Callable[[Scene], Path]:
    body = f"({script}) > include/config/kernel.release; attempted"
    return lambda scene: hostile.series(scene, "release", hostile.running(body))


def _warnings(scene: Scene) -> Path:
    lines = (
        r"printf '../net/<script>x=1</script>\033]0;e\007.c:1:1: warning: \033[31m<img src=x onerror=alert(1)>"
        r" ]]> [-W\"><script>x</script>]\n' >&2; printf '../net/core.c:1:1: warning: x\r\nBcc: evil@x\r\n [-Wx]\n' >&2"
    )
    title = "net: <script>x=1</script> ]]> & \"' =?utf-8?q?=0ABcc:_evil=40x?="
    return hostile.series(scene, "<b>'x", hostile.running(f"{lines}; attempted", title=title))


ATTACKS = (
    *(Attack(name, Kind.REQUESTS, f"comes with a stack that {tries}", _stack(text)) for name, (tries, text) in STACKS.items()),
    Attack("file-names", Kind.REQUESTS, "comes in folders whose names are commands", _file_names),
    *(Attack(name, Kind.DOCUMENTS, f"comes with a results.json that is {tries}", _document(change, FORMATS if name == "document-texts" else ("terminal", "html"))) for name, (tries, change) in DOCUMENTS.items()),
    *(Attack(name, Kind.LOGS, f"comes with a log that is or has {tries}", _log(write)) for name, (tries, write) in LOGS.items()),
    *(Attack(name, Kind.REPORTS, tries, _reported(_release(script))) for name, (tries, script) in RELEASES.items()),
    Attack("warnings-injection", Kind.REPORTS, "prints warnings that break into pages, mails and terminals", _reported(_warnings)),
)  # fmt: skip
