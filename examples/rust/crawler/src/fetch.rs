//! Reading many pages at once: bounded, polite to each host, and stubborn.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use flawless::http::{self, Response};
use flawless::{Error, Future, Kind, select, sleep};

use crate::Options;
use crate::address::Address;

/// The longest pause before another attempt.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// What became of an address.
pub enum Fetched {
    /// A page, or anything else that a server had to say.
    Answer(Response),
    /// No attempt was answered; this is why.
    Nothing(String),
}

/// An address that is still to be read, or is being read.
struct Job {
    address: Address,
    attempt: u32,
    not_before: SystemTime,
}

/// Reads pages, and knows when each host was asked last.
pub struct Fetcher {
    options: Options,
    /// The pauses that hosts wish for, where they differ from ours.
    pub delays: BTreeMap<String, Duration>,
    asked: BTreeMap<String, SystemTime>,
    /// How many requests there were, repeated attempts included.
    pub requests: u32,
}

impl Fetcher {
    /// Makes one that has read nothing yet.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            delays: BTreeMap::new(),
            asked: BTreeMap::new(),
            requests: 0,
        }
    }

    /// Reads all of these, and hands each to `done` as it comes.
    ///
    /// Plain loops and plain variables: after a crash they are what they were, because the engine
    /// gives the same answers in the same order.
    pub fn fetch<E: From<Error>>(
        &mut self,
        addresses: impl IntoIterator<Item = Address>,
        mut done: impl FnMut(&Address, Fetched) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut waiting: Vec<Job> = addresses
            .into_iter()
            .map(|address| Job {
                address,
                attempt: 1,
                not_before: SystemTime::UNIX_EPOCH,
            })
            .collect();
        let mut jobs: Vec<Job> = Vec::new();
        let mut answers: Vec<Future<Response>> = Vec::new();
        let most = usize::try_from(self.options.concurrency.max(1)).unwrap_or(usize::MAX);
        while !waiting.is_empty() || !jobs.is_empty() {
            let mut pause = None;
            while jobs.len() < most && !waiting.is_empty() {
                let now = flawless::now();
                let Some(index) = waiting.iter().position(|job| self.due(job) <= now) else {
                    let next = waiting.iter().map(|job| self.due(job)).min();
                    pause = next.and_then(|next| next.duration_since(now).ok());
                    break;
                };
                let job = waiting.remove(index);
                answers.push(self.begin(&job.address, now)?);
                jobs.push(job);
            }
            if jobs.is_empty() {
                sleep(pause.unwrap_or_default())?;
                continue;
            }
            let Some(index) = select(&answers, pause)? else {
                continue; // somebody's turn has come
            };
            let mut job = jobs.swap_remove(index);
            let answer = answers.swap_remove(index).join();
            if let Some(pause) = self.again_after(&job, &answer)? {
                job.attempt += 1;
                job.not_before = flawless::now() + pause;
                waiting.push(job);
                continue;
            }
            let fetched = match answer {
                Ok(response) => Fetched::Answer(response),
                Err(error) => Fetched::Nothing(error.to_string()),
            };
            done(&job.address, fetched)?;
        }
        Ok(())
    }

    /// When a job may begin: its own time, and its host's.
    fn due(&self, job: &Job) -> SystemTime {
        let host = job.address.host();
        let own = Duration::from_millis(self.options.delay_ms);
        let delay = self.delays.get(host).map_or(own, |wish| own.max(*wish));
        let asked = self.asked.get(host);
        asked.map_or(job.not_before, |asked| job.not_before.max(*asked + delay))
    }

    fn begin(&mut self, address: &Address, now: SystemTime) -> Result<Future<Response>, Error> {
        self.asked.insert(address.host().into(), now);
        self.requests += 1;
        // A redirect is an answer here: where it leads has to be allowed, and not read twice.
        http::get(address.to_string())
            .header("User-Agent", &self.options.agent)
            .header("Accept", "text/html")
            .timeout(Duration::from_secs(self.options.timeout_s))
            .max_bytes(self.options.bytes_max)
            .redirects(0)
            .start()
    }

    /// How long to wait before another attempt, if there should be one.
    fn again_after(
        &self,
        job: &Job,
        answer: &Result<Response, Error>,
    ) -> Result<Option<Duration>, Error> {
        let wish = match answer {
            Ok(response) if response.status() == 429 || response.status() >= 500 => response
                .header("Retry-After")
                .and_then(|text| text.parse().ok())
                .map(Duration::from_secs),
            Ok(_) => return Ok(None),
            Err(error) => match error.kind() {
                Kind::ConnectError | Kind::RequestTimeout | Kind::ProtocolError => None,
                Kind::BodyTooLarge | Kind::InvalidUrl | Kind::EgressDenied => return Ok(None),
                _ => return Err(error.clone()), // a cancellation, for one
            },
        };
        if job.attempt >= self.options.attempts {
            return Ok(None);
        }
        let usual = Duration::from_millis(self.options.backoff_ms) * 2_u32.pow(job.attempt - 1);
        Ok(Some(wish.unwrap_or(usual).min(PAUSE_MAX)))
    }
}
