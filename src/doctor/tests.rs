//! Verdicts on machines that nobody has.

mod limits;

use super::sample::{asked, everything_missing, fine, nothing_allowed};
use super::*;
use crate::model::DataPath;

fn set(found: &mut Examination, feature: Feature, state: State) {
    let tried = found.facts.features.iter_mut().find(|tried| tried.feature == feature);
    tried.expect("every feature is tried").state = state;
}

fn limit(found: &mut Examination, limit: Limit, number: u64) {
    let reading = found.facts.limits.iter_mut().find(|reading| reading.limit == limit);
    reading.expect("every limit is read").value = Value::Number(number);
}

#[test]
fn a_fine_machine_needs_nothing() {
    let found = asked(fine());
    assert!(found.can_run() && found.is_fine());
    assert_eq!(found.remedies(), []);
}

/// What does not work by itself does not work when a lab comes up either, whether or not a module is there.
#[test]
fn a_module_that_did_not_come_is_in_the_way() {
    for state in [State::Loadable, State::Missing, State::Denied] {
        for basic in [Feature::Veth, Feature::Bridge] {
            let mut found = fine();
            set(&mut found, basic, state);
            assert!(!found.can_run() && !found.is_fine(), "{basic:?} {state:?}");
        }
        let mut found = asked(fine());
        set(&mut found, Feature::Wireguard, state);
        assert!(found.is_fine(), "no lab takes it");
        set(&mut found, Feature::Ipv6, state);
        assert!(found.can_run() && !found.is_fine(), "a lab takes it");
        let obstacles: Vec<_> = found.labs.iter().map(|asked| found.obstacles(&asked.wants)).collect();
        assert_eq!(obstacles, [vec![], vec![format!("ipv6 {}", state.word())]]);
    }
}

#[test]
fn root_needs_no_user_namespaces() {
    let mut found = asked(fine());
    limit(&mut found, Limit::UserNamespaces, 0);
    assert!(found.is_fine() && found.remedies().is_empty());
    found.facts.foundation = Foundation::Rootless;
    assert!(!found.is_fine() && found.remedies().len() == 1);
}

#[test]
fn low_limits_have_a_remedy_and_others_none() {
    for (which, enough) in [
        (Limit::NeighboursV4, 1024),
        (Limit::NetNamespaces, 1000),
        (Limit::Files, 250 + 16),
        (Limit::MountNamespaces, 100),
    ] {
        let mut found = fine();
        limit(&mut found, which, enough);
        assert_eq!(found.remedies(), [], "{which:?}");
        limit(&mut found, which, enough - 1);
        let [remedy] = &found.remedies()[..] else { panic!("{which:?}: {:?}", found.remedies()) };
        assert_eq!(remedy.about, which.name());
        assert!(found.is_fine(), "a warning is no verdict");
    }
    let mut found = fine();
    limit(&mut found, Limit::InotifyInstances, 0);
    assert_eq!(found.remedies(), []);
}

#[test]
fn where_nothing_is_allowed_one_remedy_says_why() {
    let found = asked(nothing_allowed());
    assert!(!found.can_run() && !found.is_fine());
    let remedies = found.remedies();
    assert_eq!(remedies[0].text, found.facts.denied().expect("denied"));
    assert!(remedies[1..].iter().all(|remedy| remedy.about == "cgroup pids.max"), "{remedies:?}");
    assert_eq!(found.obstacles(&found.labs[0].wants), ["no lab can"]);
}

#[test]
fn features_that_need_the_same_are_told_together() {
    let remedies = everything_missing().remedies();
    let words: Vec<&str> = remedies.iter().flat_map(|remedy| remedy.about.split(", ")).collect();
    for feature in Feature::ALL {
        let wanted = usize::from(feature != Feature::RawIcmp);
        let told = words.iter().filter(|word| **word == feature.word()).count();
        assert_eq!(told, wanted, "{feature:?}: {remedies:?}");
    }
    for command in
        ["`sudo modprobe -a sch_netem`", "`sudo modprobe -a nf_tables nft_chain_nat nft_masq nft_nat`"]
    {
        assert!(remedies.iter().any(|remedy| remedy.text.ends_with(command)), "{command}: {remedies:?}");
    }
}

/// What `doctor` says of a data path is what its plans take.
#[test]
fn data_paths_take_what_their_plans_do() {
    let text = "[[node]]\nname = \"n\"\ncount = 3\npods = 2\n";
    let mut planned = 0;
    for data_path in DataPath::ALL {
        let Ok(lab) = crate::parse_with(text, "lab", Some(data_path)) else { continue };
        let wants = Wants::of(&lab, &crate::plan::plan(&lab));
        let said = Use::DataPath(data_path).features();
        let unsaid: Vec<_> = wants.features.iter().filter(|feature| !said.contains(feature)).collect();
        assert!(unsaid.is_empty(), "{}: {unsaid:?} is not in doctor/needs.rs", data_path.word());
        planned += 1;
    }
    assert!(planned > 1);
}

/// Impairments come last of all in a plan, and take as much of the kernel as what comes first.
#[test]
fn a_lab_takes_what_its_impairments_do() {
    for (impair, feature) in [("delay = \"10ms\"", Feature::Netem), ("rate = \"10mbit\"", Feature::Tbf)] {
        let text = format!("[[node]]\nname = \"n\"\nimpair = {{ {impair} }}\n");
        let lab = crate::parse(&text, "lab").expect("a lab");
        let wants = Wants::of(&lab, &crate::plan::plan(&lab));
        let mut found = fine();
        assert_eq!(found.obstacles(&wants), [""; 0]);
        set(&mut found, feature, State::Missing);
        assert_eq!(found.obstacles(&wants), [format!("{} missing", feature.word())]);
    }
}

/// `modprobe` takes these words, and people search for them.
#[test]
fn each_feature_is_told_apart_by_its_word() {
    let mut words: Vec<&str> = Feature::ALL.into_iter().map(Feature::word).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Feature::ALL.len());
    for feature in Feature::ALL {
        let json = serde_json::to_value(feature).expect("json");
        assert_eq!(json, feature.word());
        assert!(feature.about().config.iter().all(|option| option.starts_with("CONFIG_")));
    }
}
