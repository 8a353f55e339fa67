# SPDX-License-Identifier: GPL-2.0
"""The table of what the kernel prints, entry by entry."""

from __future__ import annotations

import re

import pytest

from kseries.model import EventKind
from kseries.parse import klog
from kseries.parse.finders import FINDERS
from kseries.parse.klogrule import Ending
from kseries.parse.klogtable import RULES

K = EventKind
LINE, TRACE, MARK, RULER = Ending.LINE, Ending.TRACE, Ending.MARK, Ending.RULER


@pytest.mark.parametrize(
    ("line", "kind", "ending"),
    [
        ("Kernel panic - not syncing: x", K.PANIC, MARK),
        ("WARNING: CPU: 12 PID: 34 at a.c:1 f+0x1/0x2", K.WARN, MARK),
        ("WARNING: a.c:12 at f+0x1/0x2, CPU#10: a/12", K.WARN, MARK),
        ("WARNING: at f+0x1/0x2, CPU#1: a/12", K.WARN, MARK),
        ("WARNING: CPU: 12 PID: 34 at f+0x1/0x2", K.WARN, MARK),
        ("WARNING: at a.c:12", K.WARN, MARK),
        ("WARNING: CPU: 12 PID: 34 at", K.WARN, MARK),
        ("WARNING: fs/a.c:12 at", K.WARN, MARK),
        ("BUG: KASAN: x", K.KASAN, RULER),
        ("BUG: KFENCE: x", K.KASAN, RULER),
        ("BUG: KMSAN: x", K.KASAN, RULER),
        ("UBSAN: shift-out-of-bounds in a.c:1:2", K.UBSAN, RULER),
        ("BUG: kernel NULL pointer dereference, address: 0", K.OOPS, MARK),
        ("BUG: unable to handle page fault for address: 0", K.OOPS, MARK),
        ("BUG: unable to handle kernel paging request at 0", K.OOPS, MARK),
        ("BUG: IRQ stack guard page was hit at 0", K.OOPS, MARK),
        ("Oops: 0002 [#1] SMP", K.OOPS, MARK),
        ("Oops: int3: 0000 [#12] SMP", K.OOPS, MARK),
        ("general protection fault, maybe for address 0x1: 0000 [#1]", K.OOPS, MARK),
        ("kernel BUG at a.c:1!", K.BUG, MARK),
        ("WARNING: possible circular locking dependency detected", K.LOCKDEP, TRACE),
        ("WARNING: possible recursive locking detected", K.LOCKDEP, TRACE),
        ("WARNING: possible irq lock inversion dependency detected", K.LOCKDEP, TRACE),
        ("WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected", K.LOCKDEP, TRACE),
        ("WARNING: inconsistent lock state", K.LOCKDEP, TRACE),
        ("WARNING: suspicious RCU usage", K.LOCKDEP, TRACE),
        ("WARNING: bad unlock balance detected!", K.LOCKDEP, TRACE),
        ("WARNING: bad contention detected!", K.LOCKDEP, TRACE),
        ("WARNING: held lock freed!", K.LOCKDEP, TRACE),
        ("WARNING: lock held when returning to user space!", K.LOCKDEP, TRACE),
        ("WARNING: a b/12 still has locks held!", K.LOCKDEP, TRACE),
        ("WARNING: Nested lock was not taken", K.LOCKDEP, TRACE),
        ("WARNING: chain_key collision", K.LOCKDEP, TRACE),
        ("WARNING: circular locking deadlock detected!", K.LOCKDEP, TRACE),
        ("[ BUG: Invalid wait context ]", K.LOCKDEP, TRACE),
        ("[ BUG: bad unlock balance ]", K.LOCKDEP, TRACE),
        ("[ BUG: held lock freed ]", K.LOCKDEP, TRACE),
        ("INFO: trying to register non-static key.", K.LOCKDEP, TRACE),
        ("BUG: MAX_LOCK_DEPTH too low!", K.LOCKDEP, TRACE),
        ("BUG: key 0000 has not been registered!", K.LOCKDEP, TRACE),
        ("BUG: looking up invalid subclass: 8", K.LOCKDEP, TRACE),
        ("BUG: sleeping function called from invalid context at a.c:1", K.ATOMIC_SLEEP, TRACE),
        ("BUG: scheduling while atomic: a/12/0x0", K.ATOMIC_SLEEP, TRACE),
        ("BUG: scheduling in a non-blocking section: a/12/1", K.ATOMIC_SLEEP, TRACE),
        ("BUG: assuming atomic context at a.c:1", K.ATOMIC_SLEEP, TRACE),
        ("BUG: assuming non migratable context at a.c:1", K.ATOMIC_SLEEP, TRACE),
        ("BUG: using x() in preemptible [0] code: a/12", K.ATOMIC_SLEEP, TRACE),
        ("INFO: task a:12 blocked for more than 10 seconds.", K.HUNG_TASK, TRACE),
        ("INFO: task a:b:9 blocked in I/O wait for more than 10 s", K.HUNG_TASK, TRACE),
        ("BUG: soft lockup - CPU#0 stuck", K.LOCKUP, TRACE),
        ("watchdog: BUG: soft lockup - CPU#0 stuck", K.LOCKUP, TRACE),
        ("watchdog: Watchdog detected hard LOCKUP on cpu 0", K.LOCKUP, TRACE),
        ("NMI watchdog: Watchdog detected hard LOCKUP on cpu 0", K.LOCKUP, TRACE),
        ("watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 1", K.LOCKUP, TRACE),
        ("BUG: workqueue lockup - pool cpus=0", K.LOCKUP, LINE),
        ("INFO: rcu_preempt detected stalls on CPUs/tasks:", K.RCU_STALL, TRACE),
        ("rcu: INFO: rcu_preempt self-detected stall on CPU", K.RCU_STALL, TRACE),
        ("rcu: INFO: rcu detected expedited stalls on CPUs", K.RCU_STALL, TRACE),
        ("kmemleak: 12 new suspected memory leaks", K.LEAK, LINE),
        ("unregister_netdevice: waiting for lo", K.LEAK, LINE),
        ("page_pool_release_retry() stalled pool shutdown: id 1", K.LEAK, LINE),
        ("ref_tracker: net: leaked reference.", K.LEAK, LINE),
        ("ref_tracker: a@0 has 12/34 users at", K.LEAK, LINE),
        ("BUG: Bad rss-counter state mm:0", K.LEAK, LINE),
        ("BUG: non-zero pgtables_bytes on freeing mm: 1", K.LEAK, LINE),
        ("Attempt to release alive inet socket 0", K.BUG, LINE),
        ("Freeing alive inet socket 0", K.BUG, LINE),
        ("hw csum failure", K.WARN, TRACE),
        ("eth0: hw csum failure", K.WARN, TRACE),
        ("BUG kmalloc-8 (Not tainted): x", K.BUG, TRACE),
        ("BUG kmalloc-8 (Tainted): x", K.BUG, TRACE),
        ("BUG kmalloc-8 (Tainted: G   B): x", K.BUG, TRACE),
        ("BUG: anything else", K.BUG, TRACE),
    ],
)
def test_what_a_first_line_says(line: str, kind: EventKind, ending: Ending) -> None:
    rule = next(rule for rule in RULES if re.match(rule.pattern, line))
    assert (rule.kind, rule.ending) == (kind, ending)
    (event,) = klog.events([(0.0, line)])
    assert event.kind is kind


