//! The real CNI plugins attach one more pod to a node's cbr0, as a kubelet would have them do it: it reaches all others, is
//! reached by them, and its cable, addresses and routes are those of netlab's own pods.

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use support::{World, in_each_mode, skip};

/// Where Debian's package containernetworking-plugins has them.
const PLUGINS: &str = "/usr/lib/cni";

/// The first address of the range that it is given.
const EXTRA: &str = "10.244.1.200";

/// What a node's `cni.conf` says with kubenet's settings; addresses from the end of the node's slice.
fn configuration(world: &World) -> String {
    let taken = world.temporary().join("ipam");
    let conf = serde_json::json!({
        "cniVersion": "0.4.0",
        "name": "netlab",
        "type": "bridge",
        "bridge": "cbr0",
        "isGateway": true,
        "ipMasq": false,
        "hairpinMode": true,
        "ipam": {
            "type": "host-local",
            "dataDir": taken,
            "ranges": [[{
                "subnet": "10.244.1.0/24",
                "rangeStart": EXTRA,
                "rangeEnd": "10.244.1.250",
                "gateway": "10.244.1.1",
            }]],
            "routes": [{ "dst": "0.0.0.0/0" }],
        },
    });
    world.file("cni.conf", &conf.to_string())
}

/// What is asked inside a pod.
const ASK_POD: &str = "ip -j -d link show dev eth0; echo; ip -j -4 addr show dev eth0; echo; ip -j route";

/// Runs on node1, with a place of its own for the names of namespaces: adds the pod `extra`, tells what it has, lets it ping
/// everybody.
fn script(world: &World) -> String {
    let conf = configuration(world);
    world.file(
        "add.sh",
        &format!(
            "set -e\nmount -t tmpfs none /run\nip netns add extra\n\
             export CNI_COMMAND=ADD CNI_CONTAINERID=extra CNI_NETNS=/run/netns/extra CNI_IFNAME=eth0 CNI_PATH={PLUGINS}\n\
             {PLUGINS}/bridge <{conf} >{result}\n\
             for pod in 10.244.1.1 10.244.1.2 10.244.1.3 10.244.2.1 10.244.2.2 10.244.2.3 192.168.66.12; do\n\
             ip netns exec extra ping -n -c 1 -W 5 $pod >&2\ndone\n\
             # Before Linux 6.8 a fresh cable may carry frames for a second before it says that it is up.\n\
             n=0; until [ \"$(ip netns exec extra ip -br link show eth0 | awk '{{print $2}}')\" = UP ] && \
             ! bridge link show | grep -q NO-CARRIER; do\n\
             n=$((n+1)); [ $n -lt 300 ] || {{ echo 'the cable is still down' >&2; exit 1; }}; sleep 0.1\ndone\n\
             ip netns exec extra sh -c '{ASK_POD}'\n\
             echo; bridge -j -d link show\n\
             # Let others ask as long as somebody listens.\n\
             echo; echo ready; cat >/dev/null\n",
            result = world.temporary().join("result.json").display()
        ),
    )
}

/// What a pod or a port has of its own; and what netlab does otherwise, with the reasons of docs/conventions.md: one queue each
/// way (time), no link-local addresses in a lab without IPv6, and the queue's length (a veth has no queue).
const OWN: [&str; 14] = [
    "address",
    "ifindex",
    "ifname",
    "inet6_addr_gen_mode",
    "link",
    "link_index",
    "link_netnsid",
    "local",
    "num_rx_queues",
    "num_tx_queues",
    "prefsrc",
    "protocol",
    "txqlen",
    "stats64",
];

fn alike(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let shared = object.iter().filter(|(key, _)| !OWN.contains(&key.as_str()));
            Value::Object(shared.map(|(key, value)| (key.clone(), alike(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(alike).collect()),
        other => other.clone(),
    }
}

/// A line of JSON a question.
fn answers<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Value> {
    let told = lines.filter(|line| !line.is_empty());
    told.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[test]
fn a_pod_of_the_cni_bridge_plugin_is_one_of_us() {
    const NAME: &str = "a_pod_of_the_cni_bridge_plugin_is_one_of_us";
    if !Path::new(PLUGINS).join("bridge").exists() {
        return skip(NAME, "containernetworking-plugins is not installed");
    }
    in_each_mode(NAME, |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let mut command = world.command(&["exec", "node1", "--", "unshare", "--mount", "sh", &script(world)]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut adding = command.spawn().expect("netlab");
        let lines = BufReader::new(adding.stdout.take().expect("a pipe")).lines();
        let lines: Vec<String> =
            lines.map(|line| line.expect("text")).take_while(|line| line != "ready").collect();
        let reached: Vec<_> = ["pod1", "pod2", "node1", "pod3", "pod4", "node2"]
            .into_iter()
            .filter(|from| world.netlab(&["ping", "-c1", from, EXTRA]).code == 0)
            .collect();
        drop(adding.stdin.take());
        let ended = adding.wait_with_output().expect("waiting");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{:?}: {said}", world.mode);
        assert_eq!(reached.len(), 6, "{:?}: only {reached:?} reach it", world.mode);

        let theirs = answers(lines.iter().map(String::as_str));
        let own = world.ok(&["exec", "pod1", "--", "sh", "-c", ASK_POD]);
        for (theirs, ours) in theirs.iter().zip(&answers(own.lines())) {
            assert_eq!(alike(theirs), alike(ours), "{:?}", world.mode);
        }
        let [.., ports] = theirs.as_slice() else { panic!("no ports: {theirs:?}") };
        let ports: Vec<Value> = ports.as_array().expect("ports").iter().map(alike).collect();
        assert_eq!(ports.len(), 3);
        assert!(ports.iter().all(|port| *port == ports[0]), "{:?}: {ports:#?}", world.mode);
    });
}
