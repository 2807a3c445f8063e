//! Which modules the running kernel could load, from the lists that `depmod` makes.

use std::collections::BTreeSet;
use std::fs;

/// The modules of the running kernel.
pub(super) struct Modules {
    /// Those that are files, if there is a list of them.
    files: Option<BTreeSet<String>>,
    /// Those that are a part of the kernel.
    built_in: BTreeSet<String>,
}

impl Modules {
    /// Reads the lists of a release.
    pub(super) fn read(release: &str) -> Self {
        // Where /lib is a link to /usr/lib, both are the same.
        let list = |name: &str| {
            ["/lib/modules", "/usr/lib/modules"]
                .iter()
                .find_map(|place| fs::read_to_string(format!("{place}/{release}/{name}")).ok())
        };
        Self {
            files: list("modules.dep").map(|text| names(&text)),
            built_in: list("modules.builtin").map(|text| names(&text)).unwrap_or_default(),
        }
    }

    /// Whether there is a list at all.
    pub(super) fn is_there(&self) -> bool {
        self.files.is_some()
    }

    /// Whether loading these would give something that is not there already.
    pub(super) fn have(&self, modules: &[&str]) -> bool {
        let Some(files) = &self.files else { return false };
        let all = modules.iter().all(|module| files.contains(*module) || self.built_in.contains(*module));
        all && modules.iter().any(|module| files.contains(*module))
    }
}

/// The names of modules in lines such as `kernel/net/sched/sch_netem.ko.xz: kernel/…`.
fn names(text: &str) -> BTreeSet<String> {
    let files = text.lines().map(|line| line.split(':').next().unwrap_or_default());
    let names = files.filter_map(|file| file.rsplit('/').next()?.split_once(".ko"));
    names.map(|(name, _)| name.replace('-', "_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_understood() {
        let dep = "kernel/net/netfilter/nf_tables.ko.xz: kernel/net/netfilter/nfnetlink.ko.xz\n\
                   kernel/drivers/net/veth.ko:\nkernel/crypto/ghash-generic.ko.zst:\n";
        let modules =
            Modules { files: Some(names(dep)), built_in: names("kernel/net/netfilter/nft_masq.ko\n") };
        assert!(modules.have(&["veth"]) && modules.have(&["ghash_generic"]));
        assert!(modules.have(&["nf_tables", "nft_masq"]));
        // What is built in is there already, and what is in no list cannot be loaded.
        assert!(!modules.have(&["nft_masq"]) && !modules.have(&["nf_tables", "nft_chain_nat"]));
        assert!(!modules.have(&[]));
        assert!(!Modules { files: None, built_in: BTreeSet::new() }.have(&["veth"]));
    }
}
