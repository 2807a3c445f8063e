/*
 * Route netlink by hand: messages are put one after another into a batch, and a batch is one datagram.
 *
 * Only the last message of a batch asks for an acknowledgement. The kernel works a datagram off in order, inside `send`,
 * and reports every refusal, asked or not: if the first thing to read is the last message's "done", everything was done.
 */
#ifndef FLOOR_NETLINK_H
#define FLOOR_NETLINK_H

#include <stdint.h>

/* An address in network byte order. */
typedef uint32_t ipv4;

/* An Ethernet address. */
struct mac {
	uint8_t byte[6];
};

/* One end of a cable. */
struct end {
	const char *name;
	int index;
	struct mac mac;
};

/* Ends the program because `what` failed, for the reason in `errno`. */
_Noreturn void die(const char *what);

/* Opens a connection to the network namespace that the caller is in. */
int netlink_open(void);

/* Sends what was put for another connection; what is put from here on is for this one. */
void netlink_use(int connection);

/* Sends what was put, and waits until it was done. */
void netlink_flush(void);

/* The operations: each puts one message into the batch. */
void put_bridge(const char *name, int index, struct mac mac);
void put_veth(const struct end *near, int bridge, const struct end *far, int far_pid);
void put_hairpin(int index);
void put_up(int index);
void put_address(int index, ipv4 address, int prefix);
void put_route(int index, ipv4 to, int prefix, ipv4 via);
void put_neighbour(int index, ipv4 address, struct mac mac);

/* Has the kernel work the link state of an interface off now, and says whether it can send. */
int can_send(int connection, const char *name);

#endif
