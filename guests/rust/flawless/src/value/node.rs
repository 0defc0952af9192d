//! JSON as a tree that keeps the text of every part, so that no number loses digits.

use std::borrow::Cow;

use super::wrong::{Wrong, shorten};

/// Levels of brackets. A value is at most 100 levels deep, a tagged one takes up to three for each.
const LEVELS_MAX: usize = 400;

/// One JSON value, with its text.
pub(super) struct Node<'t> {
    pub text: &'t str,
    pub kind: Kind<'t>,
}

pub(super) type Member<'t> = (Cow<'t, str>, Node<'t>);

pub(super) enum Kind<'t> {
    Null,
    Bool(bool),
    Number,
    Text(Cow<'t, str>),
    Array(Vec<Node<'t>>),
    Object(Vec<Member<'t>>),
}

/// Reads JSON text.
pub(super) fn parse(text: &str) -> Result<Node<'_>, Wrong> {
    let mut parser = Parser {
        text,
        at: 0,
        levels: 0,
    };
    let root = parser.node()?;
    parser.space();
    if parser.at < text.len() {
        return Err(parser.wrong());
    }
    Ok(root)
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    levels: usize,
}

impl<'t> Parser<'t> {
    fn node(&mut self) -> Result<Node<'t>, Wrong> {
        self.space();
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Kind::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node {
            text: &self.text[start..self.at],
            kind,
        })
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Kind<'t>, Wrong>,
    ) -> Result<Kind<'t>, Wrong> {
        if self.levels == LEVELS_MAX {
            return Err(Wrong::new("is nested too deeply"));
        }
        self.levels += 1;
        self.at += 1;
        let kind = read(self)?;
        self.levels -= 1;
        Ok(kind)
    }

    fn array(&mut self) -> Result<Kind<'t>, Wrong> {
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Kind::Array(items));
        }
        loop {
            items.push(self.node()?);
            if self.take(b']') {
                return Ok(Kind::Array(items));
            }
            self.expect(b',')?;
        }
    }

    fn object(&mut self) -> Result<Kind<'t>, Wrong> {
        let mut members = Vec::new();
        if self.take(b'}') {
            return Ok(Kind::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.expect(b':')?;
            members.push((name, self.node()?));
            if self.take(b'}') {
                return Ok(Kind::Object(members));
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<Cow<'t, str>, Wrong> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.wrong());
        }
        let mut escaped = false;
        loop {
            self.at += 1;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                }
                Some(0x20..) => {}
                _ => return Err(self.wrong()),
            }
        }
        self.at += 1;
        let quoted = &self.text[start..self.at];
        if !escaped {
            return Ok(Cow::Borrowed(&quoted[1..quoted.len() - 1]));
        }
        serde_json::from_str(quoted)
            .map(Cow::Owned)
            .map_err(|_| Wrong::new(format!("is not valid JSON: {}", shorten(quoted))))
    }

    fn number(&mut self) -> Result<Kind<'t>, Wrong> {
        let start = self.at;
        while matches!(
            self.peek(),
            Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
        ) {
            self.at += 1;
        }
        let number = &self.text[start..self.at];
        if serde_json::from_str::<serde::de::IgnoredAny>(number).is_err() {
            self.at = start;
            return Err(self.wrong());
        }
        Ok(Kind::Number)
    }

    fn word(&mut self) -> Result<Kind<'t>, Wrong> {
        let rest = &self.text[self.at..];
        for (word, kind) in [
            ("null", Kind::Null),
            ("true", Kind::Bool(true)),
            ("false", Kind::Bool(false)),
        ] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(kind);
            }
        }
        Err(self.wrong())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Wrong> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.wrong())
        }
    }

    fn wrong(&self) -> Wrong {
        let rest = self.text.get(self.at..).unwrap_or("");
        let found = match rest.chars().next() {
            Some(_) => shorten(rest),
            None => "its end".into(),
        };
        Wrong::new(format!("is not valid JSON at byte {}: {found}", self.at))
    }
}
