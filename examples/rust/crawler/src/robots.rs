//! What `robots.txt` asks of crawlers (RFC 9309).

use std::time::Duration;

/// The rules of one host.
#[derive(Debug, Default)]
pub struct Robots {
    rules: Vec<(String, bool)>,
    /// How much time should pass between two requests, if the host has a wish.
    pub delay: Option<Duration>,
}

impl Robots {
    /// Rules under which nothing may be read.
    pub fn nothing() -> Self {
        Self {
            rules: vec![("/".into(), false)],
            delay: None,
        }
    }

    /// Reads the rules that apply to a crawler of this name.
    pub fn parse(text: &str, agent: &str) -> Self {
        let agent = agent.to_ascii_lowercase();
        let mut own: Option<Self> = None;
        let mut all = Self::default();
        let (mut for_us, mut for_all, mut in_rules) = (false, false, false);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((field, value)) = line.split_once(':') else {
                continue;
            };
            let (field, value) = (field.trim().to_ascii_lowercase(), value.trim());
            if field == "user-agent" {
                if in_rules {
                    (for_us, for_all, in_rules) = (false, false, false);
                }
                let name = value.to_ascii_lowercase();
                for_all |= name == "*";
                if !name.is_empty() && name != "*" && agent.starts_with(&name) {
                    for_us = true;
                    own.get_or_insert_default();
                }
                continue;
            }
            in_rules = true;
            if let Some(own) = own.as_mut().filter(|_| for_us) {
                own.read(&field, value);
            }
            if for_all {
                all.read(&field, value);
            }
        }
        own.unwrap_or(all)
    }

    fn read(&mut self, field: &str, value: &str) {
        match field {
            "allow" | "disallow" if !value.is_empty() => {
                self.rules.push((value.into(), field == "allow"));
            }
            "crawl-delay" => {
                let delay = value.parse().ok();
                self.delay = delay.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            }
            _ => {}
        }
    }

    /// Tells whether a path may be read: the longest rule that fits decides, and allows in doubt.
    pub fn allow(&self, path: &str) -> bool {
        let fitting = self.rules.iter().filter(|(rule, _)| fits(rule, path));
        fitting
            .max_by_key(|(rule, allows)| (rule.len(), *allows))
            .is_none_or(|(_, allows)| *allows)
    }
}

/// Tells whether a rule fits a path: `*` stands for anything, `$` for the end.
fn fits(rule: &str, path: &str) -> bool {
    let (rule, to_end) = match rule.strip_suffix('$') {
        Some(rule) => (rule, true),
        None => (rule, false),
    };
    let mut parts = rule.split('*');
    let Some(mut rest) = path.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let last = if to_end { parts.pop() } else { None };
    for part in parts {
        match rest.find(part) {
            Some(start) => rest = &rest[start + part.len()..],
            None => return false,
        }
    }
    match last {
        Some(last) => rest.ends_with(last),
        None => !to_end || rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::Robots;
    use std::time::Duration;

    const TEXT: &str = "
        User-agent: *
        Disallow: /private   # for nobody
        Allow: /private/open
        Disallow: /*.pdf$
        Crawl-delay: 1.5

        User-Agent: other
        User-Agent: Flawless
        Disallow: /for-others
        Disallow:
    ";

    /// The longest rule wins, and those for everybody hold where there are none of one's own.
    #[test]
    fn rules() {
        let all = Robots::parse(TEXT, "somebody");
        assert_eq!(all.delay, Some(Duration::from_millis(1500)));
        for (path, allowed) in [
            ("/", true),
            ("/private", false),
            ("/private/open/door", true),
            ("/a/b.pdf", false),
            ("/a/b.pdf?page=1", true),
            ("/for-others", true),
        ] {
            assert_eq!(all.allow(path), allowed, "{path}");
        }
        let own = Robots::parse(TEXT, "flawless-crawler");
        assert!(own.allow("/private") && !own.allow("/for-others") && own.delay.is_none());
        assert!(Robots::parse("", "x").allow("/") && !Robots::nothing().allow("/"));
    }
}
