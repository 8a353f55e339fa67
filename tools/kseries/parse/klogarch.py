# SPDX-License-Identifier: GPL-2.0
"""Faults of the processor, as each architecture prints them: lines of the table of complaints."""

from __future__ import annotations

from kseries.model import EventKind
from kseries.parse.klogrule import PROCESS, Ending, Role, Rule

_OOPS, _BUG, _UBSAN, _MARK = EventKind.OOPS, EventKind.BUG, EventKind.UBSAN, Ending.MARK
_PREFACE, _FAULT, _HEADER = Role.PREFACE, Role.FAULT, Role.HEADER


def _preface(pattern: str, source: str, example: str) -> Rule:
    return Rule(_OOPS, _MARK, pattern, source, example, _PREFACE)


def _fault(pattern: str, source: str, example: str, behind: str = "") -> Rule:
    return Rule(_OOPS, _MARK, pattern, source, example, _FAULT, behind=behind)


def _header(pattern: str, source: str, example: str, behind: str = "") -> Rule:
    return Rule(_OOPS, _MARK, pattern, source, example, _HEADER, behind=behind)


PREFACES: tuple[Rule, ...] = (
    _preface(
        r"kernel tried to execute ",
        "arch/x86/mm/fault.c: show_fault_oops(); arch/powerpc/mm/fault.c: bad_kernel_fault()",
        "kernel tried to execute NX-protected page - exploit attempt? (uid: 0)",
    ),
    _preface(
        r"Kernel attempted to \w{4,7} user page ",
        "arch/powerpc/mm/fault.c: bad_kernel_fault()",
        "Kernel attempted to read user page (0) - exploit attempt? (uid: 0)",
    ),
    _preface(
        r"unable to execute userspace code \(SMEP\?\)",
        "arch/x86/mm/fault.c: show_fault_oops()",
        "unable to execute userspace code (SMEP?) (uid: 0)",
    ),
    _preface(
        r"Alignment trap: not handling instruction ",
        "arch/arm/mm/alignment.c: do_alignment()",
        "Alignment trap: not handling instruction e1912f9f at [<c0101234>]",
    ),
)

