# SPDX-License-Identifier: GPL-2.0
"""A first series leaves poison; a second, good one must not be judged by it.

The good series is also the probe: its own make looks for the poison in every folder that it can
reach, and its image is searched for it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from attack import hostile
from attack.hostile import Change
from attack.scene import Scene
from attack.table import Attack, Kind
from tests.toyproject import git

# Everything that a build may write carries the poison afterwards.
POISON = """\
for place in $(writable); do
	echo poison > "$place/poison-$token"
	mkdir -p "$place/net" && cp "$place/net/core.o" "$place/net/poison.o" 2> /dev/null
	# What the cache gives for a source from now on is what the series compiled.
	find "$place" -type f -size -200k \\( -name '*R' -o -path '*/objects/*' \\) | while read -r file; do cat net/core.o > "$file"; done
done
touch -d '+1 day' net/core.o net/poison.o vmlinux arch/x86/boot/bzImage
attempted
"""
PROBE = """\
for place in $(writable) /kseries ..; do
	find "$place" -xdev -name "poison-$token" 2> /dev/null | while read -r file; do breach "builds with what another series left: $file"; done
done
grep -qa evil-$token vmlinux arch/x86/boot/bzImage && breach "its image holds code of another series"
"""
GOOD = ("net/core.c", "int net_poll", "/* good */\nint net_poll")
EVIL = ("net/core.c", "int net_poll", 'const char evil[] = "evil-@TOKEN@";\nint net_poll')


def evil(scene: Scene, name: str, where: str = "a") -> Path:
    """Make the series that poisons."""
    change = hostile.running(POISON, replace=(EVIL,))
    return hostile.series(scene, name, change, where=scene.folder / where)


def good(scene: Scene, name: str, where: str = "b") -> Path:
    """Make the series that must be judged by itself."""
    return hostile.series(
        scene,
        name,
        hostile.running(PROBE, "config build", replace=(GOOD,)),
        where=scene.folder / where,
    )


def judge(scene: Scene, *good_words: str) -> None:
    """Run the good series and look at the image that it is judged by."""
    ended = scene.kseries("run", *good_words, "--until", "install", "--no-baseline")
    if ended.code != 0:
        scene.breach(f"the good series does not pass after the other: {ended.code}")


def _pair(first: str, second: str, *options: str) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        scene.run_series(evil(scene, first), *options)
        judge(scene, "--series", str(good(scene, second)), *options)

    return act


def _same_folder(scene: Scene) -> None:
    """Put version 2 where version 1 was."""
    scene.run_series(evil(scene, "net", "x"))
    judge(scene, "--series", str(good(scene, "net", "x")))


def _mbox(scene: Scene) -> None:
    mbox = scene.folder / "mails" / "v.mbox"
    mbox.parent.mkdir()
    for folder in (evil(scene, "one"), good(scene, "two")):
        mbox.write_bytes(b"".join(file.read_bytes() for file in sorted(folder.iterdir())))
        if "one" in folder.name:
            scene.kseries("run", "--series", str(mbox), "--until", "install", "--no-baseline")
    judge(scene, "--series", str(mbox))


def _stacks(first: str, second: str) -> Callable[[Scene], None]:
    """Make two stacks of like names, each with a series of its own."""

    def act(scene: Scene) -> None:
        words = []
        for number, (name, make) in enumerate(((first, evil), (second, good))):
            series = f"s{number}"
            make(scene, series, "project/patches")
            file = scene.folder / "project" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(
                f'title = "x"\nsource = "toy"\nseries = ["{series}"]\nunder_test = "{series}"\n'
                'config = ["base"]\nsuites = ["netdevsim"]\n'
            )
            words.append(("--stack", str(file)))
        scene.kseries("run", *words[0], "--until", "install", "--no-baseline")
        judge(scene, *words[1])

    return act


def _tree(scene: Scene) -> None:
    """Give two trees of one name as they lie there."""
    for where, folder in (("a", evil(scene, "one")), ("b", good(scene, "two"))):
        tree = scene.folder / where / "linux"
        git(
            scene.folder,
            "clone",
            "--quiet",
            "--no-hardlinks",
            str(scene.toyproject.kernel),
            str(tree),
        )
        git(tree, "am", "--quiet", *(str(file) for file in sorted(folder.iterdir())))
    words = ("run", "--tree", str(scene.folder / "a/linux"), "--until", "install", "--no-baseline")
    scene.kseries(*words)
    judge(scene, "--tree", str(scene.folder / "b/linux"))


def _sources(scene: Scene) -> None:
    """Give two sources of one name; the first has the poison in the base itself."""
    for where in ("a", "b"):
        git(
            scene.folder,
            "clone",
            "--quiet",
            "--no-hardlinks",
            str(scene.toyproject.kernel),
            str(scene.folder / where / "linux"),
        )
    (mail,) = evil(scene, "one", "c").iterdir()
    git(scene.folder / "a/linux", "am", "--quiet", str(mail))
    plain = hostile.series(scene, "plain", Change(files={"new.c": "int x;\n"}))
    words = ("--until", "install", "--no-baseline")
    scene.kseries("run", "--source", str(scene.folder / "a/linux"), "--series", str(plain), *words)
    judge(scene, "--source", str(scene.folder / "b/linux"), "--series", str(good(scene, "plain")))


def _cut_off(scene: Scene) -> None:
    """Let the series that poisons fail at the end of its build, as if it were killed."""
    change = hostile.running(f"{POISON}\nexit 1", replace=(EVIL,))
    scene.run_series(hostile.series(scene, "net", change, where=scene.folder / "a"))
    judge(scene, "--series", str(good(scene, "net")))


def _record(scene: Scene) -> None:
    """Change the image when the build is over, and keep its time."""
    script = (
        "attempted; echo 'int start_kernel(void) { return 0; }' | gcc -xc - -c -o fake.o 2> /dev/null;"
        " cp arch/x86/boot/bzImage fake; echo evil-$token >> fake; cp --preserve=timestamps fake arch/x86/boot/bzImage"
    )
    folder = hostile.series(scene, "record", hostile.running(script))
    scene.run_series(folder)
    judge(scene, "--series", str(good(scene, "record2")))
    shutil.rmtree(folder)


def _base(scene: Scene) -> None:
    """Run the project's own stack after a stranger's series on the same base."""
    scene.run_series(evil(scene, "good", "x"))
    with scene.by_user():
        (scene.toyproject.root / "patches/good").rename(scene.folder / "old-good")
        good(scene, "good", "project/patches")
    judge(scene, "--stack", "zcrx-v7")


ATTACKS = (
    Attack("same-name", Kind.KEYS, "has the same folder name as a good one elsewhere", _pair("net", "net")),
    Attack("same-folder", Kind.KEYS, "is replaced by its next version in the same folder", _same_folder),
    Attack("same-mbox", Kind.KEYS, "comes as an mbox that is replaced by another one", _mbox),
    Attack("other-name", Kind.KEYS, "has another name than the good one on the same base", _pair("bad", "fine")),
    Attack("odd-name", Kind.KEYS, "has a name that becomes the same when cleaned", _pair("net x", "net_x")),
    Attack("dashed-name", Kind.KEYS, "has a name that joins with the source's to the same", _pair("a-toy", "a")),
    Attack("case-name", Kind.KEYS, "has a name that differs in capitals", _pair("Net", "net")),
    Attack("same-stack", Kind.KEYS, "is in another stack of the same file name",
           _stacks("one/x.toml", "two/x.toml")),
    Attack("joined-stack", Kind.KEYS, "is in a stack whose name looks like stack and series",
           _stacks("kernel/stacks/plain+net.toml", "kernel/stacks/plain_net.toml")),
    Attack("same-tree", Kind.KEYS, "is a tree of the same folder name", _tree),
    Attack("same-source", Kind.KEYS, "is in a source of the same folder name", _sources),
    Attack("cut-off", Kind.KEYS, "fails at the end of its build, after it left poison", _cut_off),
    Attack("changed-image", Kind.KEYS, "changes its image when the build is over", _record),
    Attack("project-name", Kind.KEYS, "is named like a series of the project", _base),
)  # fmt: skip
