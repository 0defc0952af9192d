//! A crawler that checks the links of a site. It may be killed whenever you like.

mod address;
mod fetch;
mod html;
mod report;
mod robots;

use std::collections::BTreeSet;

use flawless::{Failure, Result, publish, workflow};

use address::Address;
use fetch::{Fetched, Fetcher};
use report::{Options, Report, Site};
use robots::Robots;

/// How many redirects lead to a `robots.txt` at most.
const HOPS_MAX: usize = 5;

/// Reads a site from one page on, as far as links lead, and reports on it.
///
/// It stays on the hosts that it was given, asks each for its `robots.txt`, and leaves time between
/// two requests to the same one. Pages are read breadth first, so the depth of a page is the number
/// of links that lead there at least.
#[workflow]
fn crawl(start: String, options: Option<Options>) -> Result<Report> {
    let options = options.unwrap_or_default();
    let start = Address::parse(&start)
        .ok_or_else(|| Failure::new(format!("{start:?} is no address of a site")))?;
    let mut site = Site::new(&start, &options);
    let mut fetcher = Fetcher::new(options.clone());
    let mut level = BTreeSet::from([start]);
    for depth in 0..=options.depth_max {
        if level.is_empty() {
            break;
        }
        let mut linked = BTreeSet::new();
        // Where redirects lead is as deep as where they are, and is read right after.
        while !level.is_empty() {
            for host in site.new_hosts(&level) {
                let robots = robots(&mut fetcher, &host, &options.agent)?;
                if let Some(delay) = robots.delay {
                    fetcher.delays.insert(host.host().into(), delay);
                }
                site.rules.insert(host.host().into(), robots);
            }
            let mut redirected = BTreeSet::new();
            let pages = site.admit(level);
            fetcher.fetch(pages, |address, fetched| {
                let (links, redirect) = site.note(address, depth, fetched);
                linked.extend(links);
                redirected.extend(redirect);
                publish(&site.progress(depth, linked.len()))
            })?;
            level = redirected;
        }
        level = linked;
    }
    site.leave_out(level);
    Ok(site.report(fetcher.requests))
}

/// Reads the rules of a host. Where there is no such file, all is allowed; where the server is in
/// trouble, nothing is.
fn robots(fetcher: &mut Fetcher, host: &Address, agent: &str) -> Result<Robots> {
    let mut place = host.join("/robots.txt");
    for _ in 0..HOPS_MAX {
        let Some(address) = place.take() else {
            break;
        };
        let mut found = Robots::default();
        fetcher.fetch([address], |address, fetched| {
            match fetched {
                Fetched::Answer(file) if file.status() == 200 => {
                    found = Robots::parse(&file.text(), agent);
                }
                Fetched::Answer(file) if file.status() >= 500 => found = Robots::nothing(),
                Fetched::Answer(file) => {
                    place = file
                        .header("Location")
                        .and_then(|target| address.join(target));
                }
                Fetched::Nothing(_) => found = Robots::nothing(),
            }
            Ok::<_, flawless::Error>(())
        })?;
        if place.is_none() {
            return Ok(found);
        }
    }
    Ok(Robots::default())
}