FAULTS: tuple[Rule, ...] = (
    _fault(
        r"BUG: [Kk]ernel NULL pointer dereference",
        "arch/x86/mm/fault.c: show_fault_oops(); arch/powerpc/mm/fault.c: bad_page_fault()",
        "BUG: kernel NULL pointer dereference, address: 0000000000000008",
    ),
    _fault(
        r"(?:CPU \d{1,5} )?(?:BUG: )?[Uu]nable to handle (?:page fault|kernel|unknown paging)\b",
        "arch/x86, arm64, arm, riscv, s390, powerpc, loongarch, mips, m68k, sparc: mm/fault.c",
        "Unable to handle kernel paging request at virtual address ffff000012345678",
    ),
    _fault(
        r"BUG: (?:\S+ )?stack guard page was hit at ",
        "arch/x86/kernel/traps.c: handle_stack_overflow()",
        "BUG: TASK stack guard page was hit at ffffc90000aaffff (stack is ffffc90000ab0000..)",
    ),
    _fault(
        r"(?:traps: )?PANIC: double fault",
        "arch/x86/kernel/traps.c: exc_double_fault()",
        "traps: PANIC: double fault, error_code: 0x0",
    ),
    _fault(
        r"PANIC: early exception 0x",
        "arch/x86/mm/extable.c: early_fixup_exception()",
        "PANIC: early exception 0x0e IP 10:ffffffff81234567 error 0 cr2 0xffff888000000000",
    ),
    _fault(
        r"Insufficient stack space to handle exception!",
        "arch/arm64/kernel/traps.c, arch/arm/kernel/traps.c, arch/riscv/kernel/traps.c",
        "Insufficient stack space to handle exception!",
    ),
    _fault(
        r"Kernel stack overflow\.",
        "arch/s390/kernel/traps.c: kernel_stack_overflow()",
        "Kernel stack overflow.",
    ),
    _fault(
        r"Unhandled (?:fault|prefetch abort): ",
        "arch/arm/mm/fault.c: do_DataAbort(), do_PrefetchAbort(); arch/arm64 before 4.17",
        "Unhandled fault: external abort on non-linefetch (0x1008) at 0xb6f00000",
    ),
    _fault(
        r"Unhandled \d\d-bit \w{3,5} \w{3,5} exception on CPU\d+, ESR ",
        "arch/arm64/kernel/entry-common.c: __panic_unhandled()",
        "Unhandled 64-bit el1h sync exception on CPU0, ESR 0x0000000002000000 -- Unknown",
    ),
    _fault(
        r"Bad mode in .{1,40} handler detected",
        "arch/arm/kernel/traps.c: bad_mode(); arch/arm64 before 5.13",
        "Bad mode in Synchronous Abort handler detected on CPU0, code 0x8600000f -- IABT",
    ),
    _fault(
        r"SError Interrupt on CPU\d+, code ",
        "arch/arm64/kernel/traps.c: arm64_serror_panic()",
        "SError Interrupt on CPU2, code 0x00000000be000011 -- SError",
    ),
    _fault(
        r"Unexpected kernel (?:BRK|single-step) exception at EL1",
        "arch/arm64/kernel/debug-monitors.c: brk_handler()",
        "Unexpected kernel BRK exception at EL1",
    ),
    _fault(
        r"Machine check in kernel mode\.",
        "arch/powerpc/kernel/traps.c: machine_check_generic()",
        "Machine check in kernel mode.",
    ),
    _fault(
        r"Bad kernel stack pointer [0-9a-f]{4,16} at ",
        "arch/powerpc/kernel/traps.c: kernel_bad_stack()",
        "Bad kernel stack pointer 7fffd1a2b3c0 at c00000000000a1b4",
    ),
    _fault(
        r"Unrecoverable (?:exception|FP|VMX/Altivec|VSX|TM) .{1,60} at [0-9a-f]{8}",
        "arch/powerpc/kernel/traps.c: unrecoverable_exception()",
        "Unrecoverable exception 700 at c000000000001234 (msr=9000000000001033)",
    ),
    _fault(
        r"(?:Data|Instruction) bus error, epc == ",
        "arch/mips/kernel/traps.c: do_be()",
        "Data bus error, epc == 80123456, ra == 80123400",
    ),
    _fault(
        rf"(?:{PROCESS})?[A-Z][\w ()?/-]{{1,60}}+: Code=\d+ \([^\n)]{{1,60}}\) at ",
        "arch/parisc/kernel/traps.c: parisc_terminate()",
        "Kernel Fault: Code=15 (Data TLB miss fault) at addr 00000008",
        behind="Code=",
    ),
)

