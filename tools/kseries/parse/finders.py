# SPDX-License-Identifier: GPL-2.0
"""Functions that found a fault, or stand below every fault: they do not have it.

Each set is made of rows: names, and above them where the kernel has them. docs/parse.md tells what
is passed over; tests/data/klogs/functions.txt has a function for each name.
"""

from __future__ import annotations

from kseries.parse.functions import Functions

HELPERS = Functions(
    # mm/kasan/, mm/kcsan/, mm/kmsan/, mm/kfence/, kernel/kcov.c, lib/ubsan.c
    "kasan_* kcsan_* kmsan_* kfence_* asan_* hwasan_* msan_* tsan_* ubsan_* sanitizer_*",
    "check_memory_region* check_region_inline write_comp_data end_report poison_slab_object",
    # lib/string.c, include/linux/fortify-string.h
    "memcpy* memset* memmove* memcmp* memchr* memscan* pi_memcpy* pi_memset* pi_memmove*",
    "strlen* strnlen* strcpy* strncpy* strlcpy* strscpy* sized_strscpy* strcat* strncat*",
    "strlcat* strcmp* strncmp* strcasecmp* strncasecmp* strchr* strstr* read_word_at_a_time",
    "fortify_*",
    # lib/usercopy.c, lib/iov_iter.c, mm/usercopy.c, mm/maccess.c, arch/*/lib/
    "copy_to_user* copy_from_user* copy_in_user* copy_to_iter* copy_from_iter* copy_user*",
    "copy_mc* arch_copy_* raw_copy_* copy_to_kernel* copy_from_kernel* copyin copyout copy_page",
    "copy_page_rep clear_user* rep_movs* rep_stos* get_user_1 get_user_2 get_user_4 get_user_8",
    "get_user_nocheck_* put_user_1 put_user_2 put_user_4 put_user_8 put_user_nocheck_*",
    "csum_partial* usercopy_* check_object_size check_heap_object",
    # lib/refcount.c, lib/kobject.c, lib/ref_tracker.c, lib/list_debug.c, lib/debugobjects.c
    "refcount_* kref_get* kref_put* ref_tracker_* kobject_get kobject_put kobject_cleanup",
    "kobject_get_path kobject_set_name* kobject_uevent* add_uevent_var device_release",
    "put_device list_add* list_del* list_move* hlist_add* hlist_del* debug_object*",
    "debug_print_object debug_check_no_obj* timer_is_static_object work_is_static_object",
    "init_timer_key",
    # lib/percpu_counter.c, lib/rbtree.c, lib/idr.c, lib/xarray.c, kernel/rcu/srcutree.c, fs/inode.c
    "percpu_counter_init* rb_first* rb_last* rb_next* rb_prev* rb_erase* rb_insert* ida_free",
    "ida_alloc* xas_* cleanup_srcu_struct drop_nlink *_drop_nlink iput",
    # lib/plist.c, drivers/base/core.c, drivers/base/power/runtime.c: who walks lists
    "plist_add plist_del device_for_each_child* pm_runtime_set_memalloc_noio",
    # include/linux/atomic/, include/asm-generic/bitops/
    "atomic_read* atomic_set* atomic_add* atomic_sub* atomic_inc* atomic_dec* atomic_and*",
    "atomic_or* atomic_xor* atomic_xchg* atomic_cmpxchg* atomic_try_* atomic_fetch_*",
    "atomic_long_* atomic64_* arch_atomic* raw_atomic* generic_atomic* instrument_* test_bit*",
    "set_bit* clear_bit* change_bit* test_and_* arch_test_* arch_set_bit* arch_clear_bit*",
    "generic_test_bit",
    # kernel/locking/, include/linux/seqlock.h, kernel/softirq.c
    "raw_spin_* spin_bug spin_dump rwlock_bug *spin_lock* *spin_unlock* *spin_trylock*",
    "*read_lock* *read_unlock* *read_trylock* *write_lock* *write_unlock* *write_trylock*",
    "mutex_lock* mutex_unlock* mutex_trylock* ww_mutex_* rt_mutex_* debug_rt_mutex_*",
    "local_lock* local_unlock* rwsem_* *down_read* *down_write* *up_read* *up_write*",
    "down_trylock down_killable down_interruptible down_timeout osq_lock osq_unlock",
    "local_bh_enable* local_bh_disable*",
    # kernel/locking/lockdep.c
    "lock_acquire* lock_release* lock_contended lock_is_held* register_lock_class",
    "assign_lock_key look_up_lock_class lockdep_* *_lockdep_* hlock_class check_wait_context",
    # mm/slub.c, mm/page_alloc.c, mm/vmalloc.c, mm/util.c: who frees, or asks for memory
    "kfree* kvfree* kzfree* vfree kmem_cache_free* kmem_cache_alloc* kmem_cache_zalloc*",
    "kmem_cache_create* memcg_slab_free_hook kmem_cache_release kmalloc kmalloc_node*",
    "kmalloc_trace* kmalloc_track_caller* kmalloc_large* kmalloc_order* kmalloc_array",
    "kmalloc_slab kmalloc_reserve kmalloc_cache* kzalloc kzalloc_* kvmalloc* kvzalloc*",
    "slab_alloc* slab_*_alloc_* free_large_kmalloc alloc_pages* alloc_frozen_pages* vmalloc_*",
    "prepare_alloc_pages krealloc krealloc_array krealloc_node* memdup_user* vmemdup_user*",
    "fs_reclaim_* might_fault might_alloc* might_sleep* might_resched*",
    # lib/vsprintf.c, lib/hexdump.c, kernel/printk/, drivers/base/core.c, kernel/audit.c
    "sprintf snprintf scnprintf vsprintf vsnprintf vscnprintf kasprintf* kvasprintf* va_format",
    "pointer *string* hex_dump_to_buffer print_hex_dump* *printk* dev_emerg dev_alert dev_crit",
    "dev_err dev_warn dev_notice dev_info",
    # lib/logic_pio.c, lib/crc*.c, lib/nlattr.c
    "logic_in* logic_out* crc7* crc8* crc16* crc32* crc64* crc_* nla_str* nla_mem*",
    # kernel/workqueue.c, kernel/kthread.c, kernel/sched/: what they work on is their caller's
    "destroy_workqueue queue_work *_queue_work queue_work_on queue_delayed_work",
    "*_queue_delayed_work queue_delayed_work_on queue_rcu_work cancel_work* try_to_grab_pending",
    "work_grab_pending kthread_stop wake_up* swake_up* complete complete_all finish_wait",
    # drivers/usb/core/: who sends what his caller wants sent
    "*usb_submit_urb usb_kill_* usb_poison_* usb_start_wait_urb usb_*control_msg* usb_bulk_msg",
    "usb_interrupt_msg",
    # net/core/skbuff.c, fs/btrfs/messages.c, fs/xfs/xfs_message.c, fs/reiserfs/prints.c
    "skb_panic skb_over_panic skb_under_panic reiserfs_panic assfail *assertfail",
    # fs/proc/generic.c, mm/slab_common.c, block/genhd.c: who registers what is there already
    "proc_register proc_create* proc_mkdir* sysfs_slab_add create_cache device_add_disk",
    # kernel/panic.c, lib/bug.c, include/trace/, lib/dump_stack.c: the way from the fault to the log
    "warn warn_* report_bug handle_bug die die_* check_panic_on_warn stack_chk_fail dump_stack*",
    "dump_backtrace* dump_trace* dump_page* dump_cpu_task show_stack* show_trace* show_regs*",
    "unwind_* kunwind_* arch_stack_walk walk_stackframe stack_trace_* stack_access_ok nmi_*",
    "trigger_*_backtrace arch_trigger_*_backtrace perf_trace_* trace_event_raw_event_*",
    # arch/x86/lib/retpoline.S: the way to a function; its padding, which nobody runs
    "x86_indirect_* x86_return_thunk pfx_*",
    # arch/arm64/mm/fault.c: warns of faults that it cannot explain
    "do_kernel_fault",
    # kernel/sched/idle.c, drivers/cpuidle/
    "safe_halt *_safe_halt cpu_idle* cpu_do_idle arch_cpu_idle* default_idle*",
    "default_do_nothing mwait_idle* intel_idle* acpi_idle* do_idle poll_idle cpuidle_*",
    # kernel/smp.c, lib/delay.c: waits for other processors, and for time
    "generic_exec_single smp_call_function* on_each_cpu* csd_lock* cpu_relax delay delay_*",
    "udelay const_udelay",
)
"""Checkers, and helpers whose arguments come from their caller: not blamed, whoever names them."""

