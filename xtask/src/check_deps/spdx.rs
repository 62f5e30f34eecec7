//! Licence expressions of manifests: those of SPDX, and the `/` of old ones.
//!
//! ```text
//! any  = all { ("OR" | "/") all }
//! all  = term { "AND" term }
//! term = "(" any ")" | licence [ "WITH" exception ]
//! ```

use std::{iter::Peekable, str::SplitWhitespace};

use anyhow::{Result, bail};

/// What whoever uses a package agrees to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A licence, with its exception: another one than the same without.
    Licence(String),
    /// Each of these.
    All(Vec<Expression>),
    /// One of these, as the user likes.
    Any(Vec<Expression>),
}

type Words<'a> = Peekable<SplitWhitespace<'a>>;

impl Expression {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " / ");
        let mut words = spaced.split_whitespace().peekable();
        match (any(&mut words), words.next()) {
            (Some(expression), None) => Ok(expression),
            _ => bail!("'{text}' is no licence expression"),
        }
    }

    /// Whether licences that are agreed to are enough.
    pub fn is_met(&self, agreed: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Licence(licence) => agreed(licence),
            Self::All(parts) => parts.iter().all(|part| part.is_met(agreed)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met(agreed)),
        }
    }
}

fn any(words: &mut Words<'_>) -> Option<Expression> {
    let mut parts = vec![all(words)?];
    while words.next_if(|word| matches!(*word, "OR" | "/")).is_some() {
        parts.push(all(words)?);
    }
    Some(Expression::Any(parts))
}

fn all(words: &mut Words<'_>) -> Option<Expression> {
    let mut parts = vec![term(words)?];
    while words.next_if(|word| *word == "AND").is_some() {
        parts.push(term(words)?);
    }
    Some(Expression::All(parts))
}

fn term(words: &mut Words<'_>) -> Option<Expression> {
    if words.next_if(|word| *word == "(").is_some() {
        let inside = any(words)?;
        words.next_if(|word| *word == ")")?;
        return Some(inside);
    }
    let licence = name(words)?;
    if words.next_if(|word| *word == "WITH").is_none() {
        return Some(Expression::Licence(licence.to_owned()));
    }
    Some(Expression::Licence(format!("{licence} WITH {}", name(words)?)))
}

/// The name of a licence or of an exception.
fn name<'a>(words: &mut Words<'a>) -> Option<&'a str> {
    let word = words.next()?;
    let operator = ["AND", "OR", "WITH"].contains(&word);
    let made_of = word.chars().all(|c| c.is_ascii_alphanumeric() || ".-+:".contains(c));
    (made_of && !operator).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(text: &str, agreed: &[&str]) -> bool {
        Expression::parse(text).unwrap().is_met(&|licence| agreed.contains(&licence))
    }

    #[test]
    fn one_choice_is_enough_and_each_part_is_needed() {
        for (text, agreed, expected) in [
            ("MIT", &["MIT"][..], true),
            ("MIT", &["Apache-2.0"], false),
            ("MIT OR Apache-2.0", &["Apache-2.0"], true),
            ("MIT/Apache-2.0", &["Apache-2.0"], true),
            ("Apache-2.0 / MIT", &["Apache-2.0"], true),
            ("GPL-3.0 OR LGPL-2.1-or-later", &["MIT"], false),
            ("MIT AND BSD-3-Clause", &["MIT"], false),
            ("MIT AND BSD-3-Clause", &["MIT", "BSD-3-Clause"], true),
            // AND binds closer than OR
            ("MIT OR Apache-2.0 AND ISC", &["MIT"], true),
            ("MIT OR Apache-2.0 AND ISC", &["Apache-2.0"], false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", &["MIT"], false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", &["MIT", "Unicode-3.0"], true),
            ("((MIT))", &["MIT"], true),
        ] {
            assert_eq!(met(text, agreed), expected, "{text} with {agreed:?}");
        }
    }

    #[test]
    fn a_licence_with_an_exception_is_another_one() {
        let text = "Apache-2.0  WITH LLVM-exception";
        assert!(met(text, &["Apache-2.0 WITH LLVM-exception"]));
        assert!(!met(text, &["Apache-2.0"]));
        assert!(!met("GPL-3.0-or-later", &["GPL-3.0-or-later WITH Classpath-exception-2.0"]));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "MIT OR",
            "OR MIT",
            "MIT Apache-2.0",
            "(MIT",
            "MIT)",
            "()",
            "MIT AND AND ISC",
            "MIT WITH",
            "MIT or ISC",
            "Apache 2.0",
            "MIT, ISC",
            "A WITH B WITH C",
        ] {
            assert!(Expression::parse(text).is_err(), "'{text}'");
        }
    }
}
