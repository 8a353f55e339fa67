# SPDX-License-Identifier: GPL-2.0
"""What a build leaves behind in place of what the host reads, writes, copies, hashes or removes."""

from __future__ import annotations

from collections.abc import Callable

from attack import hostile
from attack.hostile import Change
from attack.scene import Scene
from attack.table import Attack, Kind

# The script finds by itself what a build leaves: every file, or those of a name.
EACH = "for file in $(find . -name '%s' -not -path '*/kselftest*'); do %s; done"

# How a file is replaced; $file is its name.
FORMS = {
    "link": "ln -sfn @HOST@/%s $file && attempted",
    "relative link": 'ln -sfn "$(realpath -m --relative-to="$(dirname $file)" /)@HOST@/%s" $file && attempted',
    "fifo": "rm -rf $file && mkfifo $file && attempted",
    "folder": "rm -rf $file && mkdir -p $file/x && attempted",
    "sparse file": "truncate -s 1T $file && attempted || { truncate -s 15G $file && attempted; }",
    "zeros": "ln -sfn /dev/zero $file && attempted",
    "unreadable file": "chmod 0 $file && attempted",
    "broken text": "printf '\\377\\000\\033]0;title\\007\\n\\n' > $file && attempted",
    "link to itself": "rm -rf $file; ln -s $(basename $file) $file && attempted",
}

# Files that a build makes and that somebody outside has a use for: where in a run, name.
TARGETS = {
    ".config": ".config",
    ".config*": "all configs",
    ".env*": "the environment of Kconfig",
    "kernel.release": "the release",
    "bzImage": "the image",
    "vmlinux": "vmlinux",
    "*.cmd": "the commands of objects",
    "*.h": "headers",
}
# Those that are replaced in every form.
WHOLE = (".config*", "kernel.release", "bzImage")


def _replaced(target: str, form: str) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        # A config is a good one, so that nobody refuses it for its text.
        canary = "config" if "config" in target else "secret"
        how = FORMS[form]
        script = EACH % (target, how.replace("%s", canary))
        where = "config build" if target in (".config*", ".env*") else "build"
        folder = hostile.series(scene, "replaced", hostile.running(script, where))
        if scene.run_series(folder).code is not None:
            scene.run_series(folder)
        if target in (".config*", ".env*"):
            scene.kseries("config", "why", "NET")

    return act


def _script(script: str, at: str = "build", runs: int = 2) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        folder = hostile.series(scene, "left", hostile.running(script, at))
        for _ in range(runs):
            scene.run_series(folder)
        scene.kseries("cache", "show")

    return act


def _fragment_changes(scene: Scene) -> None:
    """Let the host write a .config anew while links lie in its place."""
    script = (
        "for place in $(writable); do cd $place; rm -f .config; ln -s @HOST@/precious .config;"
        ' seq @PIDS@ | perl -ne \'chomp; symlink("@HOST@/precious", ".part-.config~$_")\';'
        " done; attempted"
    )
    for at in ("config", "build"):
        folder = hostile.series(scene, f"parts-{at}", hostile.running(script, at))
        scene.run_series(folder)
    with scene.by_user():
        scene.toyproject.write("configs/more.config", "CONFIG_PREEMPT_RT=y\n")
    scene.run_series(folder, "--config", "more")
    with scene.by_user():
        scene.toyproject.write("configs/base.config", "CONFIG_NET=y\nCONFIG_INET=y\n")
    scene.run_series(folder)


def _next_series(scene: Scene) -> None:
    """Make links of all that is in the build folder before the next series comes."""
    script = (
        "for place in $(writable); do cd $place;"
        " for name in * .[a-z]*; do rm -rf $name; ln -s @HOST@/folder $name; done; done; attempted"
    )
    scene.run_series(hostile.series(scene, "first", hostile.running(script)))
    scene.run_series(hostile.series(scene, "second", Change(files={"new.c": "int x;\n"})))
    scene.kseries("run", "--until", "install")
    scene.kseries("cache", "clear")


INSTALL = "cd $INSTALL_PATH/drivers/net && "

