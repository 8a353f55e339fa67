# SPDX-License-Identifier: GPL-2.0
"""What became of a file in a build: rules that need no build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from kseries.compiled.cmdfiles import Evidence
from kseries.compiled.leftout import Answer, Built
from kseries.compiled.makefiles import Makefiles
from kseries.model import FileState

COMPILED = Answer(FileState.COMPILED, "net/a.o")
NOTHING = Evidence({}, {}, {}, frozenset(), frozenset())
NONE: Mapping[str, str] = {}
NO_USERS: Mapping[str, Sequence[str]] = {}


def built(
    seen: Evidence = NOTHING,
    values: Mapping[str, str] = NONE,
    makefiles: Mapping[str, str] = NONE,
    users: Mapping[str, Sequence[str]] = NO_USERS,
    former: Mapping[str, str] | None = None,
) -> Built:
    old = None if former is None else Makefiles(former.get, values)
    return Built(seen, values, Makefiles(makefiles.get, values), users, old)


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("net/a.c", FileState.COMPILED),
        ("net/off.c", FileState.NOT_COMPILED),
        ("arch/arm/mm/a.c", FileState.OTHER_ARCH),
        ("Documentation/a.rst", FileState.NOT_CODE),
        ("tools/a.c", FileState.NOT_BUILT),
    ],
)
def test_what_is_to_become_of_a_file_is_told_before_it_is_built(
    path: str, state: FileState
) -> None:
    makefiles = {"net/Makefile": "obj-y += a.o\nobj-$(CONFIG_OFF) += off.o\n"}
    makefiles["Kbuild"] = "obj-y += net/\n"
    assert built(makefiles=makefiles).expected(path).state == state


SOURCE = """\
/**
 * a - does
 * @b: what
 */
