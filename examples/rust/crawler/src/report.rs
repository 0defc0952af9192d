//! What is known of a site, and what is told about it.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::fetch::Fetched;
use crate::html;
use crate::robots::Robots;

/// How many of the pages that have a broken link are named.
const NAMED_MAX: usize = 10;

/// What a crawl may do.
#[flawless::value]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Further hosts that belong to the site, with their ports.
    pub hosts: Vec<String>,
    /// How many addresses are read at most.
    pub pages_max: u32,
    /// How many links lead from the first page to the last ones at most.
    pub depth_max: u32,
    /// How many requests are under way at most.
    pub concurrency: u32,
    /// How much time passes at least between two requests to one host.
    pub delay_ms: u64,
    /// How often an address is tried that is in trouble: no answer, 429, or 5xx.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles with each, unless the server has a wish.
    pub backoff_ms: u64,
    /// How long one request may take.
    pub timeout_s: u64,
    /// How large a page may be.
    pub bytes_max: u64,
    /// The crawler's name.
    pub agent: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            pages_max: 1000,
            depth_max: 20,
            concurrency: 4,
            delay_ms: 250,
            attempts: 4,
            backoff_ms: 1000,
            timeout_s: 30,
            bytes_max: 2_000_000,
            agent: "flawless-crawler".into(),
        }
    }
}

/// How far a crawl is: the state that it publishes.
#[flawless::value]
pub struct Progress {
    /// How many links away from the first page it is.
    pub depth: u32,
    /// How many pages were read.
    pub pages: u32,
    /// How many broken ones were found.
    pub broken: usize,
    /// How many pages are known that are to be read next.
    pub found: usize,
}

/// A link that leads nowhere.
#[flawless::value]
pub struct Broken {
    /// Where it leads.
    pub address: String,
    /// What is there instead of a page.
    pub why: String,
    /// Pages that have the link, ten of them at most.
    pub linked_from: Vec<String>,
}

/// An address that leads to another one.
#[flawless::value]
pub struct Redirect {
    /// The address.
    pub from: String,
    /// Where it leads.
    pub to: String,
}

/// What a crawl has found out.
#[flawless::value]
pub struct Report {
    /// How many pages there are.
    pub pages: u32,
    /// How many of them are so many links away from the first one.
    pub pages_by_depth: Vec<u32>,
    /// How many requests it took, repeated attempts included.
    pub requests: u32,
    /// The broken links.
    pub broken: Vec<Broken>,
    /// The redirects.
    pub redirects: Vec<Redirect>,
    /// Redirects that go round in circles.
    pub loops: Vec<Vec<String>>,
    /// What `robots.txt` does not allow to read.
    pub disallowed: Vec<String>,
    /// How many addresses of other sites are linked.
    pub elsewhere: usize,
    /// How many addresses were left out, for there were too many, or they were too deep.
    pub left_out: usize,
}

/// What is known so far.
pub struct Site {
    hosts: BTreeSet<String>,
    pages_max: u32,
    admitted: u32,
    known: BTreeSet<Address>,
    by_depth: Vec<u32>,
    linked_from: BTreeMap<Address, BTreeSet<String>>,
    broken: BTreeMap<Address, String>,
    redirects: BTreeMap<Address, Address>,
    disallowed: BTreeSet<Address>,
    elsewhere: BTreeSet<Address>,
    left_out: BTreeSet<Address>,
    /// What the hosts' `robots.txt` say.
    pub rules: BTreeMap<String, Robots>,
}

impl Site {
    pub fn new(start: &Address, options: &Options) -> Self {
        let hosts = options.hosts.iter().map(String::as_str);
        Self {
            hosts: hosts.chain([start.host()]).map(str::to_lowercase).collect(),
            pages_max: options.pages_max,
            admitted: 0,
            known: BTreeSet::new(),
            by_depth: Vec::new(),
            linked_from: BTreeMap::new(),
            broken: BTreeMap::new(),
            redirects: BTreeMap::new(),
            disallowed: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
            left_out: BTreeSet::new(),
            rules: BTreeMap::new(),
        }
    }

    /// Returns one address for each host whose rules are not known yet.
    pub fn new_hosts(&self, addresses: &BTreeSet<Address>) -> Vec<Address> {
        let mut found = BTreeMap::new();
        for address in addresses.difference(&self.known) {
            if !self.rules.contains_key(address.host()) {
                found.entry(address.host()).or_insert(address);
            }
        }
        found.into_values().cloned().collect()
    }

