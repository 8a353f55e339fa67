// SPDX-License-Identifier: GPL-2.0
/*
 * The agent on a machine under test: says hello and then runs the host's commands, one at a time.
 * kseries.machines.agent speaks the other end of this protocol. How bytes go to and fro is the
 * business of init.c (a virtual machine) and detached.c (a lab machine).
 *
 * A frame is one byte of type, four bytes of length (little endian), then the payload.
 *
 * From the host:
 *   R  run: strings that end in NUL: "0" or "1" (whether standard input follows), folder, number
 *      of variables, each NAME=value, then the arguments
 *   I  standard input; empty for its end
 *   K  kill all processes
 *   M  mark: a line for the kernel log
 *   P  ping
 *   Q  power off
 * To the host:
 *   H  hello: the kernel's release
 *   O  output of the program, both of its streams
 *   A  bytes of standard input that the program's pipe took (four bytes)
 *   X  the program ended: its wait status (four bytes)
 *   L  records of the kernel log, as /dev/kmsg gives them
 *   W  the mark was written, and all records up to it were sent: taint, warnings and Oopses, as the
 *      kernel counts them, in decimal with spaces between; "-" for what it does not count
 *   P  answer to a ping
 *
 * Tests are root here and can do what they like: hide /dev/kmsg behind a mount, switch the console
 * off. So all files that tell of the kernel are opened before the first of them runs, the records
 * are sent as they come, and the host knows by their numbers when some are missing.
 *
 * The host keeps at most STDIN_WINDOW bytes of standard input on the way, so that this end can
 * always hold them and is never too busy to read a K.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "processes.h"

#define HEADER 5
#define STRINGS_MAX 16384
/* What a pipe can hold: all that a program that has ended may have left in it. */
#define PIPE_SIZE (1 << 18)
/* The longest record that /dev/kmsg gives, and how many are looked at before a mark is given up. */
#define RECORD_MAX 8192
#define RECORDS_MAX 200000
#define LOG_BATCH 1000
/*
 * A program's (facility 1), for debugging (level 7): it reaches the console only as long as all that
 * the kernel says does.
 */
#define MARK_LEVEL "<15>"

static const char *const variables[] = {
	/* What a test has reported counts, also when it is killed. */
	"PYTHONUNBUFFERED=1",
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root",
	"LANG=C.UTF-8",
	"TERM=dumb",
};

static const char *const counters[] = {
	"/proc/sys/kernel/tainted",
	"/sys/kernel/warn_count",
	"/sys/kernel/oops_count",
};

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

struct agent {
	int signals;
	/* The kernel log, to write to and to read from, and what the kernel counts. */
	int log_in, log_out;
	int counter[COUNTERS];
	/* The frame that is coming in. */
	unsigned char in[HEADER + FRAME_MAX + 1];
	size_t in_len;
	/* The program; 0: none runs. Its wait status when it has ended, if it was killed also all else. */
	pid_t program;
	int killed, ended, status;
	int output;
	int input;
	/* Standard input that its pipe did not take yet. */
	unsigned char pending[STDIN_WINDOW];
	size_t pending_len;
	int input_ended;
};

static struct agent agent;

void put32(unsigned char *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = value >> (8 * i);
}

static uint32_t get32(const unsigned char *from)
{
	return from[0] | from[1] << 8 | from[2] << 16 | (uint32_t)from[3] << 24;
}

/* ---- preparing the system ---- */

static void open_witnesses(void)
{
	agent.log_in = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	agent.log_out = open("/dev/kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	for (size_t i = 0; i < COUNTERS; i++)
		agent.counter[i] = open(counters[i], O_RDONLY | O_CLOEXEC);
}

static void catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	agent.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (agent.signals < 0)
		fatal("signalfd");
}

/* ---- sending ---- */

static void send_frame(char type, const void *payload, uint32_t len)
{
	static unsigned char frame[HEADER + OUTPUT_CHUNK];

	frame[0] = type;
	put32(frame + 1, len);
	memcpy(frame + HEADER, payload, len);
	send_all(frame, HEADER + len);
}

static void send_number(char type, uint32_t value)
{
	unsigned char payload[4];

	put32(payload, value);
	send_frame(type, payload, sizeof(payload));
}

/* ---- what the kernel says ---- */