_ABOVE = (
    # mm/kasan/report.c, kernel/panic.c, kernel/printk/, kernel/locking/lockdep.c
    "print_* console_unlock console_flush_all panic* vpanic* lock_downgrade* lock_set_*",
    "lock_page lock_task_* lock_timer_* mark_lock* mark_usage* mark_held_locks",
    "validate_chain* check_noncircular* check_prev_add* check_prevs_add*",
    "check_irq* check_usage* check_deadlock* check_flags* check_preemption*",
    "check_object* check_slab_allocation check_bytes* object_err* check_hung* should_fail*",
    "fail_dump*",
    # lib/smp_processor_id.c, kernel/locking/: checks that others ask for
    "debug_smp_processor_id this_cpu_preempt_check debug_check_no_locks_* debug_mutex_*",
    "debug_show_*",
    # kernel/sched/, kernel/time/: waits
    "schedule schedule_bug schedule_debug schedule_timeout* schedule_hrtimeout* schedule_idle",
    "schedule_preempt_disabled schedule_loop sched_text_start io_schedule* *preempt_schedule*",
    "switch_to* context_switch cond_resched* msleep* usleep* do_nanosleep wait_for_*",
    "do_wait_for_* wait_on_bit* bit_wait* out_of_line_wait* dequeue_task* dequeue_entit*",
    "sched_show* jbd2_log_wait* folio_wait_* folio_lock* mutex_* down down_common*",
    "percpu_rwsem_wait* rtlock_* flush_work flush_workqueue start_flush_work cancel_*work_sync",
    "del_timer* try_to_del_timer* timer_delete_sync",
    # kernel/rcu/, kernel/watchdog.c
    "rcu_lock_* rcu_core* rcu_do_batch* rcu_check_* rcu_sched_* rcu_pending* rcu_dump_*",
    "rcu_note_* rcu_irq_* rcu_nmi_* rcu_preempt_* rcu_is_* rcu_gp_* rcu_free_* rcu_exp_*",
    "rcu_report_* rcu_eqs_* rcu_dynticks_* rcu_process_* rcu_work_* call_rcu* watchdog",
    "watchdog_timer_fn watchdog_hardlockup_* watchdog_overflow_callback",
    # mm/: allocations and frees
    "kmemdup* kstrdup* kstrndup* cache_grow_begin cache_alloc_* cache_free* fallback_alloc",
    "new_slab* allocate_slab* alloc_slab* do_slab* do_kmalloc* do_kmem_cache* slab_*",
    "get_free_page* alloc_page alloc_page_* vmalloc vzalloc* get_zeroed_page* folio_alloc*",
    "filemap_alloc_folio* vma_alloc_folio* get_page_from_freelist post_alloc_hook",
    "prep_new_page qlist_free* quarantine_* free_to_partial* bad_page* folio_put* put_page*",
    "release_pages free_page_is_bad* free_unref* free_pages_* free_pages free_frozen_pages",
    "save_stack* stack_depot* set_track* getname kmemleak_* bitmap_weight*",
    # kernel/trace/, kernel/sched/core.c
    "ftrace_* preempt_count_* traceiter_* profile_tick sysfs_warn_dup",
    # interrupts: kernel/irq/, kernel/time/, arch/*/kernel/
    "common_interrupt asm_common* asm_exc_* asm_sysvec* sysvec* exc_* irqentry_* irq_enter*",
    "irq_work_run* apic_timer* smp_apic* hrtimer_interrupt* hrtimer_run* tick_*",
    "update_process_times local_apic* handle_irq_event* note_interrupt report_bad_irq",
    "handle_*_irq generic_handle* arch_timer_handler* gic_handle* call_on_irq*",
    "do_interrupt_handler* riscv_intc* ack_bad* interrupt_entry interrupt_return",
    "do_work_pending restore_all*",
    # exceptions: arch/*/mm/fault.c, arch/*/kernel/traps.c, arch/*/kernel/entry*.S
    "do_page_fault do_user_addr_fault do_kern_addr_fault do_translation_fault do_mem_abort",
    "do_sea do_bad_area do_trap* do_invalid_op do_error_trap do_general_protection do_int3*",
    "do_undefinstr do_alignment_fault do_DataAbort do_PrefetchAbort do_sp_pc_abort",
    "do_user_fault bad_area* no_context page_fault page_fault_oops",
    "general_protection invalid_op error_entry double_fault kernelmode_fixup* fixup_exception",
    "handle_page_fault* handle_kernel_fault bus_error pgm_* do_protection_exception",
    "do_dat_exception do_pgm_check monitor_event* program_check* dabt_* irq_svc irq_usr und_*",
    "pabt_* vector_* bad_mode* arm64_notify* arm64_serror* do_serror brk_handler",
    "call_break_hook bug_handler bug_brk* do_debug_exception invalid_fault* do_ri handle_ri*",
    "handle_bp* do_bp handle_tlb* tlb_do_page* handle_exception data_access_common*",
    "instruction_access* hash__do* do_hash*",
    # system calls
    "entry_SYS* entry_INT* do_syscall* x64_sys_call ret_from_* invoke_syscall syscall_*",
    "system_call* ret_fast* el0_* el0t_* el1_* el1h_* el1t_* do_el0*",
    # arch/arm/kernel/: stacks begin with these
    "c_backtrace return_address",
)

FINDERS = Functions(*HELPERS.names, *_ABOVE)
"""Those, and what stands in a call trace above the function that has the fault."""

BOTTOM = Functions(
    # kernel/kthread.c, kernel/workqueue.c, kernel/smpboot.c, kernel/softirq.c, init/main.c
    "kthread ret_from_* worker_thread process_one_work process_scheduled_works",
    "smpboot_thread_fn start_kernel rest_init secondary_start* cpu_startup_entry",
    "start_secondary common_startup* x86_64_start* kernel_init* run_ksoftirqd cpu_idle*",
)
"""What stands at the bottom of a stack: it tells who runs, not what it does."""