@pytest.mark.parametrize(
    "line",
    [
        "Kernel panic - not syncinging",
        "WARNING: CPU: x PID: 1 at a.c",
        "WARNING: a.c:12 at f, CPU#1 a/12",
        "WARNING: a.c at f+0x1/0x2, CPU#1: a/12",
        "WARNING: a.c at",
        "WARNING: a.c:12 at last",
        "WARNING: CPU: 12 PID: 34 attack",
        "1Oops: x",
        "7: 0000 [#1]",
        "Oops: 000 [1]",
        "Oops: 0000 [#]",
        "INFO: task a: blocked for more than 1 s",
        "INFO: rcu detected",
        "eth0: lo: hw csum failure",
        "hw csum failure of x",
        "kmemleak: new suspected memory leaks",
        "ref_tracker: a has 1/ users at",
        "BUG kmalloc (tainted): x",
        "BUG x",
    ],
)
def test_what_no_first_line_is(line: str) -> None:
    assert klog.events([(0.0, line)]) == ()


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("WARNING: at a.c:12", "WARNING: at a.c:12"),
        ("WARNING: CPU: 12 PID: 34 at a.c:1 f+0x1/0x2", "WARNING: at a.c:1 f"),
        ("WARNING: CPU: 1 PID: 2 at a.c:1 f+0x1f/0x2a [mod]", "WARNING: at a.c:1 f"),
        ("WARNING: a.c:12 at f+0x1/0x2, CPU#10: a/12", "WARNING: a.c:12 at f"),
        ("WARNING: zcrx/12 still has locks held!", "WARNING: zcrx still has locks held!"),
        ("BUG: scheduling while atomic: a/12/0x0", "BUG: scheduling while atomic: a"),
        ("BUG: x on a/12]", "BUG: x on a]"),
        ("BUG: x, probably for non-canonical address 0x0123456789abcdef", "BUG: x"),
        ("BUG: x for address: 0123456789abcdef", "BUG: x"),
        ("BUG: x, address: 0123456789abcdef", "BUG: x"),
        ("BUG: x at 0x01234567", "BUG: x at …"),
        ("BUG: x at 0123456789abcdef", "BUG: x at …"),
        ("BUG: x at 0123456", "BUG: x at 0123456"),
        ("BUG: soft lockup - CPU#12 stuck for 26s! [a:34]", "BUG: soft lockup! [a]"),
        ("INFO: task a:34 blocked for more than 1 s", "INFO: task a blocked for more than 1 s"),
        ("BUG: x on CPU#12", "BUG: x on CPU"),
        ("BUG: x on cpu 12", "BUG: x on CPU"),
        ("Oops: x: 0002 [#12] SMP", "Oops: x"),
        (
            "page_pool_release_retry() stalled pool shutdown: id 12, 3 inflight 60 sec",
            "page_pool_release_retry() stalled pool shutdown: 3 inflight",
        ),
        ("BUG: using x() in preemptible [0] code: a/12", "BUG: using x() in preemptible [0]"),
        ("BUG:   x  ", "BUG:   x"),
    ],
)
def test_what_of_a_title_is_the_same_in_every_run(line: str, title: str) -> None:
    (event,) = klog.events([(0.0, line)])
    assert event.title == title


