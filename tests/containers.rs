//! Containers share their pod's network, are started again by policy, and die without taking the pod with them.

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::{World, in_each_mode, lives, wait_until};

/// What `status` says of a container.
fn state(world: &World, lab: &str, name: &str) -> Value {
    let status: Value = serde_json::from_str(&world.ok(&["status", lab, "--format", "json"])).expect("JSON");
    let all = status["containers"].as_array().expect("containers").clone();
    all.into_iter().find(|container| container["name"] == name).expect("the container")
}

fn pid(world: &World, lab: &str, name: &str) -> Option<i32> {
    state(world, lab, name)["phase"]["pid"].as_i64().map(|pid| pid as i32)
}

#[test]
fn two_containers_share_one_address_and_localhost() {
    in_each_mode("two_containers_share_one_address_and_localhost", |world| {
        world.ok(&["up", &world.lab("sidecar.toml")]);
        let mut page = String::new();
        wait_until("both servers listen", || {
            let ran = world.netlab(&["exec", "client", "--", "netlab", "fetch", "http://web-pod:8080/"]);
            page = ran.stdout;
            ran.code == 0
        });
        // The sidecar reached the server by localhost.
        assert!(page.contains("hello from web-pod (127.0.0.1:80)"), "{page}");
        let direct = world.ok(&["exec", "client", "--", "netlab", "fetch", "http://web-pod/"]);
        assert!(direct.contains("hello from web-pod (10.244.1.2:80), you are 10.244.2.2:"), "{direct}");
        let log = world.ok(&["logs", "web-pod/proxy"]);
        assert!(log.contains("proxy: listening on port 8080"), "{log}");
        let error = world.fails(2, &["logs", "web-pod"]);
        assert!(error.contains("has 2 containers: name one, web-pod/web or web-pod/proxy"), "{error}");
        let error = world.fails(2, &["logs", "client"]);
        assert!(error.contains("`client` has no containers"), "{error}");
        let error = world.fails(2, &["logs", "web"]);
        assert!(error.contains("`web` is a container: did you mean `web-pod/web`?"), "{error}");
        let error = world.fails(2, &["logs", "web-pod/wbe"]);
        assert!(error.contains("no container `wbe`; it has: web, proxy"), "{error}");
    });
}

#[test]
fn a_container_that_dies_leaves_the_pod_and_its_address() {
    in_each_mode("a_container_that_dies_leaves_the_pod_and_its_address", |world| {
        world.ok(&["up", &world.lab("sidecar.toml")]);
        let first = pid(world, "sidecar", "web").expect("it runs");
        kill(Pid::from_raw(first), Signal::SIGKILL).expect("killing the container");
        world.ok(&["ping", "-c1", "client", "web-pod"]);
        wait_until("it is started again", || pid(world, "sidecar", "web").is_some_and(|pid| pid != first));
        wait_until("it answers again", || {
            world.netlab(&["exec", "client", "--", "netlab", "fetch", "http://web-pod/"]).code == 0
        });
        assert_eq!(state(world, "sidecar", "web")["restarts"], 1);
        assert!(world.ok(&["status", "sidecar"]).contains("restarted once"));
        let all: Vec<i32> = ["web", "proxy"].iter().filter_map(|name| pid(world, "sidecar", name)).collect();
        world.ok(&["down"]);
        assert!(!all.into_iter().any(lives), "containers outlived their lab");
    });
}

#[test]
fn restart_policies_and_failures_show_in_status_and_logs() {
    let file = r#"
        [[node]]
        name = "n1"
        pods = ["p1"]

        [[pod]]
        name = "p1"

        [[pod.container]]
        name = "once"
        command = ["sh", "-c", "echo out; echo err >&2; exit 3"]
        restart = "never"

        [[pod.container]]
        name = "stubborn"
        command = ["sh", "-c", "echo try; exit 1"]
        restart = "on-failure"

        [[pod.container]]
        name = "content"
        command = ["true"]
        restart = "on-failure"

        [[pod.container]]
        name = "nowhere"
        command = ["no-such-program"]
        restart = "never"

        [[pod.container]]
        name = "looks"
        command = ["sh", "-c", "echo $GREETING from $HOSTNAME; cat /proc/sys/kernel/hostname; ls -d /sys/class/net/eth*; grep p1 /etc/hosts; id -u"]
        env = { GREETING = "hello" }
        restart = "never"
    "#;
    in_each_mode("restart_policies_and_failures_show_in_status_and_logs", |world| {
        world.ok(&["up", &world.file("jobs.toml", file)]);
        let phase =
            |name: &str| state(world, "jobs", name)["phase"]["phase"].as_str().unwrap_or_default().to_owned();
        for name in ["once", "content", "nowhere", "looks"] {
            wait_until(&format!("{name} ends"), || phase(name) == "ended");
        }
        assert_eq!(state(world, "jobs", "once")["phase"]["ended"], "exit code 3");
        assert_eq!(world.ok(&["logs", "p1/once"]), "out\nerr\n");
        assert_eq!(state(world, "jobs", "nowhere")["phase"]["ended"], "exit code 127");
        let log = world.ok(&["logs", "p1/nowhere"]);
        assert!(log.contains("p1/nowhere: running `no-such-program`: No such file or directory"), "{log}");
        assert_eq!(
            world.ok(&["logs", "p1/looks"]),
            "hello from p1\np1\n/sys/class/net/eth0\n10.244.1.2\tp1\n0\n"
        );
        wait_until("the stubborn one has been started again", || {
            state(world, "jobs", "stubborn")["restarts"].as_u64() >= Some(2)
        });
        wait_until("each start is in its log", || {
            world.ok(&["logs", "p1/stubborn"]).starts_with("try\ntry\ntry\n")
        });
        let status = world.ok(&["status", "jobs"]);
        assert!(status.contains("ended, exit code 3"), "{status}");
    });
}
