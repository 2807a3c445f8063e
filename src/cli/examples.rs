//! What `--help` says below the options: commands to type, and what is good to know about them.

pub(super) const NETLAB: &str = "\
Begin with:
  netlab up labs/two-node.toml
  netlab ping pod1 pod4
  netlab down

Exit codes: 0 fine, 1 a probe or test failed, 2 usage or an invalid topology,
3 this machine cannot (privilege, kernel feature), 4 anything else.";

pub(super) const SCHEMA: &str = "\
Example:
  netlab schema > netlab.schema.json

With `#:schema ./netlab.schema.json` as its first line, a topology file is completed and
checked in every editor that uses Taplo, such as VS Code with Even Better TOML.";

pub(super) const UP: &str = "\
Examples:
  netlab up labs/two-node.toml
  netlab up -v labs/two-node.toml              with every step as the command that would do it
  netlab up --replace labs/two-node.toml       after a change to the file
  netlab up --timings labs/two-node.toml       with what each phase took
  netlab up --name other labs/two-node.toml    a second lab of the same topology

A lab that is up already, with the same topology, is left as it is. No root is needed
where the kernel allows user namespaces; each user sees only the labs of their own.";

pub(super) const DOWN: &str = "\
Examples:
  netlab down                the only lab there is
  netlab down two-node
  netlab down --all

A lab that is not running is down already: that is no error.";

pub(super) const STATUS: &str = "\
Examples:
  netlab status              all running labs
  netlab status two-node     its nodes, pods, addresses, pids and containers";