SCRIPTS = {
    "installed-link": (
        "installs a link to a private file in place of a test", "tests",
        INSTALL + "ln -sf @HOST@/secret ping.py && attempted",
    ),
    "installed-relative-link": (
        "installs a relative link that leads out of the folder", "tests",
        INSTALL + "ln -sf ../../../../../../../../../../..@HOST@/secret ping.py && attempted",
    ),
    "installed-folder-link": (
        "installs a link to a folder of the host in place of the tests' folder", "tests",
        "cd $INSTALL_PATH && rm -rf drivers && ln -s @HOST@/folder drivers && attempted",
    ),
    "installed-top-link": (
        "makes the whole install folder a link to a folder of the host", "tests",
        "cd $INSTALL_PATH/.. && rm -rf $INSTALL_PATH && ln -s @HOST@/folder $INSTALL_PATH && attempted",
    ),
    "installed-fifo": (
        "installs a FIFO as a test", "tests", INSTALL + "rm ping.py && mkfifo ping.py && attempted",
    ),
    "installed-socket": (
        "installs a socket as a test", "tests",
        INSTALL + "rm ping.py && python3 -c \"import socket; socket.socket(1).bind('ping.py')\""
        " && attempted || perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => \"ping.py\", Listen => 1)'"
        " && attempted",
    ),
    "installed-sparse": (
        "installs a sparse file of 15 GiB as a test", "tests",
        INSTALL + "truncate -s 15G ping.py && attempted",
    ),
    "installed-many": (
        "installs 220,000 files", "tests",
        INSTALL + "mkdir many && cd many && attempted && seq 220000 | xargs touch",
    ),
    "installed-deep": (
        "installs folders 2,000 deep", "tests",
        INSTALL + "perl -e 'for (1 .. 2000) { mkdir q(d); chdir q(d) }' 2> /dev/null; attempted",
    ),
    "installed-names": (
        "installs files with newlines, escapes and odd bytes in their names", "tests",
        INSTALL + "touch -- $'a\\nb' $'\\033]0;x\\007' $'\\377\\376' '--help' '$(touch executed)'"
        " '; touch executed;' $'\\r' && attempted",
    ),
    "installed-setuid": (
        "installs a setuid shell as a test", "tests",
        INSTALL + "cp /bin/sh ping.py && chmod 6777 ping.py && attempted",
    ),
    "hard-links": (
        "hard-links files of the tree and of the cache into the build folder", "build",
        "for place in $(writable); do cd $place; ln -f /kseries/linux/Makefile hard;"
        " ln -f ../Makefile hard2; ln -f .config hard3; ln -f /etc/ld.so.cache hard4; done 2> /dev/null;"
        " attempted",
    ),
    "many-files": (
        "leaves 220,000 files in the build folder", "build",
        "mkdir -p many && cd many && attempted && seq 220000 | xargs touch",
    ),
    "deep-folders": (
        "leaves folders 3,000 deep", "build",
        "perl -e 'for (1 .. 3000) { mkdir q(d); chdir q(d) }'"
        " 2> /dev/null; attempted",
    ),
    "modes": (
        "takes all rights from the folders that it may write", "build",
        "for place in $(writable); do cd $place; chmod 0 * .[a-z]* . ; done 2> /dev/null; attempted",
    ),
    "immutable": (
        "sets sticky and set-group bits, access lists and attributes on what it leaves", "build",
        "chattr +i .config; chmod -R 7777 .; setfattr -n user.x -v y .config; attempted",
    ),
    "all-links": (
        "makes every file a link to one precious file of the host", "build",
        "find . -type f | while read -r file; do ln -sf @HOST@/precious $file; done; attempted",
    ),
    "swapped": (
        "leaves a process that swaps files and links for as long as it lives", "config build",
        "cp .config a 2> /dev/null || touch a; ln -sfn @HOST@/config b; (trap '' HUP TERM INT;"
        " setsid bash -c 'while :; do for name in .config .config.kseries .env.kseries"
        " include/config/kernel.release arch/x86/boot/bzImage; do ln -sfn @HOST@/config $name;"
        " cp --remove-destination a $name; done; done' > /dev/null 2>&1 &) ; attempted",
    ),
    "state-poison": (
        "writes records of a finished build into every folder that it may write", "config build",
        "for place in $(writable); do for name in config.json build.json installed.json unfinished"
        " merged.config env.mk promises.json; do mkdir -p $place/.kseries;"
        " ln -sfn @HOST@/precious $place/$name; ln -sfn @HOST@/precious $place/.kseries/$name;"
        " done; done; attempted",
    ),
}  # fmt: skip


def _rows() -> tuple[Attack, ...]:
    rows = []
    for target, told in TARGETS.items():
        for form in FORMS:
            if target not in WHOLE and form not in ("link", "fifo"):
                continue
            name = f"{target.replace('*', '').strip('.') or target}-{form.replace(' ', '-')}"
            name = name.replace("config-", "configs-", 1) if target == ".config*" else name
            tries = f"leaves a {form} in place of {told}".replace("a unread", "an unread")
            rows.append(Attack(name, Kind.LEFT, tries, _replaced(target, form)))
    return tuple(rows)


ATTACKS = (
    *_rows(),
    *(
        Attack(name, Kind.LEFT, tries, _script(script, at))
        for name, (tries, at, script) in SCRIPTS.items()
    ),
    Attack(
        "part-links", Kind.LEFT,
        "leaves links where the host would write .config and its parts", _fragment_changes,
    ),
    Attack(
        "next-series", Kind.LEFT,
        "makes links of all that it may write, for the next series and `cache clear`", _next_series,
    ),
)  # fmt: skip
