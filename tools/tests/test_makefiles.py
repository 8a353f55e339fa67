# SPDX-License-Identifier: GPL-2.0
"""Which symbols have a file compiled: the forms that the kernel's Makefiles have."""

from __future__ import annotations

import pytest

from kseries.compiled.makefiles import Makefiles, Want, parse

TREE = {
    "Kbuild": "obj-y += drivers/ fs/\nobj-$(CONFIG_NET) += net/\nobj-y += arch/$(SRCARCH)/\n"
    "obj-$(CONFIG_SAMPLES) += samples/\n",
    "Makefile": "VERSION = 6\nlibs-y := lib/\n",
    "arch/x86/Makefile": "drivers-$(CONFIG_PCI) += arch/x86/pci/\nlibs-y += arch/x86/lib/\n",
    "arch/x86/Kbuild": "obj-y += kernel/\nobj-$(subst m,y,$(CONFIG_KVM)) += kvm/\n",
    "arch/x86/kernel/Makefile": "obj-y := process_$(BITS).o # and a word\n"
    "ifeq ($(CONFIG_X86_64),y)\nobj-y += vsmp_64.o\nelse\nobj-y += legacy.o\nendif\n",
    "arch/x86/kvm/Makefile": "kvm-y += x86.o $(KVM)/eventfd.o\nobj-$(CONFIG_KVM) += kvm.o\n",
    "arch/x86/pci/Makefile": "obj-y := i386.o\n",
    "drivers/Makefile": "obj-y += net/ # all of them\nobj-${CONFIG_USB4} += thunderbolt/\n"
    "obj-$(CONFIG_STAGING)\t+= staging/deep/\n",
    "drivers/thunderbolt/Makefile": "obj-${CONFIG_USB4} := thunderbolt.o\n"
    "thunderbolt-objs := nhi.o\n",
    "drivers/staging/deep/Makefile": "obj-m += only.o\n",
    "drivers/net/Makefile": "obj-$(CONFIG_NET_CORE) += \\\n\tdummy.o \\\n\tveth.o\n"
    "obj-$(CONFIG_ETHERNET) += ethernet/\nifdef CONFIG_TRACE\nobj-y += trace.o\n"
    "ifndef CONFIG_SLIM\nobj-y += fat.o\nendif\nendif\n"
    "ifneq ($(CONFIG_WIFI),)\nobj-y += wifi.o\nendif\n"
    "ifeq ($(shell uname),Linux)\nobj-$(CONFIG_HOST) += host.o\nendif\n",
    "drivers/net/ethernet/Kbuild": "obj-$(CONFIG_E1000) += e1000.o\n"
    "e1000-y := main.o $(hw)\nhw := hw.o\ne1000-$(CONFIG_E1000_DCB) += dcb.o\n"
    "e1000-objs-$(CONFIG_E1000_PTP) += ptp.o\n",
    "drivers/net/ethernet/Makefile": "obj-y += main.o\n",
    "fs/Makefile": "obj-$(CONFIG_XFS) += xfs/\nobj-y += open.o proc/\nobj-$(CONFIG_TWO) += two.o\n"
    "obj-$(CONFIG_ONE) += two.o\n",
    "fs/xfs/Makefile": "obj-$(CONFIG_XFS) += xfs.o\n"
    "xfs-y += $(addprefix libxfs/, ag.o \\\n\tbit.o)\n",
    "fs/proc/Makefile": "obj-y += proc.o\nproc-y := nommu.o\nproc-$(CONFIG_MMU) := mmu.o\n",
    "lib/Makefile": "lib-y := ctype.o\nlib-$(CONFIG_CRC) += crc.o\n"
    "obj-$(CONFIG_ASN1) += key.asn1.o\n",
    "net/Makefile": "obj-y += core.o\n",
}
ON = {"X86_64": "y", "NET_CORE": "y", "MMU": "y", "E1000": "m", "ETHERNET": "y", "ONE": "y"}