pub(super) const CHECK: &str = "\
Examples:
  netlab check labs/*.toml
  netlab check --format json labs/two-node.toml";

pub(super) const DOCTOR: &str = "\
Examples:
  netlab doctor                what works on this machine, and what to do about the rest
  netlab doctor labs/*.toml    whether these labs can run here, too
  netlab doctor --format json | jq .can_run

Everything is tried, in namespaces that are gone at once; as when a lab comes up, the kernel
may load a module for it. The exit code is 3 when labs, or those of the files, cannot run.";

pub(super) const PLAN: &str = "\
Examples:
  netlab plan labs/two-node.toml
  netlab plan --format json labs/two-node.toml

The commands, pasted into a root shell, make the same lab; `up` itself runs none of them.";

pub(super) const EXEC: &str = "\
Examples:
  netlab exec node1 -- ip route
  netlab exec pod1 -- cat /etc/hosts
  netlab exec fabric -- bridge link

The exit code is the command's own.";

pub(super) const SH: &str = "\
Examples:
  netlab sh pod1
  netlab sh                  then, for example: ip netns exec node2 ip neigh";

pub(super) const INSPECT: &str = "\
Examples:
  netlab inspect node1       eth0, cbr0 with the pods on its ports, routes, neighbours, FDB
  netlab inspect pod1
  netlab inspect fabric      the switches between the nodes";

pub(super) const IMPAIR: &str = "\
Examples:
  netlab impair set node2 delay=50ms rate=10mbit
  netlab impair show
  netlab impair clear node2";

pub(super) const IMPAIR_SET: &str = "\
Examples:
  netlab impair set node2 delay=50ms                both ways: 100 ms more for a round trip
  netlab impair set node2 loss=30%                  the delay stays
  netlab impair set pod1 rate=1mbit --direction out
  netlab impair set underlay delay=10ms jitter=2ms  every cable of the segment

Times are in us, ms or s, rates in bit, kbit, mbit or gbit in a second; loss, duplicate,
reorder and corrupt are shares of the frames in %. A rate alone needs tbf of the kernel,
everything else netem.";

pub(super) const IMPAIR_SHOW: &str = "\
Examples:
  netlab impair show                 whatever is impaired in the lab
  netlab impair show node2
  netlab impair show --format json

It is what the kernel does now, whoever asked for it: this command, the topology or `tc`.";

pub(super) const IMPAIR_CLEAR: &str = "\
Examples:
  netlab impair clear node2          everything
  netlab impair clear node2 loss     the delay stays

What is not impaired is clear already: that is no error.";

pub(super) const LINK: &str = "\
Examples:
  netlab link down node2
  netlab link up node2";

pub(super) const LINK_DOWN: &str = "\
Examples:
  netlab link down node2             its cable to the switch
  netlab link down pod1              its cable to cbr0
  netlab link down router1/eth0      one of several
  netlab link down internet          an external's cable to the fabric

The switch's end is turned off, so the other end has no carrier and keeps its addresses
and routes. A cable that is unplugged stays so: that is no error.";

pub(super) const LINK_UP: &str = "\
Examples:
  netlab link up node2
  netlab link up router1/eth0

When it returns, the cable carries frames again.";

pub(super) const LOGS: &str = "\
Examples:
  netlab logs web/server
  netlab logs web            where the pod has only one container
  netlab logs internet       what the server of an external has seen";

pub(super) const PING: &str = "\
Examples:
  netlab ping pod1 pod4
  netlab ping -c 1 node1 10.244.2.2
  netlab ping -M do -s 1472 pod1 pod4      the largest packet that an MTU of 1500 lets through

The exit code is 1 when nothing was answered.";

pub(super) const WALK: &str = "\
Examples:
  netlab walk pod1 pod4
  netlab walk pod1 pod4 tcp:80
  netlab walk -v pod1 10.244.2.3
  netlab walk --df -s 1472 pod1 pod4      where a large packet gets stuck

What stands at a step was captured there. What stands between two steps was asked from the
kernel afterwards. The exit code is 1 when no answer came back.";

pub(super) const TRACEROUTE: &str = "\
Examples:
  netlab traceroute pod1 pod4
  netlab traceroute -q 3 pod1 10.244.2.2

The exit code is 1 when the end was not reached.";

pub(super) const CAPTURE: &str = "\
Examples:
  netlab capture                               every frame of the lab, a line each
  netlab capture pod1 node1/cbr0 icmp          ICMP, at two of its places
  netlab capture node1/pod1                    the end of pod1's cable in node1
  netlab capture -c 4 node2 host pod4 and not arp
  netlab capture -w ping.pcapng --for 5s       all interfaces in one file
  netlab capture -w - | wireshark -k -i -      live

A filter has tcpdump's words: arp, icmp, icmp6, ip, ip6, tcp, udp, vxlan, geneve, gre, ipip,
wireguard; host NAME, net CIDR, port NUMBER, each also after src or dst; and, or, not and
parentheses (quote those for the shell). It looks into tunnels, but not at what ICMP errors
quote. Interfaces are not promiscuous: cbr0 shows what its node's IP stack gets and sends,
not what the bridge only switches. It ends with Ctrl-C, too, and says how many were lost.";

pub(super) const TEST: &str = "\
Examples:
  netlab test labs/*.toml
  netlab test --accept labs/two-node.toml      what is found becomes the snapshot
  netlab test --filter routed labs/*.toml      only the tests with `routed` in their name
  netlab test --junit report.xml labs/*.toml   as in CI
  netlab test two-node                         a lab that is up, as it stands

The first time there is no snapshot: look at snapshots/two-node.snap.new, and accept it.
Exit codes: 0 all pass, 1 something failed, 2 wrong files, 3 this machine cannot,
4 a lab could not be tested.";

pub(super) const MATRIX: &str = "\
Examples:
  netlab matrix
  netlab matrix pod1 pod4 node1
  netlab matrix --tcp 80
  netlab matrix --format markdown

The exit code is 1 when somebody could not be reached.";

pub(super) const COMPARE: &str = "\
Examples:
  netlab compare labs/two-node.toml
  netlab compare --data-path host-gw,vxlan labs/two-node.toml
  netlab compare --from pod2 --to node2 labs/two-node.toml
  netlab compare --format markdown labs/two-node.toml

The pair is two pods on two nodes, of two segments where there are several. Bytes, hops and
entries are the same on every run; times and rates hold for this machine, now, and where it
is busy they differ more by run than by data path. What this kernel lacks, or the topology
does not allow, is a row that says so. Exit codes: 0 measured, 1 something could not be
measured, 2 wrong file or names, 3 this machine can make none of the labs, 4 a lab did not
come up.";

pub(super) const GRAPH: &str = "\
Examples:
  netlab graph labs/two-node.toml
  netlab graph --format mermaid labs/two-node.toml
  netlab graph --format dot labs/two-node.toml | dot -Tsvg > two-node.svg";

pub(super) const EXPLAIN: &str = "\
Examples:
  netlab explain             all codes
  netlab explain NL018";

pub(super) const COMPLETIONS: &str = "\
Examples:
  netlab completions bash > ~/.local/share/bash-completion/completions/netlab
  netlab completions zsh > \"${fpath[1]}/_netlab\"
  netlab completions fish > ~/.config/fish/completions/netlab.fish";

pub(super) const SERVE: &str = "\
Example, in a topology file:
  command = [\"netlab\", \"serve\", \"http:80\", \"echo:7\"]";

pub(super) const FETCH: &str = "\
Examples:
  netlab exec pod1 -- netlab fetch http://pod4/
  netlab exec pod1 -- netlab fetch tcp://pod4:7";

pub(super) const WHY: &str = "\
Examples:
  netlab why pod1 pod4
  netlab why -6 pod1 node2";
