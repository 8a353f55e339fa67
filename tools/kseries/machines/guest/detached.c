// SPDX-License-Identifier: GPL-2.0
/*
 * The agent (agent.c) as a program among others, on a lab machine that is reached over ssh.
 *
 *   agent serve FOLDER LEASE     Begin a session, in the background. It is on its own: whoever
 *                                started it may go. All that it has for the host goes into
 *                                FOLDER/journal, which is on the disk before a program starts, when
 *                                it ends, and each second. FOLDER/running says which program runs.
 *                                After LEASE seconds without a host the machine is reset, and
 *                                likewise by its watchdog when it hangs (LEASE 0: by neither).
 *   agent attach FOLDER OFFSET   Connect standard input and output with a session: first a line,
 *                                "kseries-agent up BOOT TAKEN", then the journal from OFFSET on, as
 *                                it grows. TAKEN: how many bytes of the host the session has.
 *                                Where no session lives: "kseries-agent gone BOOT 0", and what is
 *                                there of the journal. BOOT: the running kernel's boot id.
 *   agent reset                  Reset the machine at once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/watchdog.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "processes.h"

#define TICK_MS 1000
#define WATCHDOG_S 60
#define SYNC_TRIES 100
/* So much may wait for a host; then the program waits, too. */
#define UNSENT_MAX (64 << 20)
/* What was sent this far back may still get lost on its way; the disk forgets what is older. */
#define KEPT (32 << 20)
#define CHUNK (1 << 16)

static struct {
	char folder[PATH_MAX / 2];
	int journal, listener, host, watchdog;
	off_t size, sent, forgotten;
	uint64_t taken;
	int unsynced;
	long lease_s;
	time_t seen; /* a host, on the monotonic clock */
} session = { .journal = -1, .listener = -1, .host = -1, .watchdog = -1 };

void fatal(const char *what)
{
	fprintf(stderr, "kseries agent: %s: %s\n", what, strerror(errno));
	exit(1);
}

static time_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec;
}

static const char *place(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", session.folder, name);
	return path;
}

