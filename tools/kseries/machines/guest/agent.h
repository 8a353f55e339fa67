/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the agent's three files share: agent.c speaks with the host and runs programs; init.c is the
 * first program of a virtual machine, detached.c a program among others on a lab machine.
 */
#ifndef KSERIES_AGENT_H
#define KSERIES_AGENT_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#define STDIN_WINDOW (1 << 20)
#define FRAME_MAX (1 << 20)
#define OUTPUT_CHUNK (1 << 15)
/* What agent_wait() waits for beside its own. */
#define MORE_MAX 3

/* ---- of agent.c ---- */

/* Open what tells of the kernel, be told of children, clear the environment, say hello. */
void agent_begin(void);
/*
 * Wait until something is to be done, at most `timeout` ms (-1: for ever), and do it; `more` is
 * waited for, too, and left to the caller. `limited`: take no output of the program meanwhile.
 */
void agent_wait(struct pollfd *more, size_t count, int timeout, int limited);
/* Take bytes of the host as they come. */
void agent_take(const unsigned char *data, size_t len);
/* Whether a program runs. */
int agent_runs(void);

void put32(unsigned char *to, uint32_t value);

/* ---- of whoever it is linked with ---- */

/* Give up: nothing can be told any more. */
void fatal(const char *what) __attribute__((noreturn));
/* Have bytes reach the host, all and in this order. */
void send_all(const unsigned char *data, size_t len);
/* A program is about to start, or has ended (argv is NULL). */
void program_changes(const char *folder, char **argv);
/* Kill all processes but this one. */
void kill_all(void);
/* The host wants no more of us. */
void power_off(void);

#endif
