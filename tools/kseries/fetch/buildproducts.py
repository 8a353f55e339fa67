# SPDX-License-Identifier: GPL-2.0
"""What a kernel's build leaves in its tree, as rules of a .gitignore.

A tree that was unpacked from a tarball may have no .gitignore, and what lies in it would be
taken for its sources: a .config, objects of another compiler. Linux 6.12 has no file of its own
that one of these names.
"""

from __future__ import annotations

# Files whose names begin with a dot and that no build makes.
KEPT = (
    "!.clang-format",
    "!.clippy.toml",
    "!.cocciconfig",
    "!.editorconfig",
    "!.get_maintainer.ignore",
    "!.gitattributes",
    "!.gitignore",
    "!.kunitconfig",
    "!.mailmap",
    "!.pylintrc",
    "!.rustfmt.toml",
    "!.yamllint",
)

RULES = (
    ".*",
    *KEPT,
    "*.a",
    "*.asn1.[ch]",
    "*.cmd",
    "*.dtb",
    "*.dtbo",
    "*.dwo",
    "*.gcda",
    "*.gcno",
    "*.ko",
    "*.lex.c",
    "*.mod",
    "*.mod.c",
    "*.o",
    "*.o.*",
    "*.rmeta",
    "*.so",
    "*.so.dbg",
    "*.su",
    "*.symtypes",
    "*.symversions",
    "*.tab.[ch]",
    "modules.order",
    "Module.symvers",
    "/System.map",
    "/modules.builtin*",
    "/modules-only.symvers",
    "/vmlinux",
    "/vmlinux.*",
    "/vmlinuz",
    "/include/config/",
    "/include/generated/",
    "/arch/*/include/generated/",
    "/arch/*/boot/Image",
    "/arch/*/boot/Image.*",
    "/arch/*/boot/bzImage",
    "/arch/*/boot/zImage",
    "/arch/x86/boot/compressed/vmlinux",
    "/arch/x86/boot/compressed/vmlinux.bin*",
    "/arch/x86/boot/setup.bin",
    "/arch/x86/boot/vmlinux.bin",
    "/certs/signing_key.*",
    "/certs/x509.genkey",
    "/scripts/basic/fixdep",
    "/scripts/kconfig/conf",
    "/scripts/mod/modpost",
    "/usr/initramfs_data.cpio*",
)
