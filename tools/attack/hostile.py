# SPDX-License-Identifier: GPL-2.0
"""Hostile series, made with real git: commits upon the toy kernel, sent as patches."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from attack.scene import Scene
from tests.toyproject import git

SCRIPT = "scripts/attack.sh"

# What hostile code finds before it: words to testify with, and the folders that it may write. The
# words are put together when they are said, so that a copy of the patch does not say them.
PROLOGUE = """\
#!/bin/bash
token=@TOKEN@
attempted() { echo "attempted-$token"; : > "attempted-$token"; } 2> /dev/null
breach() { echo "breach-$token: $*"; }
writable() {
	awk '{ print $5 }' /proc/self/mountinfo | sort -u | while read -r place; do
		case $place in /proc*|/dev*|/sys*|/tmp) continue ;; esac
		[ -d "$place" ] && [ -w "$place" ] && echo "$place"
	done
}
c() { # compile and run a C program from standard input
	local place; place=$(mktemp -d) || return
	cat > "$place/x.c" && gcc -w -o "$place/x" "$place/x.c" && "$place/x" "$@"
}
"""

# Where in a run the script is started: what to put into which file of the toy kernel.
HOOKS = {
    "config": (
        "scripts/kconfig/Makefile",
        "\t\t{ sed 's/^[^ ]*\\.py: //' .conf.err >&2; exit 1; }\n",
        "\t\t{ sed 's/^[^ ]*\\.py: //' .conf.err >&2; exit 1; }\n"
        "\t@bash $(srctree)/scripts/attack.sh\n",
    ),
    # Behind all else that writes the build folder.
    "build": (
        "Makefile",
        "\t@echo 'Kernel: $< is ready'\n",
        "\t@echo 'Kernel: $< is ready'\n\t@bash $(srctree)/scripts/attack.sh\n",
    ),
    "tests": (
        "tools/testing/selftests/Makefile",
        "\n\tdone\n",
        "\n\tdone\n\t@bash ../../../scripts/attack.sh\n",
    ),
}


@dataclass(frozen=True)
class Change:
    """One commit. files: name to text (None: removed); links: name to target."""

    files: Mapping[str, str | bytes | None] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    gitlinks: Sequence[str] = ()
    replace: Sequence[tuple[str, str, str]] = ()
    title: str = "do what a stranger wants"
    executable: Sequence[str] = ()


def series(scene: Scene, name: str, *changes: Change, where: Path | None = None) -> Path:
    """Make a series of patches, one for each change, each upon the one before."""
    work = scene.folder / "attacker"
    if not work.exists():
        # Not with hard links: a commit would touch the objects of the user's own repository.
        git(
            scene.folder,
            "clone",
            "--quiet",
            "--no-hardlinks",
            str(scene.toyproject.kernel),
            str(work),
        )
    git(work, "reset", "--quiet", "--hard", "origin/main")
    git(work, "clean", "-ffdxq")
    for change in changes:
        _commit(scene, work, change)
    folder = (where or scene.folder / "series") / name
    shutil.rmtree(folder, ignore_errors=True)
    words = ["format-patch", "--quiet", f"-{len(changes)}", f"--output-directory={folder}"]
    git(work, *words)
    return folder


def _commit(scene: Scene, work: Path, change: Change) -> None:
    for name, content in change.files.items():
        path = work / name
        if content is None:
            git(work, "rm", "--quiet", "-r", name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            content = scene.fill(content).encode()
        path.write_bytes(content)
        path.chmod(0o755 if name in change.executable else 0o644)
    for name, target in change.links.items():
        path = work / name
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(scene.fill(target))
    for name, old, new in change.replace:
        text = (work / name).read_text()
        assert old in text, f"{name} has no {old!r}"
        (work / name).write_text(text.replace(old, scene.fill(new), 1))
    git(work, "add", "--all", "--force")
    head = git(work, "rev-parse", "HEAD").strip()
    for name in change.gitlinks:
        git(work, "rm", "--quiet", "-r", "--cached", "--ignore-unmatch", name)
        git(work, "update-index", "--add", "--cacheinfo", f"160000,{head},{name}")
    git(work, "commit", "--quiet", f"--message={change.title}")


def running(script: str, at: str = "build", **more: object) -> Change:
    """Make the change that lets the tree's own make run a script.

    at: words of HOOKS. more: what the commit changes beside it.
    """
    files = {SCRIPT: f"{PROLOGUE}{script}\nexit 0\n"}
    base = Change(**more)  # type: ignore[arg-type]
    return Change(
        {**base.files, **files},
        base.links,
        base.gitlinks,
        (*base.replace, *(HOOKS[one] for one in at.split())),
        base.title,
        base.executable,
    )


def mail(
    scene: Scene,
    name: str,
    diff: str,
    *,
    subject: str = "[PATCH] x",
    sender: str = "A <a@example.org>",
) -> Path:
    """Write a series of one mail by hand, for what git would not make."""
    folder = scene.folder / "series" / name
    folder.mkdir(parents=True, exist_ok=True)
    text = (
        f"From {'0' * 40} Mon Sep 17 00:00:00 2001\nFrom: {sender}\n"
        f"Date: Mon, 2 Nov 2026 10:00:00 +0000\nSubject: {subject}\n\nWhy.\n---\n\n"
        f"{diff}--\n2.39.5\n"
    )
    (folder / "0001-x.patch").write_bytes(scene.fill(text).encode(errors="surrogateescape"))
    return folder


def new_file(name: str, text: str = "x\n", mode: str = "100644", *, quoted: bool = False) -> str:
    """Write the diff that makes a file."""
    lines = text.splitlines()
    old, new = f"a/{name}", f"b/{name}"
    if quoted:
        old, new = f'"{old}"', f'"{new}"'
    body = "".join(f"+{line}\n" for line in lines)
    return (
        f"diff --git {old} {new}\nnew file mode {mode}\nindex 0000000..1111111\n--- /dev/null\n"
        f"+++ {new}\n@@ -0,0 +1,{len(lines)} @@\n{body}"
    )