def lacking(*symbols: str) -> tuple[Want, ...]:
    return tuple(Want(symbol.lstrip("!"), not symbol.startswith("!")) for symbol in symbols)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("fs/open.c", ()),
        ("lib/ctype.c", ()),
        ("lib/crc.c", lacking("CRC")),
        ("lib/key.asn1", lacking("ASN1")),
        ("net/core.c", lacking("NET")),
        ("arch/x86/kernel/process_64.c", ()),
        ("arch/x86/kernel/vsmp_64.c", ()),
        ("arch/x86/kernel/legacy.c", lacking("!X86_64")),
        ("arch/x86/kvm/x86.c", lacking("KVM")),
        ("arch/x86/pci/i386.c", lacking("PCI")),
        ("drivers/thunderbolt/nhi.c", lacking("USB4")),
        ("drivers/net/veth.c", ()),
        ("drivers/net/trace.c", lacking("TRACE")),
        ("drivers/net/fat.S", lacking("TRACE")),
        ("drivers/net/wifi.c", lacking("WIFI")),
        ("drivers/net/host.c", lacking("HOST")),
        # m is not built.
        ("drivers/net/ethernet/main.c", lacking("E1000")),
        ("drivers/net/ethernet/hw.c", lacking("E1000")),
        ("drivers/net/ethernet/dcb.c", lacking("E1000", "E1000_DCB")),
        ("drivers/net/ethernet/ptp.c", lacking("E1000", "E1000_PTP")),
        ("fs/xfs/libxfs/ag.c", lacking("XFS")),
        ("fs/xfs/libxfs/bit.c", lacking("XFS")),
        # Of two ways the one that lacks nothing.
        ("fs/two.c", ()),
        ("drivers/net/unknown.c", None),
        ("elsewhere/file.c", None),
    ],
)
def test_what_is_missing_to_have_a_file_compiled(
    path: str, expected: tuple[Want, ...] | None
) -> None:
    assert Makefiles(TREE.get, ON).unmet(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("fs/xfs/any.h", lacking("XFS")),
        ("fs/xfs/libxfs/any.h", lacking("XFS")),
        ("drivers/staging/deep/any.h", lacking("STAGING")),
        ("fs/any.h", ()),
        ("include/linux/any.h", None),
        ("top.h", None),
    ],
)
def test_what_is_missing_to_have_make_go_into_a_folder(
    path: str, expected: tuple[Want, ...] | None
) -> None:
    assert Makefiles(TREE.get, ON).unmet_around(path) == expected


def wanted(text: str, path: str = "a.c", **values: str) -> tuple[Want, ...] | None:
    return Makefiles({"Kbuild": f"{text}\n"}.get, values).unmet(path)


@pytest.mark.parametrize(
    "name",
    [*("obj", "lib", "core", "drivers", "libs", "net", "virt", "init", "head", "extra", "always"),
     *("subdir", "hostprogs", "hostprogs-always", "userprogs", "userprogs-always")],
)  # fmt: skip
def test_each_list_is_built(name: str) -> None:
    assert wanted(f"{name}-y += a.o") == ()
    assert wanted(f"{name}-$(CONFIG_A) += a.o") == lacking("A")
    assert wanted(f"my{name}-y += a.o") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # What stands for a folder or an architecture.
        ("obj-y += $(obj)/a.o", ()),
        ("obj-y += $(src)/a.o", ()),
        ("obj-y += $(other)/a.o", None),
        ("obj-y += $(addprefix $(addprefix ,),a.o)", ()),
        ("obj-y += $(addprefix ,a.o)", ()),
        ("obj-y += $(addprefix a,) a.o", ()),
        # One in another, and more of them than are followed.
        (f"obj-y += {'$(addprefix ,' * 8}a.o{')' * 8}", ()),
        (f"obj-y += {'$(addprefix ,' * 9}a.o{')' * 9}", None),
        # Names of variables.
        ("$() := x\n${} = y\nobj-$() += a.o", None),
        ("$(x)a-y := b\nobj-$(f(CONFIG_A)) += a.o", None),
        ("obj-m += a.o", ()),
        ("x-m := a.o\nobj-y += x.o", ()),
        ("obj-$(subst m,y,$(CONFIG_A)) += a.o", lacking("A")),
        ("obj-$(CONFIG_) += a.o", None),
        ("obj-y += a.o:x", None),
        ("obj-y\nobj-$(CONFIG_A) += a.o", lacking("A")),
        ("rule: obj-y += a.o", None),
        ("obj-y += a.o $(CONFIG_A)", ()),
        ("obj-y += ifdef.o a.o", ()),
        ("obj-y += b.o # a.o\nobj-$(CONFIG_A) += a.o", lacking("A")),
        ("ifdef CONFIG_A\nifdefs := x\nendif\nobj-y += a.o", ()),
        ("# obj-y += a.o\nobj-$(CONFIG_A) += a.o # obj-y", lacking("A")),
        ("#a\nobj-y += a.o", ()),
    ],
)
def test_forms_of_lists(text: str, expected: tuple[Want, ...] | None) -> None:
    assert wanted(text) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("ifdef CONFIG_A", lacking("A")),
        ("ifndef CONFIG_ON", lacking("!ON")),
        ("ifndef CONFIG_A", ()),
        ("ifeq ($(CONFIG_A),y)", lacking("A")),
        ("ifeq ($(CONFIG_A),m)", lacking("A")),
        ("ifeq ($(CONFIG_A),n)", ()),
        ("ifeq ($(CONFIG_ON),)", lacking("!ON")),
        ("ifneq ($(CONFIG_ON),m)", lacking("!ON")),
        ("ifneq ($(CONFIG_A),y)", ()),
        # Of other conditions nothing is known.
        ("ifdef CONFIG_", ()),
        ("ifeq ($(CONFIG_),y)", ()),
        ("ifdef MY_CONFIG_A", ()),
        ("ifdefx CONFIG_A", None),
        ("xifdef CONFIG_A", None),
        ("ifeq (x,$(CONFIG_A))", ()),
        ("ifeq ($(X),ifdef CONFIG_A)", ()),
        ("ifeq (a,b) # ifeq ($(CONFIG_A),y)", ()),
    ],
)
def test_conditions(condition: str, expected: tuple[Want, ...] | None) -> None:
    text = f"{condition}\nobj-y += a.o\nendif\nobj-$(CONFIG_B) += b.o"
    assert wanted(text, ON="y") == (() if expected is None else expected)
    assert wanted(text, "b.c", ON="y") == lacking("B")


