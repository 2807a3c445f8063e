/*
 * The lab itself: what `netlab plan` prints for NODES nodes with PODS pods each, and nothing else.
 */
#define _GNU_SOURCE
#include "lab.h"
#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Interface indexes, as src/plan/link.rs has them. */
#define LO 1
#define POD_ETH0 12
#define ETH0 20
#define CBR0 21
#define SWITCH 100
#define FIRST_VETH 1000
#define FIRST_PLUG 10000
/* Every subnet is a /24. */
#define PREFIX 24
/* Half of the kernel's default `gc_thresh3`: more entries than that are given, not learnt (src/model/neighbours.rs). */
#define LEARNT 512
/* Namespaces that one procfs serves before its look-ups get slow. */
#define SERVES 64
/* A page is enough for two system calls; one mapping has many. */
#define STACK 4096
#define SLAB 256

static int nodes, pods;
/* Whether pods and gateways, and nodes among themselves, are told of each other; and pods of one node too. */
static int gateways_known, pods_known;

static ipv4 node_address(int node)
{
	/* 192.168.66.11 to .254, then what is left below. */
	int host = node < 244 ? 11 + node : node - 243;
	return htonl(0xc0a84200u + host);
}

/* The slice of a node is 10.244.(node + 1).0; host 1 of it is cbr0, host 2 the first pod. */
static ipv4 slice_address(int node, int host)
{
	return htonl(0x0af40000u + ((node + 1) << 8) + host);
}

static struct mac mac_of_ip(ipv4 address)
{
	struct mac mac = { { 0x0a, 0x58 } };
	memcpy(mac.byte + 2, &address, sizeof address);
	return mac;
}

static struct mac mac_of_port(int bridge, int port)
{
	return (struct mac) { { 0x06, 0x58, bridge >> 8, bridge, port >> 8, port } };
}

/* `veth` and the FNV-1a hash of the pod's name. The kernel refuses the second of two names with one hash. */
static void veth_name(char *name, const char *pod)
{
	uint32_t hash = 0x811c9dc5;
	while (*pod)
		hash = (hash ^ (uint8_t)*pod++) * 0x01000193;
	sprintf(name, "veth%08x", hash);
}

/* A procfs that is mounted nowhere: the first ones to use it find it fast. */
static int fresh_procfs(void)
{
	int context = syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
	if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		die("a procfs");
	int root = syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
	if (root < 0)
		die("mounting a procfs");
	close(context);
	return root;
}

static int procfs = -1;

/* Writes a setting of the namespace that the caller is in. A kernel without bridge netfilter or IPv6 lacks some. */
static void set(const char *path, const char *value)
{
	int file = openat(procfs, path, O_WRONLY | O_CLOEXEC);
	if (file < 0 && errno == ENOENT)
		return;
	if (file < 0 || write(file, value, 1) != 1)
		die(path);
	close(file);
}

static void set_no_link_local(void)
{
	set("sys/net/ipv6/conf/default/addr_gen_mode", "1");
}

static void set_no_bridge_netfilter(void)
{
	set("sys/net/bridge/bridge-nf-call-iptables", "0");
	set("sys/net/bridge/bridge-nf-call-ip6tables", "0");
	set("sys/net/bridge/bridge-nf-call-arptables", "0");
}

/* The life of a pause process, which shares its parent's memory, `errno` included: nothing here fails. */
static int pause_for_ever(void *nothing)
{
	(void)nothing;
	prctl(PR_SET_NAME, "pause");
	for (;;)
		ppoll(NULL, 0, NULL, NULL);
	return 0;
}

static int start_pause(void)
{
	static char *stack;
	static int left;
	if (!left) {
		stack = mmap(NULL, STACK * SLAB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (stack == MAP_FAILED)
			die("stacks");
		left = SLAB;
	}
	left--;
	stack += STACK;
	int pid = clone(pause_for_ever, stack, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, NULL);
	if (pid < 0)
		die("starting a pause");
	return pid;
}

/* A namespace with its pause, and a connection to it. */
struct place {
	int connection;
	int pid;
};

static void count_namespace(void)
{
	static int served;
	if (served++ % SERVES == 0) {
		close(procfs);
		procfs = fresh_procfs();
	}
}

/* Moves the caller into new namespaces. */
static struct place enter_new(const char *name)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC) < 0)
		die("new namespaces");
	if (sethostname(name, strlen(name)) < 0)
		die("a hostname");
	count_namespace();
	return (struct place) { .pid = start_pause(), .connection = netlink_open() };
}

static int make_fabric(void)
{
	count_namespace();
	set_no_link_local();
	set_no_bridge_netfilter();
	int connection = netlink_open();
	netlink_use(connection);
	put_up(LO);
	put_bridge("underlay", SWITCH, mac_of_port(0, SWITCH));
	netlink_flush();
	return connection;
}