    /// Returns those of the addresses that are new and may be read.
    pub fn admit(&mut self, addresses: BTreeSet<Address>) -> Vec<Address> {
        let mut admitted = Vec::new();
        for address in addresses {
            if self.known.contains(&address) {
                continue;
            }
            let rules = self.rules.get(address.host());
            if rules.is_some_and(|rules| !rules.allow(&address.path_and_query())) {
                self.disallowed.insert(address.clone());
            } else if self.admitted >= self.pages_max {
                self.left_out.insert(address);
                continue;
            } else {
                self.admitted += 1;
                admitted.push(address.clone());
            }
            self.known.insert(address);
        }
        admitted
    }

    /// Notes what became of an address. Returns the pages that it links, and where it redirects to.
    pub fn note(
        &mut self,
        address: &Address,
        depth: u32,
        fetched: Fetched,
    ) -> (Vec<Address>, Option<Address>) {
        let answer = match fetched {
            Fetched::Answer(answer) => answer,
            Fetched::Nothing(why) => {
                self.broken.insert(address.clone(), why);
                return (Vec::new(), None);
            }
        };
        match answer.status() {
            200..=299 => {
                let depth = depth as usize;
                self.by_depth.resize(self.by_depth.len().max(depth + 1), 0);
                self.by_depth[depth] += 1;
                let kind = answer.header("Content-Type").unwrap_or_default();
                if !kind.starts_with("text/html") {
                    return (Vec::new(), None);
                }
                let (links, base) = html::links(&answer.text());
                let base = base.and_then(|base| address.join(&base));
                let base = base.as_ref().unwrap_or(address);
                let targets = links.iter().filter_map(|link| base.join(link));
                let new = targets.filter(|target| self.link(address, target));
                (new.collect(), None)
            }
            status @ 300..=399 if status != 304 => {
                let target = answer.header("Location").and_then(|to| address.join(to));
                let Some(target) = target else {
                    let why = format!("{status} without an address to go to");
                    self.broken.insert(address.clone(), why);
                    return (Vec::new(), None);
                };
                self.redirects.insert(address.clone(), target.clone());
                let new = self.link(address, &target);
                (Vec::new(), new.then_some(target))
            }
            status => {
                self.broken.insert(address.clone(), status.to_string());
                (Vec::new(), None)
            }
        }
    }

    /// Notes a link, and tells whether it leads to a page of the site that nobody has read yet.
    fn link(&mut self, from: &Address, to: &Address) -> bool {
        if !self.hosts.contains(to.host()) {
            self.elsewhere.insert(to.clone());
            return false;
        }
        let pages = self.linked_from.entry(to.clone()).or_default();
        pages.insert(from.to_string());
        !self.known.contains(to)
    }

    /// Notes addresses that nobody will read.
    pub fn leave_out(&mut self, addresses: BTreeSet<Address>) {
        let new = addresses
            .into_iter()
            .filter(|one| !self.known.contains(one));
        self.left_out.extend(new);
    }

    /// Tells how far the crawl is.
    pub fn progress(&self, depth: u32, found: usize) -> Progress {
        Progress {
            depth,
            pages: self.by_depth.iter().sum(),
            broken: self.broken.len(),
            found,
        }
    }

    /// Sums it all up; nothing here depends on the order in which pages came.
    pub fn report(self, requests: u32) -> Report {
        let named = |address: &Address| {
            let pages = self.linked_from.get(address).into_iter().flatten();
            pages.take(NAMED_MAX).cloned().collect()
        };
        let broken = self.broken.iter().map(|(address, why)| Broken {
            address: address.to_string(),
            why: why.clone(),
            linked_from: named(address),
        });
        let redirects = self.redirects.iter().map(|(from, to)| Redirect {
            from: from.to_string(),
            to: to.to_string(),
        });
        Report {
            pages: self.by_depth.iter().sum(),
            pages_by_depth: self.by_depth.clone(),
            requests,
            broken: broken.collect(),
            redirects: redirects.collect(),
            loops: self.loops(),
            disallowed: self.disallowed.iter().map(Address::to_string).collect(),
            elsewhere: self.elsewhere.len(),
            left_out: self.left_out.len(),
        }
    }

    /// Finds the redirects that lead back to themselves, each circle once.
    fn loops(&self) -> Vec<Vec<String>> {
        let mut found = BTreeSet::new();
        for start in self.redirects.keys() {
            let mut circle = vec![start];
            while let Some(next) = self.redirects.get(circle[circle.len() - 1]) {
                if next == start {
                    // Of the addresses of a circle, the first one in order begins it.
                    if circle.iter().all(|one| start <= one) {
                        found.insert(circle.iter().map(ToString::to_string).collect());
                    }
                    break;
                }
                if circle.contains(&next) {
                    break;
                }
                circle.push(next);
            }
        }
        found.into_iter().collect()
    }
}
