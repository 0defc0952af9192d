//! The links of a page, found without building a tree of it.

/// Returns the targets of a page's links as they are written, and what `<base>` says.
pub fn links(html: &str) -> (Vec<String>, Option<String>) {
    let mut found = Vec::new();
    let mut base = None;
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = after(comment, "-->");
            continue;
        }
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue; // an end tag, a doctype, or a "<" of the text
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/');
        let (name, attributes) = rest.split_at(end.unwrap_or(rest.len()));
        let name = name.to_ascii_lowercase();
        let (href, after_tag) = href(attributes);
        rest = after_tag;
        match (name.as_str(), href) {
            ("a" | "area", Some(target)) => found.push(target),
            ("base", Some(target)) => base = base.or(Some(target)),
            ("script" | "style" | "textarea" | "title", _) => rest = after_element(rest, &name),
            _ => {}
        }
    }
    (found, base)
}

/// Reads the attributes of a tag; returns the first `href` among them, and what follows the tag.
fn href(attributes: &str) -> (Option<String>, &str) {
    let mut found = None;
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return (found, rest);
        }
        if let Some(after_tag) = rest.strip_prefix('>') {
            return (found, after_tag);
        }
        // A stray "=" is the beginning of a name, so a name has one character at least.
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| c.is_ascii_whitespace() || "=>/".contains(*c))
            .map_or(rest.len(), |(index, _)| index);
        let (name, behind) = rest.split_at(end);
        let (value, behind) = value(behind);
        if name.eq_ignore_ascii_case("href") && found.is_none() {
            found = value.map(unescaped);
        }
        rest = behind;
    }
}

/// Reads `= value` if it is there.
fn value(text: &str) -> (Option<&str>, &str) {
    let Some(text) = text.trim_ascii_start().strip_prefix('=') else {
        return (None, text);
    };
    let text = text.trim_ascii_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return match quoted.split_once(quote) {
                Some((value, behind)) => (Some(value), behind),
                None => (None, ""),
            };
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '>');
    let (value, behind) = text.split_at(end.unwrap_or(text.len()));
    (Some(value), behind)
}

/// Resolves the character references that are common in addresses.
fn unescaped(text: &str) -> String {
    let mut written = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        written.push_str(&rest[..start]);
        rest = &rest[start..];
        let character = rest[1..].split_once(';').and_then(|(name, behind)| {
            let character = match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                _ => {
                    let number = name.strip_prefix('#')?;
                    let code = match number.strip_prefix(['x', 'X']) {
                        Some(digits) => u32::from_str_radix(digits, 16),
                        None => number.parse(),
                    };
                    char::from_u32(code.ok()?)?
                }
            };
            Some((character, behind))
        });
        if let Some((character, behind)) = character {
            written.push(character);
            rest = behind;
        } else {
            written.push('&');
            rest = &rest[1..];
        }
    }
    written + rest
}

fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split_once(mark).map_or("", |(_, behind)| behind)
}

/// Skips the content of an element that holds text only.
fn after_element<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some(start) = rest.find("</") {
        rest = &rest[start + 2..];
        if rest
            .get(..name.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(name))
        {
            return rest;
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::links;

    /// Links are found however they are written, and only where there is one.
    #[test]
    fn pages() {
        let (found, base) = links(
            r#"<!doctype html><title><a href="title"></title><BASE HREF='/deep/'>
            <a href="one">1</a> <A class=x HREF = 'two?a=1&amp;b=&#50;&#x33;'> 2 < 3
            <!-- <a href="comment"> --> <script>let s = '<a href="script">';</SCRIPT>
            <area href=three/><a name="anchor"><abbr href="no"><a href>
            <a data-href="no" href="four"href="five"><a href="&unknown;&"> <a href="six"#,
        );
        let expected = ["one", "two?a=1&b=23", "three/", "four", "&unknown;&"];
        assert_eq!(found, expected);
        assert_eq!(base.as_deref(), Some("/deep/"));
    }

    /// Whatever a page holds, it is read to its end.
    #[test]
    fn debris() {
        for html in [
            "",
            "<",
            "<a",
            "<a ",
            "<a href",
            "<a href=",
            "<a ==>",
            "<!--",
            "<ü>",
            "<script>é</s",
        ] {
            assert!(links(html).0.len() <= 1, "{html}");
        }
    }
}
