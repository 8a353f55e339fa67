# SPDX-License-Identifier: GPL-2.0
"""Series that shall not pass, and look as if they did."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from attack import hostile
from attack.hostile import Change
from attack.scene import SELFTESTS, Scene
from attack.table import Attack, Kind

GOOD = Change(replace=(("net/core.c", "return budget;", "return budget + 1;"),))
FORMATS = ("terminal", "mail", "junit", "kcidb", "html")


def _runs(make: Callable[[Scene], Path], until: str = "install") -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        folder = make(scene)
        scene.mark(scene.run_series(folder, until=until))
        scene.mark(scene.run_series(folder, until=until))
        found = json.loads((scene.toyproject.root / "out/runs/latest/results.json").read_text())
        if found["verdict"] == "pass":
            scene.breach("the verdict is pass")

    return act


def _whole(change: Change) -> Callable[[Scene], None]:
    """Run a good series, which passes, then one that takes tests away."""

    def act(scene: Scene) -> None:
        good = hostile.series(scene, "verdict", GOOD)
        if scene.run_whole(good).code == 0:
            scene.mark()
        scene.ends.clear()
        scene.run_whole(hostile.series(scene, "taken", GOOD, change))

    return act


def _change(**words: object) -> Callable[[Scene], Path]:
    return lambda scene: hostile.series(scene, "verdict", Change(**words))  # type: ignore[arg-type]


def _script(script: str, at: str = "build") -> Callable[[Scene], Path]:
    return lambda scene: hostile.series(
        scene, "verdict", hostile.running(f"attempted\n{script}", at)
    )


def _until(stage: str) -> Callable[[Scene], None]:
    """See that a run that did a part only does not read as a pass in any format."""

    def act(scene: Scene) -> None:
        folder = hostile.series(scene, "part", GOOD)
        ended = scene.run_series(folder, until=stage)
        scene.mark(ended)
        texts = {"terminal": ended.output}
        for form in FORMATS[1:]:
            out = scene.folder / f"part.{form}"
            scene.kseries("report", "--format", form, "--out", str(out))
            texts[form] = out.read_text() if out.exists() else ""
        if any(line.startswith("PASS") for line in texts["terminal"].splitlines()):
            scene.breach("the terminal's heading is PASS")
        if any(word in texts["mail"] for word in ("PASS ", ": PASS", "Tested-by", "passes")):
            scene.breach("the mail says that it passes")
        if '"status": "PASS"' in texts["kcidb"] and stage in ("series", "apply", "config"):
            scene.breach("KCIDB is told PASS")

    return act


ERROR = "#error this does not compile\n"

ATTACKS = (
    Attack("uncompiled-error", Kind.VERDICTS, "breaks a file that the config leaves out",
           _runs(_change(replace=(("io_uring/zcrx.c", "int zcrx_poll", f"{ERROR}int zcrx_poll"),))), may_pass=False),
    Attack("uncompiled-new-file", Kind.VERDICTS, "adds a broken file that no Makefile names",
           _runs(_change(files={"net/new.c": ERROR})), may_pass=False),
    Attack("uncompiled-header", Kind.VERDICTS, "breaks a header that nothing includes",
           _runs(_change(files={"include/linux/unused.h": ERROR})), may_pass=False),
    Attack("false-make", Kind.VERDICTS, "has a Makefile that builds nothing and says that all is well",
           _runs(_change(replace=(("Makefile", "obj-y := init/main.o net/core.o", "obj-y := init/main.o"),
                                  ("init/main.c", "net_poll(TOY_BUDGET)", "TOY_BUDGET"),
                                  ("net/core.c", "int net_poll", f"{ERROR}int net_poll")))), may_pass=False),
    Attack("false-image", Kind.VERDICTS, "leaves an image that is empty",
           _runs(_script(": > arch/x86/boot/bzImage")), may_pass=False),
    Attack("ignored-errors", Kind.VERDICTS, "ignores the compiler's errors",
           _runs(_change(replace=(("Makefile", "\t@$(CC) $(CFLAGS) -MMD", "\t-@$(CC) $(CFLAGS) -MMD"),
                                  ("Makefile", "\t@$(LD) -static", "\t-@$(LD) -r --unresolved-symbols=ignore-all"),
                                  ("Makefile", "-o $@ $(obj-y)\n\t@echo", "-o $@ $(wildcard $(obj-y))\n\t@echo"),
                                  ("net/core.c", "int net_poll", f"{ERROR}int net_poll")))), may_pass=False),
    Attack("changed-config", Kind.VERDICTS, "changes the config while it is built",
           _runs(_script("sed -i s/CONFIG_NET=y/CONFIG_NET=n/ .config")), may_pass=False),
    Attack("false-config", Kind.VERDICTS, "leaves out what the config promises and says otherwise",
           _runs(_script("for f in .config*; do echo CONFIG_NET=y; done; sed -i '/CONFIG_INET/d' .config.kseries .config 2> /dev/null;"
                         " printf '\\nkseries-kconfig: {\"broken\": [], \"why\": []}\\n'", "config")), may_pass=False),
    Attack("deleted-test", Kind.VERDICTS, "deletes a test",
           _whole(Change(files={f"{SELFTESTS}/drivers/net/ping.py": None})), may_pass=False),
    Attack("deleted-tests", Kind.VERDICTS, "deletes all tests",
           _whole(Change(files={f"{SELFTESTS}/drivers": None})), may_pass=False),
    Attack("renamed-test", Kind.VERDICTS, "renames a test so that nobody finds it",
           _whole(Change(files={f"{SELFTESTS}/drivers/net/ping.py": None, f"{SELFTESTS}/drivers/net/pong.py": "x"})), may_pass=False),
    Attack("uninstalled-test", Kind.VERDICTS, "does not install a test",
           _runs(_script("rm -f $INSTALL_PATH/drivers/net/ping.py", "tests")), may_pass=False),
    *(Attack(f"until-{stage}", Kind.VERDICTS, f"is run until {stage} only and reads as a pass", _until(stage))
      for stage in ("series", "apply", "config", "build", "install")),
)  # fmt: skip
