#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes of a batch: larger ones gain nothing, and a socket's send buffer has 208 KiB by default. */
#define ROOM 65536
/* No message here is longer. */
#define LONGEST 512
#define MTU 1500

static _Alignas(NLMSG_ALIGNTO) char batch[ROOM];
static size_t used;
static struct nlmsghdr *last;
static int current = -1;

_Noreturn void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(1);
}

int netlink_open(void)
{
	int connection = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (connection < 0)
		die("opening a netlink socket");
	return connection;
}

void netlink_use(int connection)
{
	if (connection != current)
		netlink_flush();
	current = connection;
}

void netlink_flush(void)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char request[LONGEST];
	} answer;

	if (!last)
		return;
	last->nlmsg_flags |= NLM_F_ACK;
	last->nlmsg_seq = 1;
	if (send(current, batch, used, 0) != (ssize_t)used)
		die("sending to netlink");
	if (recv(current, &answer, sizeof answer, 0) < (ssize_t)(sizeof answer.header + sizeof answer.error))
		die("hearing from netlink");
	errno = answer.header.nlmsg_seq == 1 ? -answer.error.error : EPROTO;
	if (answer.error.error)
		errno = -answer.error.error;
	if (errno) {
		fprintf(stderr, "floor: a message of type %u\n", answer.error.msg.nlmsg_type);
		die("netlink refused");
	}
	used = 0;
	last = NULL;
}

/* Begins a message: its header, and the header of its kind. */
static void begin(int type, int flags, const void *header, size_t size)
{
	if (used + LONGEST > ROOM)
		netlink_flush();
	last = (struct nlmsghdr *)(batch + used);
	memset(last, 0, LONGEST);
	last->nlmsg_type = type;
	last->nlmsg_flags = NLM_F_REQUEST | flags;
	last->nlmsg_len = NLMSG_LENGTH(size);
	memcpy(NLMSG_DATA(last), header, size);
}

/* Adds an attribute to the message. */
static struct rtattr *put(int type, const void *value, size_t size)
{
	struct rtattr *attribute = (struct rtattr *)((char *)last + NLMSG_ALIGN(last->nlmsg_len));
	attribute->rta_type = type;
	attribute->rta_len = RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(attribute), value, size);
	last->nlmsg_len = NLMSG_ALIGN(last->nlmsg_len) + RTA_ALIGN(attribute->rta_len);
	return attribute;
}

static void put_u8(int type, uint8_t value)
{
	put(type, &value, sizeof value);
}

static void put_u16(int type, uint16_t value)
{
	put(type, &value, sizeof value);
}

static void put_u32(int type, uint32_t value)
{
	put(type, &value, sizeof value);
}

static void put_text(int type, const char *text)
{
	put(type, text, strlen(text) + 1);
}

/* Ends an attribute that has others in it. */
static void close_nest(struct rtattr *nest)
{
	nest->rta_len = (char *)last + last->nlmsg_len - (char *)nest;
}

/* Ends a message. */
static void end(void)
{
	used += NLMSG_ALIGN(last->nlmsg_len);
}

static void begin_link(int flags, int index, int is_up)
{
	struct ifinfomsg link = { .ifi_index = index };
	if (is_up)
		link.ifi_flags = link.ifi_change = IFF_UP;
	begin(RTM_NEWLINK, flags, &link, sizeof link);
}

void put_bridge(const char *name, int index, struct mac mac)
{
	begin_link(NLM_F_CREATE | NLM_F_EXCL, index, 1);
	put_text(IFLA_IFNAME, name);
	put(IFLA_ADDRESS, &mac, sizeof mac);
	put_u32(IFLA_MTU, MTU);
	struct rtattr *info = put(IFLA_LINKINFO, NULL, 0);
	put_text(IFLA_INFO_KIND, "bridge");
	struct rtattr *data = put(IFLA_INFO_DATA, NULL, 0);
	put_u32(IFLA_BR_STP_STATE, 0);
	put_u32(IFLA_BR_FORWARD_DELAY, 0);
	put_u8(IFLA_BR_MCAST_SNOOPING, 0);
	put_u16(IFLA_BR_VLAN_DEFAULT_PVID, 0);
	close_nest(data);
	close_nest(info);
	end();
}

/* What both ends of a cable have. One queue each way: the default follows the number of processors. */
static void put_end(const struct end *end)
{
	put_text(IFLA_IFNAME, end->name);
	put(IFLA_ADDRESS, &end->mac, sizeof end->mac);
	put_u32(IFLA_MTU, MTU);
	put_u32(IFLA_NUM_TX_QUEUES, 1);
	put_u32(IFLA_NUM_RX_QUEUES, 1);
}

void put_veth(const struct end *near, int bridge, const struct end *far, int far_pid)
{
	struct ifinfomsg peer = { .ifi_index = far->index };

	begin_link(NLM_F_CREATE | NLM_F_EXCL, near->index, 1);
	put_end(near);
	put_u32(IFLA_MASTER, bridge);
	struct rtattr *info = put(IFLA_LINKINFO, NULL, 0);
	put_text(IFLA_INFO_KIND, "veth");
	struct rtattr *data = put(IFLA_INFO_DATA, NULL, 0);
	struct rtattr *inner = put(VETH_INFO_PEER, &peer, sizeof peer);
	put_end(far);
	put_u32(IFLA_NET_NS_PID, far_pid);
	close_nest(inner);
	close_nest(data);
	close_nest(info);
	end();
}

void put_hairpin(int index)
{
	begin_link(0, index, 0);
	struct rtattr *info = put(IFLA_LINKINFO, NULL, 0);
	put_text(IFLA_INFO_SLAVE_KIND, "bridge");
	struct rtattr *data = put(IFLA_INFO_SLAVE_DATA, NULL, 0);
	put_u8(IFLA_BRPORT_MODE, 1);
	close_nest(data);
	close_nest(info);
	end();
}

void put_up(int index)
{
	begin_link(0, index, 1);
	end();
}

void put_address(int index, ipv4 address, int prefix)
{
	struct ifaddrmsg header = { .ifa_family = AF_INET, .ifa_prefixlen = prefix, .ifa_index = index };
	ipv4 broadcast = address | htonl(0xffffffffu >> prefix);

	begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
	put(IFA_LOCAL, &address, sizeof address);
	put(IFA_ADDRESS, &address, sizeof address);
	put(IFA_BROADCAST, &broadcast, sizeof broadcast);
	end();
}

void put_route(int index, ipv4 to, int prefix, ipv4 via)
{
	struct rtmsg header = {
		.rtm_family = AF_INET, .rtm_dst_len = prefix, .rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC, .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST,
	};

	begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
	if (prefix)
		put(RTA_DST, &to, sizeof to);
	put(RTA_GATEWAY, &via, sizeof via);
	put_u32(RTA_OIF, index);
	end();
}

void put_neighbour(int index, ipv4 address, struct mac mac)
{
	struct ndmsg header = { .ndm_family = AF_INET, .ndm_ifindex = index, .ndm_state = NUD_PERMANENT };

	begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
	put(NDA_DST, &address, sizeof address);
	put(NDA_LLADDR, &mac, sizeof mac);
	end();
}

int can_send(int connection, const char *name)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GLINK };
	struct ifreq request = { .ifr_data = (void *)&value };

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(connection, SIOCETHTOOL, &request) < 0)
		die("asking for link state");
	return value.data != 0;
}