#ifdef CONFIG_A
int a(int b)
{
	return b; /* as it is */
}
#endif
\f
int c;
"""


@pytest.mark.parametrize(
    ("changed", "state", "said"),
    [
        # Of comments the compiler sees nothing, wherever they stand.
        ({1, 2, 3, 4, 6, 7, 8, 9}, FileState.NOT_COMPILED, "what is changed in it is left out"),
        ({1, 2, 3, 4}, FileState.COMPILED, "net/a.o"),
        ({5, 10, 11}, FileState.COMPILED, "net/a.o"),
        ({8, 12}, FileState.COMPILED, "net/a.o; 1 of 2 changed lines are left out by"),
        ({12}, FileState.COMPILED, "net/a.o"),
        ({99}, FileState.COMPILED, "net/a.o"),
    ],
)
def test_a_change_counts_where_the_compiler_sees_it(
    changed: set[int], state: FileState, said: str
) -> None:
    found = built().with_lines(COMPILED, SOURCE, changed)
    assert found.state is state
    assert found.by.startswith(said)
    assert (found.needs == ("CONFIG_A=y",)) == (state is FileState.NOT_COMPILED)
    assert built(values={"A": "y"}).with_lines(COMPILED, SOURCE, changed) == COMPILED


def test_a_header_that_is_included_is_no_code_of_the_change() -> None:
    text = "#include <linux/a.h>\n#ifdef CONFIG_A\nx\n#endif\n"
    found = built().with_lines(COMPILED, text, {1, 3})
    assert (found.state, found.needs) == (FileState.NOT_COMPILED, ("CONFIG_A=y",))
    # A change that does nothing else is compiled with it.
    assert built().with_lines(COMPILED, text, {1}) == COMPILED


def test_lines_of_a_condition_name_its_symbols_and_what_is_off() -> None:
    text = "#if defined(CONFIG_B) && !defined(CONFIG_A)\nx\n#endif\n#if 0\ny\n#endif\n"
    on = built(values={"A": "y", "B": "m"})
    assert on.with_lines(COMPILED, text, {2, 5}) == Answer(
        FileState.NOT_COMPILED,
        "what is changed in it is left out by conditions on CONFIG_A, CONFIG_B",
        ("CONFIG_B=y",),
    )
    never = on.with_lines(COMPILED, text, {5})
    assert (never.by.rpartition(" by ")[2], never.needs) == ("conditions that no config meets", ())


# ---------------------------------------------------------------- what was read


SEEN = Evidence(
    compiled={"net/a.c": "net/a.o", "scripts/link.sh": "vmlinux"},
    included={"net/a.h": "net/a.o"},
    named={
        "net/a.lds": "net/b.elf",
        "include/uapi/a.h": "usr/include/a.h",
        # Named by what makes another file: -DX=../net/b.c, -include
        "net/b.c": "net/a.o",
        "net/b.h": "net/a.o",
    },
    kconfig=frozenset({"net/Kconfig"}),
    folders=frozenset({"net"}),
)
MAKE = {
    "net/Makefile": "include net/Makefile.rules net/Kbuild.rules net/rules.mk net/my_Makefile"
    " net/x.mkx net/words",
    "lib/Makefile": "include lib/Makefile.rules",
    "scripts/Makefile.lib": "scripts/Makefile.gcc",
}


@pytest.mark.parametrize(
    ("path", "state", "by"),
    [
        ("net/a.c", FileState.COMPILED, "net/a.o"),
        ("scripts/link.sh", FileState.READ, "vmlinux"),
        ("net/a.h", FileState.COMPILED, "included by net/a.o"),
        ("net/a.lds", FileState.READ, "net/b.elf"),
        ("include/uapi/a.h", FileState.NOT_COMPILED, "only installed for user programs"),
        ("net/b.c", FileState.NOT_COMPILED, "the command that makes net/a.o names it, and no more"),
        ("net/b.h", FileState.NOT_COMPILED, "the command that makes net/a.o names it, and no more"),
        ("net/Kconfig", FileState.READ, "Kconfig"),
        ("Kbuild", FileState.READ, "make"),
        ("Makefile", FileState.READ, "make"),
        ("arch/x86/Makefile", FileState.READ, "make"),
        ("scripts/Makefile.build", FileState.READ, "make"),
        ("scripts/Makefile.lib", FileState.READ, "make"),
        ("arch/x86/include/asm/Kbuild", FileState.READ, "make"),
        ("net/Makefile", FileState.READ, "make"),
        ("net/Build", FileState.READ, "make"),
        # Of another name, what names it and is read itself.
        ("net/Makefile.rules", FileState.READ, "make"),
        ("net/Kbuild.rules", FileState.READ, "make"),
        ("net/rules.mk", FileState.READ, "make"),
        ("net/my_Makefile", FileState.READ, "make"),
        ("net/x.mkx", FileState.NOT_COMPILED, ""),
        ("net/words", FileState.NOT_COMPILED, ""),
        ("net/Makefile.other", FileState.NOT_COMPILED, ""),
        ("net/other.mk", FileState.NOT_COMPILED, ""),
        ("lib/Makefile.rules", FileState.NOT_COMPILED, ""),
        ("net/Makefile.c", FileState.NOT_COMPILED, ""),
        ("net/include", FileState.NOT_COMPILED, ""),
        ("scripts/Makefile.gcc", FileState.READ, "make"),
        (
            "scripts/Makefile.other",
            FileState.NOT_BUILT,
            "this build made nothing of it in scripts/",
        ),
        ("lib/Makefile", FileState.NOT_COMPILED, ""),
        ("lib/Kbuild", FileState.NOT_COMPILED, ""),
    ],
)
def test_what_a_build_made_of_a_file(path: str, state: FileState, by: str) -> None:
    found = built(SEEN, makefiles=MAKE).answer(path)
    assert found.state is state
    assert found.by == (by or "which symbol has it compiled is not known")


APART = {
    "Documentation/networking/toy.rst": FileState.NOT_CODE,
    "Documentation/netlink/specs/toy.yaml": FileState.NOT_CODE,
    "MAINTAINERS": FileState.NOT_CODE,
    "net/.gitignore": FileState.NOT_CODE,
    "arch/x86/configs/toy_defconfig": FileState.NOT_CODE,
    "scripts/toy.sh": FileState.NOT_CODE,
    "scripts/toy": FileState.NOT_CODE,
    "scripts/toy.c": FileState.NOT_BUILT,
    "arch/arm64/kernel/toy.c": FileState.OTHER_ARCH,
    "arch/arm64/Kconfig": FileState.OTHER_ARCH,
    "arch/arm64/boot/dts/toy.dts": FileState.OTHER_ARCH,
    "arch/x86/um/toy.c": FileState.OTHER_ARCH,
    "tools/perf/toy.c": FileState.NOT_BUILT,
    "tools/testing/selftests/net/toy.sh": FileState.NOT_BUILT,
    "tools/testing/selftests/net/toy.c": FileState.NOT_BUILT,
    "COPYING": FileState.NOT_CODE,
    "LICENSES/preferred/MIT": FileState.NOT_CODE,
    "net/toy.html": FileState.NOT_CODE,
    "drivers/toy/generate.pl": FileState.NOT_CODE,
    "scripts/Makefile": FileState.NOT_BUILT,
    "scripts/Kbuild": FileState.NOT_BUILT,
    "arch/Kconfig": FileState.NOT_COMPILED,
    "arch/x86/kernel/toy.c": FileState.NOT_COMPILED,
    "tools/testing/selftests/net/toy.txt": FileState.NOT_CODE,
    "tools/toy.sh": FileState.NOT_CODE,
    "rust/kernel/toy.rs": FileState.NOT_BUILT,
    "drivers/toy/unknown.c": FileState.NOT_COMPILED,
    "drivers/toy/Makefile": FileState.NOT_COMPILED,
    "drivers/toy/firmware.bin": FileState.NOT_COMPILED,
}


@pytest.mark.parametrize("path", APART)
def test_what_no_config_has_compiled_is_told_apart(path: str) -> None:
    assert built().answer(path).state is APART[path]


@pytest.mark.parametrize(
    ("path", "by"),
    [
        ("arch/arm64/kernel/toy.c", "arm64"),
        ("arch/x86/um/toy.c", "um"),
        ("arch/arm64/boot/dts/toy.dts", "a device tree"),
        ("drivers/toy.dtsi", "a device tree"),
        ("drivers/toy.dtso", "a device tree"),
        ("scripts/toy", "a script"),
        ("Documentation/toy.c", "documentation"),
        ("tools/perf/toy.c", "this build made nothing of it in tools/"),
        ("rust/kernel/toy.rs", "Rust is not built"),
    ],
)
def test_why_no_config_has_it_compiled(path: str, by: str) -> None:
    assert built().answer(path).by == by


# ---------------------------------------------------------------- what left it out


def told(text: str, path: str = "net/a.c", **values: str) -> Answer:
    return built(values=values, makefiles={"Kbuild": "obj-y += net/\n", "net/Kbuild": text}).answer(
        path
    )


def test_the_symbols_that_leave_it_out() -> None:
    left_out = FileState.NOT_COMPILED
    one = "obj-$(CONFIG_A) += a.o\n"
    assert told(one) == Answer(left_out, "CONFIG_A is off", ("CONFIG_A=y",))
    assert told(one, A="m") == Answer(
        left_out, "CONFIG_A is m, which is not built", ("CONFIG_A=y",)
    )
    more = f"ifdef CONFIG_B\nifdef CONFIG_C\nifndef CONFIG_D\n{one}endif\nendif\nendif\n"
    assert told(more, D="y", A="m") == Answer(
        left_out,
        "CONFIG_B and CONFIG_C are off; CONFIG_A is m, which is not built; CONFIG_D is on",
        ("CONFIG_B=y", "CONFIG_C=y", "# CONFIG_D is not set", "CONFIG_A=y"),
    )
    three = f"ifdef CONFIG_B\nifdef CONFIG_C\n{one}endif\nendif\n"
    assert told(three).by == "CONFIG_B, CONFIG_C and CONFIG_A are off"
    assert told("obj-y += b.o\n").by == "which symbol has it compiled is not known"


def test_a_header_is_left_out_with_what_includes_it() -> None:
    text = "obj-$(CONFIG_A) += a.o\nifdef CONFIG_C\nobj-$(CONFIG_B) += b.o\nendif\n"
    makefiles = {"Kbuild": "obj-y += net/\nobj-$(CONFIG_LIB) += lib/\n", "net/Kbuild": text}
    users = {"net/x.h": ["net/unknown.c", "net/b.c", "net/a.c"], "lib/y.h": ["lib/none.c"]}
    one = built(makefiles=makefiles, users=users)
    # Of those that include it the one that lacks least; else what leads to its folder.
    assert one.answer("net/x.h").needs == ("CONFIG_A=y",)
    assert one.answer("lib/y.h").needs == ("CONFIG_LIB=y",)
    assert one.answer("net/z.h") == Answer(
        FileState.NOT_COMPILED, "nothing that was compiled includes it"
    )
    # No Makefile lists a header; an object of its name is another source's.
    assert one.answer("net/a.h").needs == ()


@pytest.mark.parametrize(
    ("before", "after", "state", "by", "needs"),
    [
        ("obj-y += a.o", "", FileState.DROPPED, "no Makefile names it any more", ()),
        ("obj-y += a.o", "obj-$(CONFIG_N) += a.o", FileState.DROPPED, "CONFIG_N is off",
         ("CONFIG_N=y",)),
        # What makes no difference is for another reason.
        ("obj-y += a.o", "obj-y += a.o", FileState.NOT_COMPILED, "", ()),
        ("obj-$(CONFIG_N) += a.o", "", FileState.NOT_COMPILED, "", ()),
        ("", "", FileState.NOT_COMPILED, "", ()),
    ],
)  # fmt: skip
def test_what_the_series_takes_out(
    before: str, after: str, state: FileState, by: str, needs: tuple[str, ...]
) -> None:
    top = {"Kbuild": "obj-y += net/\n"}
    one = built(
        makefiles={**top, "net/Kbuild": f"{after}\n"}, former={**top, "net/Kbuild": f"{before}\n"}
    )
    found = one.answer("net/a.c")
    by = by or "which symbol has it compiled is not known"
    assert found == Answer(state, by, needs)


def test_without_a_tree_before_the_series_nothing_is_taken_out() -> None:
    assert built().answer("net/a.c").state is FileState.NOT_COMPILED


@pytest.mark.parametrize("name", ["TODO.old", "net/a.defconfig.x", "net/."])
def test_what_is_called_nearly_like_a_list_is_none(name: str) -> None:
    assert built().answer(name).state is FileState.NOT_COMPILED


@pytest.mark.parametrize("ending", ["rst", "txt", "md", "svg", "html"])
def test_documents_stand_anywhere(ending: str) -> None:
    found = built().answer(f"net/a.{ending}")
    assert found == Answer(FileState.NOT_CODE, "documentation")


@pytest.mark.parametrize("ending", ["sh", "py", "pl", "awk", "cocci", "sed"])
def test_scripts_stand_anywhere(ending: str) -> None:
    assert built().answer(f"net/a.{ending}") == Answer(FileState.NOT_CODE, "a script")


def test_rust_is_code_whatever_it_is_called() -> None:
    assert built().answer("net/README.rs").state is FileState.NOT_BUILT


@pytest.mark.parametrize("name", ["README.c", "net/README_new.h", "net/.new.c", "kernel/README.S"])
def test_a_source_is_code_whatever_it_is_called(name: str) -> None:
    assert built().answer(name).state is FileState.NOT_COMPILED


@pytest.mark.parametrize(
    "name",
    [
        "README",
        "CREDITS",
        "COPYING",
        "MAINTAINERS",
        "defconfig",
        "net/.config",
        "README.usb",
        "net/.gitignore",
        "TODO",
        "x_defconfig",
        "a/b.config",
    ],
)
def test_lists_and_settings_are_no_code(name: str) -> None:
    assert built().answer(name).state is FileState.NOT_CODE
