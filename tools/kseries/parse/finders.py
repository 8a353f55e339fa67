# SPDX-License-Identifier: GPL-2.0
"""Functions that found a fault, or stand below every fault: they do not have it."""

from __future__ import annotations

import re

# Checkers, and helpers whose arguments come from their caller: not blamed even where a complaint
# or the program counter names them.
_HELPERS = (
    # mm/kasan, mm/kcsan, mm/kmsan, mm/kfence, kernel/kcov.c, lib/ubsan.c
    r"_*(?:kasan|kcsan|kmsan|kfence|asan|hwasan|msan|tsan|ubsan|sanitizer)_\w+",
    r"(?:__)?check_memory_region\w*|check_region_inline|write_comp_data|end_report",
    # lib/string.c, lib/usercopy.c, arch/*/lib
    r"_*(?:pi_)?_*mem(?:cpy|set|move|cmp|chr|scan)\w*|_*str(?:n|l|s)?(?:len|cpy|cat|cmp|chr|str|casecmp)\w*",
    r"_*(?:arch_|raw_)?copy_(?:to|from|user|in|mc|page)\w*|_*clear_user\w*|rep_(?:movs|stos)\w*",
    r"csum_partial\w*|fortify_panic|__fortify_\w+|usercopy_abort|__?check_object_size"
    r"|_*check_heap_object",
    # lib/refcount.c, lib/list_debug.c, lib/debugobjects.c, include/linux
    r"_*refcount_\w+|kref_(?:get|put)\w*|__?list_(?:add|del)\w*|list_(?:del|add|move)\w*"
    r"|_*debug_(?:print_)?object\w*|_*debug_check_no_obj\w*|_*hlist_(?:add|del)\w*",
    r"(?:arch_|raw_|generic_)*(?:atomic|atomic64|test|set|clear|change)_(?:inc|dec|add|sub|fetch|cmp"
    r"|xchg|bit|read|long|and|try)\w*",
    r"_*instrument_\w+|(?:native_)?queued_(?:spin|read|write)_\w+|(?:__pv_|pv_)queued_\w+",
    # kernel/locking
    r"_*(?:do_)?raw_(?:spin|read|write)_\w+|_*_raw_\w+|(?:spin|rwlock)_(?:bug|dump|lock|unlock)\w*",
    r"_*mutex_(?:un|try)?lock\w*|(?:down|up)_(?:read|write)\w*|rwsem_\w+|_*rt_mutex_\w+",
    r"_*lock_(?:acquire|release|acquired|contended|is_held\w*)|register_lock_class"
    r"|look_up_lock_class|assign_lock_key|lockdep_\w+",
    # mm: who frees, or asks for memory
    r"k[vz]?free\w*|kmem_cache_free\w*|_*kvm?alloc_(?:node|array)\w*|kmalloc_slab|free_large_kmalloc"
    r"|_*k[mvz]?z?alloc(?:_\w+)?|_*kmem_cache_z?alloc\w*|_*kmalloc_\w+|_*alloc_(?:pages|frozen)\w*"
    r"|_*vmalloc_\w+|_*might_(?:fault|alloc|sleep|resched)\w*|_*fs_reclaim_\w+|slab_\w+_alloc_\w+",
    # lib/logic_pio.c, lib/vsprintf.c, lib/crc*.c, lib/nlattr.c
    r"v?s(?:c?n)?printf|string(?:_nocheck)?|kv?asprintf\w*|logic_(?:in|out)[bwlq]|crc\d+\w*|nla_(?:str|mem)\w+",
    # kernel/workqueue.c, kernel/sched/wait.c: what they work on is their caller's
    r"destroy_workqueue|_*wake_up\w*|hlock_class|check_wait_context",
    # who registers what is there already
    r"_*proc_(?:register|create\w*|mkdir\w*)|sysfs_slab_add|_*kmem_cache_create\w*|create_cache|iput",
    # the way from the fault to the log
    r"_*warn(?:_\w+)?|_*report_bug|handle_bug|_*die(?:_\w+)?|_*dump_\w+|_*show_(?:stack|trace|regs)\w*",
    r"_*unwind_\w+|arch_stack_walk|walk_stackframe|stack_trace_\w+|stack_access_ok"
    r"|_*nmi_\w+|(?:arch_)?trigger_\w+_backtrace",
    # idle
    r"(?:\w+_)?safe_halt|(?:arch_)?cpu_(?:idle\w*|do_idle)|default_(?:idle\w*|do_nothing)"
    r"|(?:mwait|intel|acpi)_idle\w*|do_idle|arch_cpu_idle\w*|poll_idle|cpuidle_\w+",
    # waits for other processors
    r"_*(?:generic_exec_single|smp_call_function\w*|on_each_cpu\w*|csd_lock\w*)|cpu_relax"
    r"|delay_\w+|_*(?:const_)?udelay|_*delay",
)