/*
 * Send the records of the kernel log that are there, at most `limit` of them; the last one is that
 * which ends in `mark`, if there is one. Nobody else's message has a mark's text.
 */
static void move_log(size_t limit, const char *mark)
{
	static char data[OUTPUT_CHUNK + 1];
	size_t len = 0;
	int found = 0;

	while (limit-- && !found) {
		ssize_t got;

		if (len > OUTPUT_CHUNK - RECORD_MAX) {
			send_frame('L', data, len);
			len = 0;
		}
		got = read(agent.log_out, data + len, RECORD_MAX);
		/* EPIPE: some were overwritten; the numbers of those that follow tell. */
		if (got < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (got <= 0)
			break;
		data[len + got] = 0;
		found = mark && strstr(data + len, mark);
		len += got;
	}
	if (len)
		send_frame('L', data, len);
}

static void send_counts(void)
{
	char text[COUNTERS * 32] = "";

	for (size_t i = 0; i < COUNTERS; i++) {
		char value[24] = "-";
		ssize_t len = pread(agent.counter[i], value, sizeof(value) - 1, 0);

		if (len > 0)
			value[strcspn(value, "\n")] = 0;
		else
			strcpy(value, "-");
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 value);
	}
	send_frame('W', text, strlen(text));
}

static void take_mark(const char *text)
{
	static char line[FRAME_MAX];
	int len = snprintf(line, sizeof(line), MARK_LEVEL "%s\n", text);

	/* One write is one record, whole with its newline. What it does not take, the host misses. */
	if (write(agent.log_in, line, len) != len)
		errno = 0;
	move_log(RECORDS_MAX, text);
	send_counts();
}

/* ---- the program ---- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Move output to the host; at most `limit` bytes, nothing when there is none. */
static void move_output(size_t limit)
{
	unsigned char data[OUTPUT_CHUNK];

	while (limit && agent.output >= 0) {
		size_t want = limit < sizeof(data) ? limit : sizeof(data);
		ssize_t len = read(agent.output, data, want);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return;
		if (len == 0) {
			close_fd(&agent.output);
			return;
		}
		send_frame('O', data, len);
		limit -= len;
	}
}

static void move_input(void)
{
	ssize_t done = 0;

	if (agent.input >= 0 && agent.pending_len)
		done = write(agent.input, agent.pending, agent.pending_len);
	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (done < 0 || agent.input < 0) {
		/* Nobody reads it any more. */
		done = agent.pending_len;
		close_fd(&agent.input);
	}
	if (done) {
		agent.pending_len -= done;
		memmove(agent.pending, agent.pending + done, agent.pending_len);
		send_number('A', done);
	}
	if (!agent.pending_len && agent.input_ended)
		close_fd(&agent.input);
}

