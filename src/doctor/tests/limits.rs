//! What labs take of each limit, and where one is too low for them.

use super::*;
use crate::model::{DataPath, Lab};
use crate::plan::{Kind, Op, Plan, plan};

fn lab(text: &str) -> Lab {
    crate::parse(text, "lab").unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// One of each kind of thing: two segments, a router, an external, containers of each policy, a slow pod.
const OF_ALL: &str = r#"
    [cluster]
    pod_cidr = ["10.244.0.0/16", "fd00:244::/56"]
    data_path = "vxlan"
    [[segment]]
    name = "a"
    [[segment]]
    name = "b"
    [[router]]
    name = "r"
    segments = ["a", "b"]
    [[external]]
    name = "internet"
    [[node]]
    name = "n"
    segment = "a"
    count = 3
    pods = 2
    [[node]]
    name = "m"
    segment = "b"
    pods = ["slow"]
    [[pod]]
    name = "slow"
    impair = { rate = "1mbit" }
    [[pod.container]]
    name = "always"
    command = ["netlab", "serve", "http:80"]
    [[pod.container]]
    name = "once"
    command = ["true"]
    restart = "never"
"#;

/// Labs of many shapes, each on every data path that it can be on.
fn labs() -> Vec<Lab> {
    let plain = |more: &str| format!("{more}\n[[node]]\nname = \"n\"\ncount = 12\npods = 3\n");
    let shapes = [
        OF_ALL.to_owned(),
        "[[node]]\nname = \"n\"\n".to_owned(),
        "[[node]]\nname = \"n\"\ncount = 30\n".to_owned(),
        plain(""),
        plain("[cluster]\nneighbours = \"static\""),
        plain("[cluster]\nneighbours = \"learn\"\n[[external]]\nname = \"internet\""),
        "[[node]]\nname = \"n\"\ncount = 3\npods = 80\n".to_owned(),
        "[cluster]\ndata_path = \"cloud\"\n[[node]]\nname = \"n\"\npods = 2\nsource_dest_check = true\n"
            .to_owned(),
    ];
    let all = |text: &String| DataPath::ALL.map(|path| crate::parse_with(text, "lab", Some(path)).ok());
    shapes.iter().flat_map(all).flatten().collect()
}

/// Connections that `kernel/build.rs` keeps to the end: it has no further use for those of most pods.
fn kept(plan: &Plan) -> u64 {
    let kept = |(here, namespace): &(usize, &crate::plan::Namespace)| {
        namespace.kind != Kind::Pod || plan.last.iter().any(|step| step.run_in == *here)
    };
    let keys = plan.namespaces.iter().flat_map(|namespace| &namespace.steps).flat_map(|step| &step.ops);
    let keys = keys.filter(|op| matches!(op, Op::Wireguard(_))).count();
    let ends_in_a_pod = plan.namespaces.last().is_some_and(|last| last.kind == Kind::Pod);
    let kept = plan.namespaces.iter().enumerate().filter(kept).count();
    (kept + plan.filtering().len() + keys + usize::from(ends_in_a_pod)) as u64
}

#[test]
fn what_a_lab_takes_is_what_its_plan_makes() {
    let labs = labs();
    assert!(labs.len() > 40, "only {}", labs.len());
    for lab in labs {
        let (takes, plan) = (Takes::of(&lab), plan(&lab));
        let about = format!("{} {:?}, {} nodes", lab.data_path.word(), lab.neighbours, lab.nodes.len());
        assert_eq!(takes.namespaces, plan.namespaces.len() as u64, "{about}");
        assert_eq!(takes.descriptors, 16 + kept(&plan), "{about}");
        let steps = plan.namespaces.iter().flat_map(|namespace| &namespace.steps);
        let entries = steps
            .flat_map(|step| &step.ops)
            .filter(|op| matches!(op, Op::Route(_) | Op::Neighbour { .. } | Op::Fdb { .. }));
        // Memory is about namespaces, and about entries where they are many.
        let kib = takes.namespaces * 320 + entries.count() as u64 * 5 / 8;
        assert!(
            takes.memory.abs_diff(kib / 1024) <= kib / 1024 / 5 + 1,
            "{about}: {} and {kib} KiB",
            takes.memory
        );
    }
}

#[test]
fn processes_are_pauses_the_holder_its_keeper_and_containers_that_go_on() {
    let lab = lab(OF_ALL);
    let takes = Takes::of(&lab);
    // The fabric, a router, an external, four nodes, seven pods.
    assert_eq!(takes.namespaces, 1 + 1 + 1 + 4 + 7);
    // The holder is the fabric's; then the keeper, what serves at the external, and one of the two containers.
    assert_eq!(takes.processes, takes.namespaces + 1 + 1 + 1);
}

/// A lab and how much it takes of a limit.
fn taken(limit: Limit) -> (Lab, u64) {
    let lab = lab("[[node]]\nname = \"b\"\ncount = 20\npods = 10\n");
    let number = match limit.serves() {
        Serves::Labs => 1,
        Serves::Nodes => 16 + 21 + 1,
        Serves::Namespaces => match limit {
            Limit::NetNamespaces | Limit::UtsNamespaces | Limit::IpcNamespaces => 221,
            _ => 222,
        },
        _ => panic!("{limit:?}"),
    };
    (lab, number)
}

const COUNTED: [Limit; 11] = [
    Limit::NetNamespaces,
    Limit::UtsNamespaces,
    Limit::IpcNamespaces,
    Limit::UserNamespaces,
    Limit::PidNamespaces,
    Limit::MountNamespaces,
    Limit::PidMax,
    Limit::Threads,
    Limit::Processes,
    Limit::Files,
    Limit::CgroupPids,
];

#[test]
fn exactly_enough_is_enough_and_one_less_is_not() {
    for limit in COUNTED {
        let (lab, needed) = taken(limit);
        let takes = Takes::of(&lab);
        for used in [None, Some(0), Some(1000)] {
            let mut reading =
                Reading { used, ..Reading::new(limit, Value::Number(needed + used.unwrap_or(0))) };
            assert_eq!(obstacles(&takes, [&reading]), [], "{reading:?}");
            reading.value = Value::Number(needed + used.unwrap_or(0) - 1);
            let [found] = &obstacles(&takes, [&reading])[..] else { panic!("{reading:?}") };
            assert_eq!((found.needed, found.left, found.gravity), (needed, needed - 1, Gravity::Refused));
            let said = found.said_of("lab `x`");
            let begins = format!(
                "lab `x` needs {needed} {}, but {} leaves {}: ",
                found.unit(),
                limit.name(),
                needed - 1
            );
            assert!(said.starts_with(&begins) && said.matches('`').count() >= 4, "{said}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_in_nobodys_way() {
    let takes = Takes::of(&lab("[[node]]\nname = \"b\"\ncount = 100\npods = 100\n"));
    for limit in Limit::ALL {
        for value in [Value::Unknown, Value::Unlimited] {
            let reading = Reading { used: Some(1_000_000), ..Reading::new(limit, value) };
            assert_eq!(obstacles(&takes, [&reading]), [], "{reading:?}");
        }
    }
}

/// The number after the last `=` or `echo ` of the first command in backticks.
fn number_in(remedy: &str) -> u64 {
    let command = remedy.split('`').nth(1).expect("a command");
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let after = command.rsplit_once('=').or_else(|| command.split_once("echo ")).expect("a number").1;
    digits(after).parse().expect("a number")
}

/// A remedy that lowers a limit, or raises it too little, would be worse than none.
#[test]
fn what_it_says_to_do_is_enough() {
    let large = Takes::of(&lab(
        "[cluster]\npod_cidr = \"10.0.0.0/8\"\n[underlay]\ncidr = \"172.16.0.0/16\"\n[[node]]\nname = \"b\"\n\
         count = 200\npods = 200\n",
    ));
    let small = Takes::of(&taken(Limit::Files).0);
    for limit in COUNTED {
        for (takes, value, used) in
            [(large, 32_768, 30_000), (small, 32_768, 32_700), (small, 5, 5), (large, 5, 0)]
        {
            let mut reading = Reading { used: Some(used), ..Reading::new(limit, Value::Number(value)) };
            let found = obstacles(&takes, [&reading]);
            let Some(found) = found.first() else { continue };
            let number = number_in(&found.remedy);
            assert!(number > value, "{}", found.remedy);
            reading.value = Value::Number(number);
            assert_eq!(obstacles(&takes, [&reading]), [], "{}", found.remedy);
        }
    }
}

#[test]
fn netlab_watches_no_files() {
    let takes = Takes::of(&lab(OF_ALL));
    for limit in [Limit::InotifyInstances, Limit::InotifyWatches] {
        assert_eq!(obstacles(&takes, [&Reading::new(limit, Value::Number(0))]), []);
    }
}

#[test]
fn neighbours_that_are_learnt_are_remarked_on_and_given_ones_are_not() {
    let with = |neighbours: &str| {
        let takes = Takes::of(&lab(&format!(
            "[cluster]\npod_cidr = [\"10.244.0.0/16\", \"fd00:244::/56\"]\n{neighbours}\n[[node]]\nname = \"n\"\n\
             count = 10\npods = 10\n"
        )));
        (takes.neighbours_v4, takes.neighbours_v6)
    };
    // 100 pods and their gateways know each other, ten nodes do, and ten pods of each node.
    assert_eq!(with("neighbours = \"learn\""), (200 + 90 + 900, 200 + 90 + 900));
    assert_eq!(with("neighbours = \"static\""), (0, 0));
    assert_eq!(with(""), (0, 0));
    let takes =
        Takes::of(&lab("[cluster]\nneighbours = \"learn\"\n[[node]]\nname = \"n\"\ncount = 10\npods = 10\n"));
    let table = |value, used| Reading { used, ..Reading::new(Limit::NeighboursV4, Value::Number(value)) };
    assert_eq!(obstacles(&takes, [&table(1190, None), &table(2000, Some(810))]), []);
    for (reading, left) in [(table(1189, None), 1189), (table(2000, Some(811)), 1189)] {
        let [found] = &obstacles(&takes, [&reading])[..] else { panic!("{reading:?}") };
        assert_eq!((found.gravity, found.needed, found.left), (Gravity::Doubtful, 1190, left));
        let said = found.said_of("lab.toml");
        assert!(
            said.starts_with("lab.toml learns 1190 IPv4 neighbours when all its pods talk to each other"),
            "{said}"
        );
        assert!(said.ends_with("neighbours = \"static\" in [cluster]"), "{said}");
    }
}

#[test]
fn memory_is_refused_only_beyond_doubt() {
    let takes = Takes::of(&lab("[[node]]\nname = \"n\"\ncount = 10\npods = 100\n"));
    assert!((1011 * 320 / 1024..450).contains(&takes.memory), "{takes:?}");
    let machine = |value, used| {
        let reading = Reading { used: Some(used), ..Reading::new(Limit::Memory, Value::Number(value)) };
        obstacles(&takes, [&reading]).first().map(|found| found.gravity)
    };
    assert_eq!(machine(takes.memory + 100, 100), None);
    assert_eq!(machine(takes.memory + 100, 101), Some(Gravity::Doubtful));
    assert_eq!(machine(takes.memory / 2 + 1, 0), Some(Gravity::Doubtful));
    assert_eq!(machine(takes.memory / 2, 0), Some(Gravity::Refused));
    let group = Reading { used: Some(0), ..Reading::new(Limit::CgroupMemory, Value::Number(1)) };
    assert_eq!(obstacles(&takes, [&group])[0].gravity, Gravity::Doubtful);
}

#[test]
fn refusals_come_before_doubts() {
    let takes = Takes::of(&taken(Limit::Files).0);
    let low = Limit::ALL.map(|limit| Reading::new(limit, Value::Number(0)));
    let found = obstacles(&takes, &low);
    assert!(found.is_sorted_by_key(|obstacle| obstacle.gravity == Gravity::Doubtful), "{found:?}");
    assert!(found.iter().any(|obstacle| obstacle.gravity == Gravity::Refused));
}

/// What `doctor FILE` says, limits that lack the same told together.
#[test]
fn a_lab_has_to_fit_into_each_limit() {
    for (which, fits, words) in [
        (Limit::NetNamespaces, 221, "it takes 221 namespaces, but user.max_net_namespaces leaves 220"),
        (Limit::CgroupPids, 222 + 20, "it takes 222 processes, but cgroup pids.max leaves 221"),
        (Limit::Files, 16 + 22, "it takes 38 open files, but RLIMIT_NOFILE leaves 37"),
        (Limit::PidNamespaces, 1, "it takes 1 namespace of its own, but user.max_pid_namespaces leaves 0"),
    ] {
        let mut found = asked(fine());
        limit(&mut found, which, fits);
        let large = found.labs[1].wants.clone();
        assert_eq!(found.obstacles(&large), [""; 0], "{which:?}");
        limit(&mut found, which, fits - 1);
        assert_eq!(found.obstacles(&large), [words]);
        assert!(found.can_run() && !found.is_fine());
    }
    let mut found = asked(fine());
    let large = found.labs[1].wants.clone();
    limit(&mut found, Limit::NetNamespaces, 3);
    limit(&mut found, Limit::IpcNamespaces, 4);
    let words =
        "it takes 221 namespaces, but user.max_net_namespaces leaves 3, user.max_ipc_namespaces leaves 4";
    assert_eq!(found.obstacles(&large), [words]);
}

#[test]
fn doubts_keep_no_lab_from_coming_up() {
    let mut found = asked(fine());
    limit(&mut found, Limit::Memory, 1800);
    assert!(found.is_fine());
    let doubts: Vec<usize> = found.labs.iter().map(|asked| found.doubts(&asked.wants).len()).collect();
    assert_eq!(doubts, [0, 1]);
    assert!(found.doubts(&found.labs[1].wants)[0].ends_with(" MiB of memory, but memory leaves 38"));
}