# Beside those, what stands in a trace above the function that has the fault.
_FINDERS = (
    r"(?:_*dump_|show_stack|show_trace|print_|report_bug|__report_bug|handle_bug|__warn|warn_"
    r"|(?:do_)?exc_|asm_exc|die|__die|panic|vpanic|kasan_|__kasan|__asan|ubsan_|__ubsan|kfence_"
    r"|lockdep_|lock_(?!sock)|__lock_(?!sock)|mark_lock|mark_usage|validate_chain|check_|debug_"
    r"|__debug|refcount_warn|__list_|__might_|might_|__schedule|schedule|___might"
    r"|mutex_|__mutex|rcu_|nmi_|watchdog|msleep|usleep|io_schedule|wait_for_|spin_bug|asm_sysvec"
    r"|sysvec|sched_show|_raw_|do_raw_|slab_|__slab"
    r"|object_err|entry_|do_syscall|x64_sys_call|ret_from)",
    # waits
    r"_*flush_work(?:queue)?$|start_flush_work|drain_workqueue|_*cancel_\w*work_(?:sync|timer)$"
    r"|_*(?:try_to_)?del_timer\w*|_*timer_delete\w*|try_to_grab_pending$|work_grab_pending$"
    r"|__switch_to|context_switch|preempt_schedule|do_wait_for|__wait_for|__?wait_on_bit|bit_wait|out_of_line_wait"
    r"|cache_grow_begin|cache_alloc_|fallback_alloc"
    r"|call_rwsem|folio_wait|__folio_lock|_*down_(?:read|write|killable|interruptible|timeout|common)"
    r"|__down|down$|rwsem_|__rt_mutex|rt_mutex_|rt_spin_|rtlock_|percpu_down|percpu_rwsem_wait"
    r"|do_nanosleep|hrtimer_nanosleep|_?cond_resched|__cond_resched|jbd2_log_wait|__bitmap"
    # allocations and frees
    r"|_*k[mvz]?z?alloc(?:_\w+)?$|_*k[vz]?m?alloc_\w+$|_*kmem_cache_(?:z?alloc|free)\w*$|_*kmem(?:dup)\w*$"
    r"|_*kstr\w*dup\w*$|krealloc\w*$|___slab|new_slab|allocate_slab|alloc_slab|do_slab|__do_kmalloc"
    r"|_*alloc_(?:pages|frozen|skb|page_)\w*$|_*get_free_pages?\w*$|alloc_page\w*$|_*vmalloc\w*$"
    r"|vzalloc\w*$|__alloc_pages\w*$|get_zeroed_page\w*$|kvmalloc\w*$|pcpu_alloc\w*$"
    r"|folio_alloc\w*$|vma_alloc_folio\w*$|save_stack|stack_depot|set_track|getname$|kmemleak_"
    r"|bad_page|_*folio_put\w*$|_*put_page\w*$|release_pages$|prepare_alloc_pages$|free_page_is_bad|print_bad_pte|free_unref\w*$|free_pages_\w*$|__free_pages\w*$"
    r"|post_alloc_hook|prep_new_page|get_page_from_freelist|___cache_free|qlist_free|quarantine_"
    r"|free_to_partial|do_kmem_cache|kfree|slab_free|ftrace_|preempt_count_"
    # who makes files in sysfs
    r"|sysfs_warn_dup|sysfs_(?:do_)?create_|sysfs_add_|kobject_add|create_dir$|kobject_init_and_add|device_add"
    # interrupts, exceptions, system calls
    r"|(?:__)?common_interrupt|asm_common|irqentry_|(?:__)?irq_(?:enter|work_run)|apic_timer"
    r"|smp_apic|hrtimer_interrupt|__hrtimer_run|tick_|update_process_times|local_apic"
    r"|(?:__)?handle_irq_event|note_interrupt|__report_bad_irq|handle_\w+_irq$|generic_handle"
    r"|el[01][a-z0-9_]*$|do_el0|__invoke_syscall|invoke_syscall|syscall_|system_call|ret_fast"
    r"|do_(?:page_fault|user_addr_fault|kern_addr_fault|translation_fault|mem_abort|sea|bad_area"
    r"|trap|invalid_op|error_trap|general_protection|int3|undefinstr|alignment_fault|DataAbort"
    r"|PrefetchAbort|sp_pc_abort)\w*$|__do_(?:kernel_fault|page_fault|user_fault)|bad_area"
    r"|arch_timer_handler|gic_handle|call_on_irq|do_interrupt_handler|handle_arch_irq|riscv_intc"
    r"|fixup_exception|no_context|page_fault|general_protection|invalid_op|error_entry|double_fault"
    r"|page_fault_oops|kernelmode_fixup|invalid_fault|handle_(?:page_fault|kernel_fault)|bus_error"
    r"|__pgm_|pgm_check|do_(?:protection|dat)_exception|monitor_event|__do_pgm|program_check|dabt"
    r"|__(?:dabt|irq|und|pabt|pgm)_|vector_|bad_mode|arm64_(?:notify|serror)|do_serror|brk_handler"
    r"|call_break_hook|bug_handler|bug_brk|do_debug_exception|do_int|interrupt_|ack_bad"
    r"|(?:arch_)?(?:do_)?ri$|handle_ri|handle_bp|do_bp|handle_tlb|tlb_do_page|handle_exception"
    r"|data_access_common|instruction_access|hash__do|do_hash|do_work_pending|restore_all"
    r"|dequeue_|__traceiter|hung_task|check_hung|warn_alloc|fault_create|should_fail|fail_dump"
    # stacks of ARM begin with these
    r"|unwind_backtrace|dump_backtrace|c_backtrace|walk_stack|return_address|profile_",
)

