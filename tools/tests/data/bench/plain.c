// SPDX-License-Identifier: GPL-2.0
/* As plainly as data can be read from a socket; see counted.c. */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[256 << 10];

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(5201) };
	struct pollfd ready = { .events = POLLIN };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	ssize_t got;

	if (bind(listener, (void *)&address, sizeof(address)) || listen(listener, 1))
		return 1;
	ready.fd = accept(listener, 0, 0);
	if (ready.fd < 0)
		return 1;
	fcntl(ready.fd, F_SETFL, O_NONBLOCK);
	do {
		poll(&ready, 1, -1);
		do {
			got = read(ready.fd, buffer, sizeof(buffer));
		} while (got == sizeof(buffer));
	} while (got);
	return 0;
}