HEADERS: tuple[Rule, ...] = (
    Rule(
        _UBSAN,
        _MARK,
        r"Internal error: UBSAN: [^\n\[]{0,60}\[#\d+\]",
        "arch/arm64/kernel/traps.c: ubsan_handler()",
        "Internal error: UBSAN: array index out of bounds: 00000000f2005512 [#1] PREEMPT SMP",
        _HEADER,
    ),
    Rule(
        _BUG,
        _MARK,
        r"(?:Internal error: Oops - BUG: [^\n\[]{0,60}|Kernel (?:bug detected|BUG) ?)\[#\d+\]",
        "arch/mips/kernel/traps.c: do_trap_or_bp(); arch/riscv, arch/arm64: bug_handler()",
        "Kernel bug detected[#1]:",
        _HEADER,
    ),
    _header(
        r"Internal error: [^\n\[]{0,160}\[#\d+\]",
        "arch/arm64/kernel/traps.c, arch/arm/kernel/traps.c: __die()",
        "Internal error: synchronous external abort: 0000000096000010 [#1] PREEMPT SMP",
    ),
    _header(
        rf"(?:{PROCESS})?Oops(?:: | - | )?[^\n\[]{{0,120}}\[#\d+\]",
        "arch/x86, riscv, s390, powerpc, loongarch, mips, sparc: kernel/traps.c: die()",
        "Oops: Kernel access of bad area, sig: 11 [#1]",
    ),
    # Without "Oops: " on x86 before 6.10.
    _header(
        r"[A-Za-z][\w ,'#/()-]*+: [0-9a-f]{4}(?: ilc:\d)? \[#\d+\]",
        "arch/x86/kernel/dumpstack.c: __die_header(); arch/s390/kernel/dumpstack.c: die()",
        "general protection fault, maybe for address 0x1: 0000 [#1] SMP",
        behind=r"[0-9a-f]{4}(?: ilc:\d)? \[#",
    ),
    _header(
        r"(?:Oops: )?general protection fault, (?:probably|maybe) for ",
        "arch/x86/kernel/traps.c: exc_general_protection(); a mail may have broken it",
        "Oops: general protection fault, probably for non-canonical address 0xdffffc0000000000:",
    ),
    _header(
        r"(?:Kernel|Break|Trap|FP|Reserved|Unhandled|Bounds|Illegal) [\w /()-]{3,60}+ ?\[#\d+\]",
        "arch/loongarch/kernel/traps.c, arch/mips/kernel/traps.c: die_if_kernel()",
        "Break instruction in kernel code[#1]:",
    ),
    _header(
        rf"{PROCESS}(?:[A-Z]\w{{1,20}}(?: \w{{1,20}}){{0,5}} \[#\d+\]|Oops -?\d+$)",
        "arch/sparc/kernel/traps_64.c, arch/alpha/kernel/traps.c: die_if_kernel()",
        "swapper(1): Kernel illegal instruction [#1]",
    ),
    _header(
        rf"{PROCESS}[A-Z][\w ()?-]{{2,60}} \(code -?\d+\)$",
        "arch/parisc/kernel/traps.c: die_if_kernel()",
        "modprobe (pid 12): Unaligned data reference (code 28)",
    ),
    _header(
        r"Oops: (?:[0-9a-f]{8}$|.{1,60}, sig: \d+)",
        "arch/m68k/kernel/traps.c: die_if_kernel(); arch/microblaze/kernel/exceptions.c: die()",
        "Oops: 00000000",
    ),
    _header(
        r"\*\*\* [A-Z][A-Z /()-]{2,40} \*\*\* +FORMAT=",
        "arch/m68k/kernel/traps.c: bad_super_trap()",
        "*** ILLEGAL INSTRUCTION ***   FORMAT=0",
    ),
)

ASSERTIONS: tuple[Rule, ...] = (
    Rule(
        _UBSAN,
        _MARK,
        r"UBSAN: [\w -]{3,60} at \S",
        "arch/x86/kernel/traps.c: handle_bug(), with CONFIG_UBSAN_TRAP",
        "UBSAN: array index out of bounds at foo_get+0x12/0x20",
        _PREFACE,
    ),
    Rule(
        _BUG,
        _MARK,
        r"[Kk]ernel BUG at ",
        "lib/bug.c: __report_bug()",
        "kernel BUG at net/foo.c:12!",
        _FAULT,
    ),
    Rule(
        _BUG,
        _MARK,
        r"CFI failure at ",
        "kernel/cfi.c: report_cfi_failure()",
        "CFI failure at foo_call+0x12/0x20 (target: bar+0x0/0x10; expected type: 0x12345678)",
        _PREFACE,
    ),
    Rule(
        _BUG,
        _MARK,
        r"(?:traps: )?Missing ENDBR: ",
        "arch/x86/kernel/cet.c: do_kernel_cp_fault()",
        "traps: Missing ENDBR: foo_call+0x0/0x10",
        _PREFACE,
    ),
)