FINDING = """
    dump_stack show_stack show_trace_log_lvl print_report report_bug __report_bug handle_bug
    __warn warn_slowpath_fmt exc_page_fault asm_exc_page_fault die __die panic kasan_report
    __kasan_slab_free __asan_load8 ubsan_epilogue __ubsan_handle_shift kfence_report
    lockdep_rcu_suspicious lock_acquire __lock_acquire mark_lock mark_usage validate_chain
    check_noncircular debug_object_free __debug_object_init refcount_warn_saturate
    __list_add_valid __might_sleep might_fault __schedule schedule ___might_sleep mutex_lock
    __mutex_lock rcu_sched_clock_irq nmi_cpu_backtrace watchdog msleep usleep_range io_schedule
    wait_for_completion spin_bug asm_sysvec_apic sysvec_apic sched_show_task _raw_spin_lock
    do_raw_spin_lock slab_err __slab_free object_err entry_SYSCALL_64 do_syscall_64 x64_sys_call
    ret_from_fork get_free_pages_noprof
"""


@pytest.mark.parametrize("function", FINDING.split())
def test_functions_that_find_faults_do_not_have_them(function: str) -> None:
    assert function in FINDERS
    lines = ("BUG: x", "Call Trace:", f" {function}+0x1/0x2", " io_zcrx_refill+0x1/0x2")
    (event,) = klog.events([(0.0, line) for line in lines])
    assert event.where == "io_zcrx_refill"


@pytest.mark.parametrize("function", ["io_zcrx_refill", "net_rx_action", "my_dump_", "undie"])
def test_other_functions_do(function: str) -> None:
    assert function not in FINDERS