static void write_all(int fd, const void *data, size_t len)
{
	while (len) {
		ssize_t done = write(fd, data, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			fatal("write");
		data = (const char *)data + done;
		len -= done;
	}
}

/* ---- what agent.c wants ---- */

void send_all(const unsigned char *data, size_t len)
{
	write_all(session.journal, data, len);
	session.size += len;
	session.unsynced = 1;
}

static void sync_journal(void)
{
	if (session.unsynced)
		fdatasync(session.journal);
	session.unsynced = 0;
}

static void sync_folder(void)
{
	int fd = open(session.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		fsync(fd);
	close(fd);
}

void program_changes(const char *folder, char **argv)
{
	char text[4096];
	int fd;

	sync_journal();
	if (!argv) {
		unlink(place("running"));
		sync_folder();
		return;
	}
	snprintf(text, sizeof(text), "cd %s &&", folder);
	for (; *argv; argv++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", *argv);
	fd = open(place("running"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		fatal("running");
	write_all(fd, text, strlen(text));
	write_all(fd, "\n", 1);
	fsync(fd);
	close(fd);
	sync_folder();
}

void kill_all(void)
{
	const struct timespec pause_time = { .tv_nsec = 10 * 1000 * 1000 };

	/* What lost its parent became ours (subreaper), so nobody gets away. They may fork meanwhile. */
	for (int tries = 0; tries < 200 && signal_descendants(SIGKILL); tries++)
		nanosleep(&pause_time, NULL);
}

void power_off(void)
{
	kill_all();
	sync_journal();
	unlink(place("socket"));
	if (session.watchdog >= 0)
		write(session.watchdog, "V", 1);
	exit(0);
}

/* ---- the host ---- */

static void leave_host(void)
{
	close(session.host);
	session.host = -1;
}

static int move(int fd, void *data, size_t len, int out)
{
	for (size_t at = 0; at < len;) {
		ssize_t done = out ? write(fd, (char *)data + at, len - at) :
				     read(fd, (char *)data + at, len - at);

		if (done <= 0)
			return 0;
		at += done;
	}
	return 1;
}

/* A newer host takes the place of an older one, whose connection may be dead for long. */
static void greet_host(void)
{
	const struct timeval limit = { .tv_sec = 5 };
	uint64_t offset;
	int fd = accept4(session.listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (!move(fd, &offset, sizeof(offset), 0) ||
	    !move(fd, &session.taken, sizeof(session.taken), 1) ||
	    offset > (uint64_t)session.size) {
		close(fd);
		return;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (session.host >= 0)
		leave_host();
	session.host = fd;
	session.sent = offset;
}

static void hear_host(void)
{
	static unsigned char data[CHUNK];
	ssize_t len = read(session.host, data, sizeof(data));

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		leave_host();
		return;
	}
	session.taken += len;
	agent_take(data, len);
}

static void tell_host(void)
{
	static char data[CHUNK];
	ssize_t len = pread(session.journal, data, sizeof(data), session.sent);

	len = len > 0 ? write(session.host, data, len) : 0;
	if (len > 0)
		session.sent += len;
	else if (len < 0 && errno != EAGAIN && errno != EINTR)
		leave_host();
	if (session.sent - KEPT - session.forgotten > KEPT) {
		session.forgotten = session.sent - KEPT;
		fallocate(session.journal, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			  session.forgotten);
	}
}

/* ---- a session ---- */

/* What hangs in the kernel may keep the disk from us, but not the reset. */
static void reset(void)
{
	const struct timespec pause_time = { .tv_nsec = 100 * 1000 * 1000 };
	pid_t child = fork();

	if (child == 0) {
		sync();
		_exit(0);
	}
	for (int tries = 0; child > 0 && tries < SYNC_TRIES && !waitpid(child, NULL, WNOHANG); tries++)
		nanosleep(&pause_time, NULL);
	reboot(RB_AUTOBOOT);
	fatal("reset");
}

static void tick(void)
{
	sync_journal();
	if (session.watchdog >= 0)
		write(session.watchdog, "1", 1);
	if (session.host >= 0)
		session.seen = now();
	if (session.lease_s && now() - session.seen > session.lease_s) {
		kill_all();
		sync_journal();
		reset();
	}
}

static void serve(void)
{
	for (time_t ticked = 0;;) {
		int limited = session.size - session.sent > UNSENT_MAX;
		int behind = session.host >= 0 && session.sent < session.size;
		struct pollfd more[] = {
			{ .fd = session.listener, .events = POLLIN },
			{ .fd = session.host, .events = POLLIN | (behind ? POLLOUT : 0) },
		};

		agent_wait(more, 2, TICK_MS, limited);
		if (session.host >= 0 && more[1].revents & POLLOUT)
			tell_host();
		if (session.host >= 0 && more[1].revents & (POLLIN | POLLHUP | POLLERR))
			hear_host();
		if (more[0].revents)
			greet_host();
		if (now() != ticked)
			tick();
		ticked = now();
	}
}

static struct sockaddr_un address(void)
{
	struct sockaddr_un made = { .sun_family = AF_UNIX };

	snprintf(made.sun_path, sizeof(made.sun_path), "%.100s", place("socket"));
	return made;
}

static void open_session(void)
{
	struct sockaddr_un at = address();
	int log = open(place("agent.log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	session.journal =
		open(place("journal"), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (session.journal < 0 || log < 0)
		fatal("journal");
	session.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (session.listener < 0 || bind(session.listener, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(session.listener, 4))
		fatal("socket");
	sync_folder();
	/* Whoever has started us must not wait for us, and may go. */
	switch (fork()) {
	case -1:
		fatal("fork");
	case 0:
		break;
	default:
		_exit(0);
	}
	setsid();
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
}

/* Of what came by ssh nothing is to end us: neither its limits nor the end of its session. */
static void stand_alone(void)
{
	int fd = session.lease_s ? open("/sys/fs/cgroup/cgroup.procs", O_WRONLY | O_CLOEXEC) : -1;

	if (fd >= 0)
		write(fd, "0", 1);
	close(fd);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	umask(022);
	chdir("/");
}

static void arm_watchdog(void)
{
	int seconds = WATCHDOG_S;

	if (session.lease_s)
		session.watchdog = open("/dev/watchdog", O_WRONLY | O_CLOEXEC);
	if (session.watchdog >= 0)
		ioctl(session.watchdog, WDIOC_SETTIMEOUT, &seconds);
}

/* ---- whoever attaches ---- */

static void say(const char *state, uint64_t number)
{
	char boot[64] = "-\n";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, boot, sizeof(boot) - 1) < 0)
		strcpy(boot, "-\n");
	close(fd);
	boot[strcspn(boot, "\n")] = 0;
	dprintf(STDOUT_FILENO, "\nkseries-agent %s %s %llu\n", state, boot,
		(unsigned long long)number);
}

static int attach_to_nobody(off_t offset)
{
	static char data[CHUNK];
	ssize_t len;
	int fd = open(place("journal"), O_RDONLY | O_CLOEXEC);

	say("gone", 0);
	while (fd >= 0 && (len = pread(fd, data, sizeof(data), offset)) > 0) {
		write_all(STDOUT_FILENO, data, len);
		offset += len;
	}
	return 0;
}

static int attach(uint64_t offset)
{
	static char data[CHUNK];
	struct sockaddr_un at = address();
	struct pollfd fds[] = { { .events = POLLIN }, { .events = POLLIN } };
	int ways[][2] = { { STDIN_FILENO, 0 }, { 0, STDOUT_FILENO } };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t taken;

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    !move(fd, &offset, sizeof(offset), 1) || !move(fd, &taken, sizeof(taken), 0))
		return attach_to_nobody(offset);
	say("up", taken);
	ways[0][1] = ways[1][0] = fd;
	fds[0].fd = STDIN_FILENO;
	fds[1].fd = fd;
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			return 1;
		for (int i = 0; i < 2; i++) {
			ssize_t len = fds[i].revents ? read(ways[i][0], data, sizeof(data)) : 1;

			if (len <= 0)
				return 0;
			if (fds[i].revents)
				write_all(ways[i][1], data, len);
		}
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "reset"))
		reset();
	if (argc != 4) {
		fprintf(stderr, "usage: agent serve FOLDER LEASE | attach FOLDER OFFSET | reset\n");
		return 2;
	}
	snprintf(session.folder, sizeof(session.folder), "%s", argv[2]);
	if (!strcmp(argv[1], "attach"))
		return attach(strtoull(argv[3], NULL, 10));
	session.lease_s = strtol(argv[3], NULL, 10);
	session.seen = now();
	open_session();
	stand_alone();
	arm_watchdog();
	agent_begin();
	serve();
}