def test_names_of_the_architecture() -> None:
    assert wanted("obj-y += a_$(ARCH).o b_$(SRCARCH)_$(BITS).o", "a_x86.c") == ()
    assert wanted("obj-y += a_$(ARCH).o b_$(SRCARCH)_$(BITS).o", "b_x86_64.c") == ()


def test_what_stands_behind_else() -> None:
    text = (
        "ifdef CONFIG_A\nobj-y += a.o\nelse ifdef CONFIG_B\nobj-y += b.o\nelse\nobj-y += c.o\nendif"
        "\nobj-y += d.o"
    )
    assert [wanted(text, f"{name}.c", B="y") for name in "abcd"] == [
        lacking("A"), (), lacking("!B"), ()
    ]  # fmt: skip
    nested = "ifdef CONFIG_A\nifdef CONFIG_B\nelse\nobj-y += a.o\nendif\nobj-y += b.o\nendif"
    assert wanted(nested, B="y") == lacking("A", "!B")
    assert wanted(nested, "b.c") == lacking("A")
    # What fits no condition changes none.
    assert wanted("else\nendif\nobj-y += a.o\nelsewhere = x\nobj-$(CONFIG_B) += b.o", "b.c") == (
        lacking("B")
    )


def test_a_folder_may_be_named_without_a_slash() -> None:
    tree = {
        "Kbuild": "subdir-$(CONFIG_A) += tools\n",
        "tools/Makefile": "obj-y := b.o\n",
    }
    assert Makefiles(tree.get, {}).unmet("tools/b.c") == lacking("A")


def test_a_folder_has_one_makefile() -> None:
    tree = {
        "Kbuild": "obj-y += x/\n",
        "x/Kbuild": "obj-$(CONFIG_A) += a.o\n",
        "x/Makefile": "obj-y += a.o\n",
    }
    assert Makefiles(tree.get, {}).unmet("x/a.c") == lacking("A")


def test_a_makefile_that_nothing_leads_to_has_nothing_built() -> None:
    assert Makefiles({"x/Kbuild": "obj-y += a.o\n"}.get, {}).unmet("x/a.c") is None


def test_makefiles_that_lead_in_a_circle() -> None:
    loop = {"Kbuild": "a-y := b.o\nb-y := a.o\nx = $(y)\ny = $(x) z.o\nobj-y += $(x\n"}
    assert Makefiles(loop.get, {}).unmet("b.c") is None
    assert Makefiles(loop.get, {}).unmet("z.c") is None


def test_lines_of_a_fragment() -> None:
    assert [want.line for want in lacking("A", "!B")] == ["CONFIG_A=y", "# CONFIG_B is not set"]


@pytest.mark.parametrize(
    "line",
    [
        "${}" * 5000,
        "$(" * 5000,
        "$(a(b)" * 5000,
        "$(addprefix" + " " * 100_000,
        "x := " + "$(addprefix a,$(addprefix b," * 2000,
        "ifeq (" + " " * 100_000,
    ],
)
def test_no_line_takes_long(line: str) -> None:
    parse(f"{line}\n{line} x\n")


def test_no_tree_takes_long() -> None:
    names = [f"n{number}" for number in range(100)]
    everything = " ".join(f"{name}.o $({name})" for name in names)
    text = "".join(f"{name}-$(CONFIG_{name}) += {everything}\n" for name in names)
    assert Makefiles({"Kbuild": text}.get, {}).unmet("n1.c") is None


def test_folders_of_any_depth_are_no_harm() -> None:
    folders = ["/".join(["d"] * depth) for depth in range(1, 1500)]
    tree = {f"{folder}/Kbuild": "obj-y += d/ a.o\n" for folder in folders}
    assert (
        Makefiles({"Kbuild": "obj-y += d/\n", **tree}.get, {}).unmet(f"{folders[-1]}/a.c") is None
    )