static struct place make_node(int fabric, int node, const char *name)
{
	struct place here = enter_new(name);
	set("sys/net/ipv4/ip_forward", "1");
	set("sys/net/ipv4/icmp_ratemask", "0");
	set_no_bridge_netfilter();
	set("sys/net/ipv4/conf/all/rp_filter", "0");
	set("sys/net/ipv4/conf/default/rp_filter", "0");
	set_no_link_local();
	netlink_use(fabric);
	int plug = FIRST_PLUG + node;
	put_veth(&(struct end) { name, plug, mac_of_port(0, plug) }, SWITCH,
		&(struct end) { "eth0", ETH0, mac_of_ip(node_address(node)) }, here.pid);
	netlink_use(here.connection);
	put_up(LO);
	put_up(ETH0);
	put_address(ETH0, node_address(node), PREFIX);
	put_bridge("cbr0", CBR0, mac_of_ip(slice_address(node, 1)));
	put_address(CBR0, slice_address(node, 1), PREFIX);
	for (int other = 0; other < nodes; other++)
		if (other != node)
			put_route(ETH0, slice_address(other, 0), PREFIX, node_address(other));
	for (int other = 0; gateways_known && other < nodes; other++)
		if (other != node)
			put_neighbour(ETH0, node_address(other), mac_of_ip(node_address(other)));
	netlink_flush();
	return here;
}

/* Makes a pod of a node. `veth` is where the name of its cable's near end goes. */
static struct place make_pod(int node_connection, int node, int pod, const char *name, char *veth)
{
	struct place here = enter_new(name);
	ipv4 own = slice_address(node, 2 + pod), gateway = slice_address(node, 1);
	int near = FIRST_VETH + pod;

	set("sys/net/ipv4/ip_forward", "0");
	set_no_link_local();
	veth_name(veth, name);
	netlink_use(node_connection);
	put_veth(&(struct end) { veth, near, mac_of_port(node + 1, near) }, CBR0,
		&(struct end) { "eth0", POD_ETH0, mac_of_ip(own) }, here.pid);
	put_hairpin(near);
	if (gateways_known)
		put_neighbour(CBR0, own, mac_of_ip(own));
	netlink_use(here.connection);
	put_up(LO);
	put_up(POD_ETH0);
	put_address(POD_ETH0, own, PREFIX);
	put_route(POD_ETH0, 0, 0, gateway);
	if (gateways_known)
		put_neighbour(POD_ETH0, gateway, mac_of_ip(gateway));
	for (int other = 0; pods_known && other < pods; other++) {
		ipv4 address = slice_address(node, 2 + other);
		if (other != pod)
			put_neighbour(POD_ETH0, address, mac_of_ip(address));
	}
	netlink_flush();
	return here;
}

/* Waits until an interface can send: at once since Linux 6.8, within a second before. */
static void settle(int connection, const char *name)
{
	while (!can_send(connection, name))
		nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
}

static void choose_neighbours(void)
{
	int among_nodes = 2 * nodes * pods + nodes * (nodes - 1);
	int among_pods = nodes * pods * (pods - 1);
	gateways_known = among_nodes + among_pods > LEARNT;
	pods_known = among_pods > LEARNT;
}

void build_lab(int of_nodes, int of_pods)
{
	char name[64], pod_name[96], veth[16];
	static const struct { const char *path; int flag; } own[] = {
		{ "/proc/self/ns/net", CLONE_NEWNET }, { "/proc/self/ns/uts", CLONE_NEWUTS }, { "/proc/self/ns/ipc", CLONE_NEWIPC },
	};
	int home[3];

	for (int i = 0; i < 3; i++)
		if ((home[i] = open(own[i].path, O_RDONLY | O_CLOEXEC)) < 0)
			die(own[i].path);
	nodes = of_nodes;
	pods = of_pods;
	choose_neighbours();
	int fabric = make_fabric();
	for (int node = 0; node < nodes; node++) {
		sprintf(name, "n%d", node + 1);
		struct place here = make_node(fabric, node, name);
		settle(fabric, name);
		settle(here.connection, "eth0");
		for (int pod = 0; pod < pods; pod++) {
			sprintf(pod_name, "%s-pod%d", name, pod + 1);
			struct place there = make_pod(here.connection, node, pod, pod_name, veth);
			settle(here.connection, veth);
			settle(there.connection, "eth0");
			close(there.connection);
		}
		if (pods > 0)
			settle(here.connection, "cbr0");
		close(here.connection);
	}
	settle(fabric, "underlay");
	close(fabric);
	close(procfs);
	for (int i = 0; i < 3; i++) {
		if (setns(home[i], own[i].flag) < 0)
			die("going back");
		close(home[i]);
	}
}