LOCKERS = re.compile(
    r"(?:_*flush_work(?:queue)?|start_flush_work|kthread_stop|lock_sock(?:_nested|_fast)?|_*(?:try_to_)?del_timer\w*"
    r"|_*timer_delete\w*)$"
)
"""Beside those, who takes a lock, or ends a thread, that is his caller's."""

STOPPERS = re.compile(r"kthread_stop$")
"""Beside those, who ends what belongs to his caller."""

WAITS = re.compile(
    r"(?:\w*_wait(?:_\w+)?|_*wait_\w+|\w+_lock(?:_interruptible|_killable|_nested)?"
    r"|__filemap_get_folio|truncate_inode_pages_range"
    r"|usb_(?:kill_urb|start_wait_urb|\w*control_msg|bulk_msg))$"
)
"""Beside those, whom a task that hangs waits in: it hangs for what his caller wants."""

ALLOCATORS = re.compile(r"\w*(?:alloc|dup|asprintf)\w*$")
"""Beside those, who gave out memory that leaks: his caller has lost it."""

_SUFFIX = re.compile(r"\.(?:constprop|isra|part|cold|lto_priv|llvm)\b.*$")

BOTTOM = re.compile(
    r"(?:kthread|ret_from_\w+|worker_thread|process_(?:one|scheduled)_works?|smpboot_thread_fn"
    r"|start_kernel|rest_init|secondary_start\w*|cpu_startup_entry|start_secondary|common_startup\w*"
    r"|x86_64_start\w*|kernel_init\w*|run_ksoftirqd|cpu_idle\w*)$"
)
"""What stands at the bottom of a stack: it tells who runs, not what it does."""

HELPERS = re.compile(rf"(?:{'|'.join(_HELPERS)})$")
"""Not to blame, whoever names them."""

FINDERS = re.compile(rf"(?:{'|'.join(_FINDERS)}|(?:{'|'.join(_HELPERS)})$)")
"""Not to blame where they stand in a call trace."""


def source_name(symbol: str) -> str:
    """Give the name that a function has in the source, without what the compiler appends."""
    return _SUFFIX.sub("", symbol)
