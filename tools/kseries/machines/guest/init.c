// SPDX-License-Identifier: GPL-2.0
/*
 * The first program of a virtual machine: prepares the system, then serves the host on a
 * virtio-serial port (agent.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

#define PORT "/dev/vport0p1"

static const struct {
	const char *type, *place, *options;
} mounts[] = {
	{ "proc", "/proc", NULL },
	{ "sysfs", "/sys", NULL },
	{ "devtmpfs", "/dev", NULL },
	{ "devpts", "/dev/pts", "ptmxmode=0666,mode=0620,gid=5" },
	{ "tmpfs", "/dev/shm", "mode=1777" },
	{ "mqueue", "/dev/mqueue", NULL },
	{ "tmpfs", "/run", "mode=0755" },
	{ "tmpfs", "/run/lock", "mode=1777" },
	{ "tmpfs", "/tmp", "mode=1777" },
	{ "cgroup2", "/sys/fs/cgroup", NULL },
	{ "bpf", "/sys/fs/bpf", NULL },
	{ "debugfs", "/sys/kernel/debug", NULL },
	{ "tracefs", "/sys/kernel/tracing", NULL },
	{ "securityfs", "/sys/kernel/security", NULL },
	{ "configfs", "/sys/kernel/config", NULL },
};

static const struct {
	const char *target, *link;
} links[] = {
	{ "/proc/self/fd", "/dev/fd" },
	{ "fd/0", "/dev/stdin" },
	{ "fd/1", "/dev/stdout" },
	{ "fd/2", "/dev/stderr" },
};

static int port = -1;

/* As init we must not exit: the message of the panic would hide ours. */
void fatal(const char *what)
{
	fprintf(stderr, "kseries agent: %s: %s\n", what, strerror(errno));
	fflush(stderr);
	sync();
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static void prepare_files(void)
{
	umask(0);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		/* A kernel without it has no such folder, or no such file system: no matter. */
		mkdir(mounts[i].place, 0755);
		mount(mounts[i].type, mounts[i].place, mounts[i].type, 0, mounts[i].options);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		symlink(links[i].target, links[i].link);
	umask(022);
}

static void prepare_network(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}

static void open_port(void)
{
	const struct timespec pause_time = { .tv_nsec = 5 * 1000 * 1000 };

	/* The kernel makes the port from a work queue: it may come after us. */
	for (int tries = 0; tries < 2000; tries++) {
		port = open(PORT, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (port >= 0)
			return;
		nanosleep(&pause_time, NULL);
	}
	fatal("no control channel " PORT);
}

void send_all(const unsigned char *data, size_t len)
{
	while (len) {
		ssize_t done = write(port, data, len);
		struct pollfd wait = { .fd = port, .events = POLLOUT };

		if (done > 0) {
			data += done;
			len -= done;
		} else if (done < 0 && errno == EAGAIN) {
			poll(&wait, 1, -1);
		} else if (done < 0 && errno != EINTR) {
			fatal("write to the host");
		}
	}
}

void program_changes(const char *folder, char **argv)
{
	(void)folder;
	(void)argv;
}

void kill_all(void)
{
	/* From init this reaches every process but init itself. */
	kill(-1, SIGKILL);
}

void power_off(void)
{
	kill(-1, SIGTERM);
	sync();
	/* A reset ends QEMU (-no-reboot) without any help of ACPI. */
	reboot(RB_AUTOBOOT);
}

int main(void)
{
	static unsigned char data[1 << 16];

	prepare_files();
	prepare_network();
	sethostname("kseries", strlen("kseries"));
	open_port();
	agent_begin();
	for (;;) {
		struct pollfd host = { .fd = port, .events = POLLIN };
		ssize_t len;

		agent_wait(&host, 1, -1, 0);
		len = host.revents ? read(port, data, sizeof(data)) : 0;
		if (len > 0)
			agent_take(data, len);
	}
}
