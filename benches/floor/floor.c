/*
 * What the kernel itself needs for a lab of netlab's.
 *
 *     floor NODES PODS [--rootless]
 *
 * makes the end state that `netlab up` makes for
 *
 *     [[node]]
 *     name = "n"
 *     count = NODES
 *     pods = PODS
 *
 * says `ready`, holds it until standard input ends, takes it down, and ends when no process of it is left. Nothing is
 * parsed, planned, recorded or reported: what this program takes, no other can save.
 *
 *     floor NODES PODS [--rootless] --detach
 *     floor --down PID
 *
 * do the same as two commands, as netlab does it: the first prints `ready PID` and ends while the lab stays, the second
 * ends it.
 *
 * tests/floor.rs holds the end state against netlab's, namespace by namespace.
 */
#define _GNU_SOURCE
#include "lab.h"
#include "netlink.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int nodes, pods;

static void write_file(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0 || write(file, text, strlen(text)) < 0)
		die(path);
	close(file);
}

/* The first process of the lab: builds it, says so, and waits for its end. */
static _Noreturn void hold(int rootless, int uid, int gid)
{
	char map[32];
	struct rlimit files;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "floor-holder");
	if (rootless) {
		write_file("/proc/self/setgroups", "deny");
		sprintf(map, "0 %d 1\n", uid);
		write_file("/proc/self/uid_map", map);
		sprintf(map, "0 %d 1\n", gid);
		write_file("/proc/self/gid_map", map);
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
	    || mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		die("mounts");
	if (sethostname("lab", 3) < 0)
		die("a hostname");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	build_lab(nodes, pods);
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		die("saying so");
	for (;;)
		pause();
}

/* Starts the lab in namespaces of its own. */
static int start(int rootless)
{
	int namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
	int uid = getuid(), gid = getgid();
	int pid = syscall(SYS_clone, namespaces | (rootless ? CLONE_NEWUSER : 0) | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid < 0)
		die("new namespaces for the lab");
	if (pid == 0)
		hold(rootless, uid, gid);
	return pid;
}

/* Waits for the end of the lab's first process: the kernel lets it go when all others have gone. */
static int finish(int pid)
{
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		die("waiting for the lab's end");
	return 0;
}

/* Holds the lab until standard input ends. */
static int attached(int rootless)
{
	char nothing[64];
	int holder = start(rootless);

	while (read(STDIN_FILENO, nothing, sizeof nothing) > 0)
		;
	return finish(holder);
}

/* The lab's keeper: ends the lab when it is told to, and when the lab fails. */
static _Noreturn void keep(int rootless, int says)
{
	sigset_t signals;

	setsid();
	dup2(says, STDOUT_FILENO);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	int holder = start(rootless);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(says);
	sigwaitinfo(&signals, NULL);
	_exit(finish(holder));
}

/* Makes a lab that stays when this process ends. */
static int detached(int rootless)
{
	char word[6];
	int said[2];

	if (pipe2(said, O_CLOEXEC) < 0)
		die("a pipe");
	int keeper = fork();
	if (keeper < 0)
		die("starting a keeper");
	if (keeper == 0)
		keep(rootless, said[1]);
	close(said[1]);
	if (read(said[0], word, sizeof word) != sizeof word)
		return 1;
	printf("ready %d\n", keeper);
	return 0;
}

/* Ends a detached lab. */
static int down(int keeper)
{
	struct pollfd end = { .fd = syscall(SYS_pidfd_open, keeper, 0), .events = POLLIN };

	if (end.fd < 0 || syscall(SYS_pidfd_send_signal, end.fd, SIGTERM, NULL, 0) < 0 || poll(&end, 1, -1) < 0)
		die("ending a lab");
	return 0;
}

int main(int count, char **words)
{
	int rootless = 0, detach = 0;

	if (count == 3 && strcmp(words[1], "--down") == 0)
		return down(atoi(words[2]));
	for (int i = 3; i < count; i++) {
		rootless |= strcmp(words[i], "--rootless") == 0;
		detach |= strcmp(words[i], "--detach") == 0;
	}
	nodes = count > 2 ? atoi(words[1]) : 0;
	pods = count > 2 ? atoi(words[2]) : -1;
	if (nodes < 1 || nodes > MOST_NODES || pods < 0 || pods > MOST_PODS) {
		fputs("floor NODES PODS [--rootless] [--detach], or floor --down PID\n", stderr);
		return 2;
	}
	return detach ? detached(rootless) : attached(rootless);
}