static void exec_program(const char *folder, char **argv, int in, int out)
{
	sigset_t none;

	setsid();
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	if (chdir(folder)) {
		dprintf(STDERR_FILENO, "cannot change into %s: %s\n", folder, strerror(errno));
		_exit(126);
	}
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void start_program(int with_input, const char *folder, char **env, size_t env_count,
			  char **argv)
{
	int out[2], in[2] = { -1, -1 };

	if (pipe2(out, O_CLOEXEC))
		fatal("pipe");
	fcntl(out[1], F_SETPIPE_SZ, PIPE_SIZE);
	if (with_input ? pipe2(in, O_CLOEXEC)
		       : (in[0] = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
		fatal("standard input");
	program_changes(folder, argv);
	agent.program = fork();
	if (agent.program < 0)
		fatal("fork");
	if (agent.program == 0) {
		for (size_t i = 0; i < env_count; i++)
			putenv(env[i]);
		exec_program(folder, argv, in[0], out[1]);
	}
	close(out[1]);
	close(in[0]);
	agent.killed = agent.ended = 0;
	agent.output = out[0];
	agent.input = in[1];
	agent.pending_len = 0;
	agent.input_ended = 0;
	fcntl(agent.output, F_SETFL, O_NONBLOCK);
	if (agent.input >= 0)
		fcntl(agent.input, F_SETFL, O_NONBLOCK);
}

static void end_program(void)
{
	/* What it left running may still write: take only what is there by now. */
	move_output(PIPE_SIZE);
	close_fd(&agent.output);
	close_fd(&agent.input);
	agent.program = 0;
	send_number('X', agent.status);
	program_changes(NULL, NULL);
}

static void reap(void)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(agent.signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != agent.program)
			continue;
		agent.ended = 1;
		agent.status = status;
	}
	/* What was killed and is still there hangs in the kernel: then the program has no end. */
	if (agent.program && agent.ended && !(agent.killed && signal_descendants(0)))
		end_program();
}

/* ---- the host's frames ---- */

static void take_run(unsigned char *payload, size_t len)
{
	static char *strings[STRINGS_MAX + 1];
	size_t count = 0, env_count;

	for (size_t at = 0; at < len && count < STRINGS_MAX;) {
		strings[count] = (char *)payload + at;
		at += strlen(strings[count++]) + 1;
	}
	strings[count] = NULL;
	if (agent.program || count < 4)
		return;
	env_count = strtoul(strings[2], NULL, 10);
	if (env_count >= count - 3)
		return;
	start_program(strings[0][0] == '1', strings[1], strings + 3, env_count,
		      strings + 3 + env_count);
}

static void take_input(const unsigned char *payload, size_t len)
{
	if (!len)
		agent.input_ended = 1;
	if (len > sizeof(agent.pending) - agent.pending_len)
		len = sizeof(agent.pending) - agent.pending_len;
	memcpy(agent.pending + agent.pending_len, payload, len);
	agent.pending_len += len;
	move_input();
}

static void take_frame(char type, unsigned char *payload, size_t len)
{
	switch (type) {
	case 'R':
		take_run(payload, len);
		break;
	case 'I':
		take_input(payload, len);
		break;
	case 'K':
		agent.killed = 1;
		if (agent.program)
			kill_all();
		break;
	case 'M':
		take_mark((const char *)payload);
		break;
	case 'P':
		send_frame('P', "", 0);
		break;
	case 'Q':
		power_off();
		break;
	}
}

/* ---- for whoever it is linked with ---- */

void agent_take(const unsigned char *data, size_t len)
{
	while (len) {
		size_t room = sizeof(agent.in) - 1 - agent.in_len, part = len < room ? len : room;
		size_t at = 0;

		memcpy(agent.in + agent.in_len, data, part);
		agent.in_len += part;
		data += part;
		len -= part;
		while (agent.in_len - at >= HEADER) {
			unsigned char *frame = agent.in + at;
			size_t payload = get32(frame + 1);
			unsigned char after;

			if (payload > FRAME_MAX) {
				errno = EPROTO;
				fatal("frame of the host");
			}
			if (agent.in_len - at < HEADER + payload)
				break;
			/* Strings end in NUL whatever came; the buffer has room for one more byte. */
			after = frame[HEADER + payload];
			frame[HEADER + payload] = 0;
			take_frame(frame[0], frame + HEADER, payload);
			frame[HEADER + payload] = after;
			at += HEADER + payload;
		}
		agent.in_len -= at;
		memmove(agent.in, agent.in + at, agent.in_len);
	}
}

int agent_runs(void)
{
	return agent.program != 0;
}

void agent_wait(struct pollfd *more, size_t count, int timeout, int limited)
{
	struct pollfd fds[4 + MORE_MAX] = {
		{ .fd = agent.signals, .events = POLLIN },
		{ .fd = limited ? -1 : agent.output, .events = POLLIN },
		{ .fd = agent.pending_len ? agent.input : -1, .events = POLLOUT },
		{ .fd = agent.log_out, .events = POLLIN },
	};

	memcpy(fds + 4, more, count * sizeof(*more));
	if (poll(fds, 4 + count, timeout) < 0)
		return;
	memcpy(more, fds + 4, count * sizeof(*more));
	if (fds[3].revents)
		move_log(LOG_BATCH, NULL);
	if (fds[1].revents)
		move_output(OUTPUT_CHUNK);
	if (fds[2].revents)
		move_input();
	if (fds[0].revents)
		reap();
}

void agent_begin(void)
{
	struct utsname name;

	agent.output = -1;
	agent.input = -1;
	open_witnesses();
	clearenv();
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		putenv((char *)variables[i]);
	catch_signals();
	uname(&name);
	send_frame('H', name.release, strlen(name.release));
}
