//! Placeholders in welcome texts and remarks: `{customer}`, `{member}`, `{channel}`.
//!
//! WeCom's welcome message has no placeholder of its own (doc 92137), so they are filled in here. A name
//! that did not come in time is replaced by a neutral form: a welcome that says "朋友" beats a welcome
//! that comes too late.

use crate::field::FieldError;

/// What stands for a customer whose name is not known.
pub const NEUTRAL_CUSTOMER: &str = "朋友";
/// What stands for a member whose name is not known.
pub const NEUTRAL_MEMBER: &str = "您的顾问";

/// The values that a text is filled with. `None` gives the neutral form, and nothing for the channel; so does a name
/// that [shows nothing](is_blank).
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    /// Nickname of the customer.
    pub customer: Option<&'a str>,
    /// Name of the member.
    pub member: Option<&'a str>,
    /// Name of the channel.
    pub channel: Option<&'a str>,
}

/// A placeholder as it stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// `{customer}`
    Customer,
    /// `{member}`
    Member,
    /// `{channel}`
    Channel,
}

impl Placeholder {
    const ALL: [(&'static str, Self); 3] = [
        ("{customer}", Self::Customer),
        ("{member}", Self::Member),
        ("{channel}", Self::Channel),
    ];

    /// Whether `text` uses this placeholder.
    #[must_use]
    pub fn is_in(self, text: &str) -> bool {
        Self::ALL
            .iter()
            .any(|(written, placeholder)| *placeholder == self && text.contains(written))
    }
}

/// Fills in the placeholders of `text`, each value once: a customer who is called `{member}` keeps the name.
///
/// ```
/// use domain::placeholder::{Names, render};
///
/// let names = Names {
///     customer: Some("王小明"),
///     channel: Some("上海展会"),
///     ..Names::default()
/// };
/// assert_eq!(
///     render("{customer}您好，我是{member}，欢迎来到{channel}！", names),
///     "王小明您好，我是您的顾问，欢迎来到上海展会！"
/// );
/// ```
#[must_use]
pub fn render(text: &str, names: Names<'_>) -> String {
    let names = Names {
        customer: Some(shown(names.customer, NEUTRAL_CUSTOMER)),
        member: Some(shown(names.member, NEUTRAL_MEMBER)),
        channel: names.channel,
    };
    fill(text, names)
}

/// The name, or the neutral form if it shows nothing.
fn shown<'a>(name: Option<&'a str>, neutral: &'a str) -> &'a str {
    name.filter(|name| !is_blank(name)).unwrap_or(neutral)
}

/// Whether a name shows nothing: it is empty, or made of blanks, control characters and characters without a glyph.
/// People in WeChat may call themselves so, and WeCom answers an empty name for some.
#[must_use]
pub fn is_blank(name: &str) -> bool {
    name.chars()
        .all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Characters of Unicode that show nothing and are neither blanks nor controls: `Default_Ignorable_Code_Point` of
/// Unicode 16, and the empty pattern of Braille.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Fills in the placeholders with the values as they are.
fn fill(text: &str, names: Names<'_>) -> String {
    let mut rendered = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, placeholder, after)) = next(rest) {
        rendered.push_str(before);
        rendered.push_str(match placeholder {
            Placeholder::Customer => names.customer.unwrap_or_default(),
            Placeholder::Member => names.member.unwrap_or_default(),
            Placeholder::Channel => names.channel.unwrap_or_default(),
        });
        rest = after;
    }
    rendered.push_str(rest);
    rendered
}

/// Fills in `text` and shortens the customer's name, and only it, until the whole has `limit` characters.
///
/// ```
/// use domain::placeholder::{Names, render_within};
///
/// let names = Names {
///     customer: Some("Alexander"),
///     ..Names::default()
/// };
/// assert_eq!(render_within("{customer}-fair", names, 20), "Alexander-fair");
/// assert_eq!(render_within("{customer}-fair", names, 9), "Alex-fair");
/// ```
#[must_use]
pub fn render_within(text: &str, names: Names<'_>, limit: usize) -> String {
    let customer = shown(names.customer, NEUTRAL_CUSTOMER);
    for kept in (0..=customer.chars().count()).rev() {
        let shortened: String = customer.chars().take(kept).collect();
        let rendered = fill(
            text,
            Names {
                customer: Some(&shortened),
                ..names
            },
        );
        if rendered.chars().count() <= limit {
            return rendered;
        }
    }
    fill(
        text,
        Names {
            customer: Some(""),
            ..names
        },
    )
    .chars()
    .take(limit)
    .collect()
}

/// Refuses a word in braces that is not one of `allowed`; other braces are left alone.
pub(crate) fn check(field: &str, text: &str, allowed: &[Placeholder]) -> Result<(), FieldError> {
    for start in text.match_indices('{').map(|(at, _)| at) {
        let word: String = text[start + 1..]
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '_')
            .collect();
        let written = format!("{{{word}}}");
        if word.is_empty() || !text[start..].starts_with(&written) {
            continue;
        }
        let known = Placeholder::ALL
            .iter()
            .any(|(name, p)| *name == written && allowed.contains(p));
        if !known {
            let names: Vec<_> = Placeholder::ALL
                .iter()
                .filter(|(_, p)| allowed.contains(p))
                .map(|(name, _)| *name)
                .collect();
            return Err(FieldError::new(
                field,
                format!(
                    "{written} is not a placeholder here, use {}",
                    names.join(", ")
                ),
            ));
        }
    }
    Ok(())
}

/// The first placeholder of `text`, with what is before and behind it.
fn next(text: &str) -> Option<(&str, Placeholder, &str)> {
    text.match_indices('{').find_map(|(at, _)| {
        let (before, rest) = text.split_at(at);
        Placeholder::ALL
            .iter()
            .find_map(|(written, placeholder)| Some((*placeholder, rest.strip_prefix(written)?)))
            .map(|(placeholder, after)| (before, placeholder, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_or_made_neutral() {
        let full = Names {
            customer: Some("王"),
            member: Some("Zhang"),
            channel: Some("展会"),
        };
        let cases = [
            ("{customer}您好，我是{member}", full, "王您好，我是Zhang"),
            (
                "{customer}您好，我是{member}",
                Names::default(),
                "朋友您好，我是您的顾问",
            ),
            ("来自{channel}", full, "来自展会"),
            ("来自{channel}", Names::default(), "来自"),
            ("{ customer } {unknown} {", full, "{ customer } {unknown} {"),
            ("", full, ""),
        ];
        for (text, names, expected) in cases {
            assert_eq!(render(text, names), expected, "{text}");
        }
    }

    #[test]
    fn a_name_that_shows_nothing_counts_as_none() {
        for name in [
            "",
            "   ",
            "\u{3000}\u{3000}",
            "\t\n",
            "\u{200B}\u{FEFF}",
            "\u{3164}",
            "\u{2800} \u{FE0F}",
        ] {
            let names = Names {
                customer: Some(name),
                member: Some(name),
                ..Names::default()
            };
            assert_eq!(
                render("{customer}，我是{member}", names),
                "朋友，我是您的顾问",
                "{name:?}"
            );
            assert_eq!(
                render_within("{customer}-展会", names, 20),
                "朋友-展会",
                "{name:?}"
            );
        }
        for name in ["王", " a ", "👨\u{200D}👩", "\u{200B}x"] {
            let names = Names {
                customer: Some(name),
                ..Names::default()
            };
            assert_eq!(
                render("{customer}", names),
                name,
                "what is shown is left as it is"
            );
        }
    }

    #[test]
    fn a_customer_called_like_a_placeholder_is_not_filled_in_again() {
        let names = Names {
            customer: Some("{member}"),
            member: Some("Zhang"),
            channel: None,
        };
        assert_eq!(render("{customer}", names), "{member}");
    }

    #[test]
    fn only_the_customers_name_is_shortened() {
        let names = Names {
            customer: Some("一二三四五六七八九十"),
            ..Names::default()
        };
        assert_eq!(
            render_within("{customer}-上海展会", names, 10),
            "一二三四五-上海展会"
        );
        assert_eq!(
            render_within("{customer}", names, 20),
            "一二三四五六七八九十"
        );
        assert_eq!(render_within("固定文字", names, 2), "固定");
    }

    #[test]
    fn unknown_placeholders_are_refused_by_name() {
        let error = check("remark", "{custmer}-A", &[Placeholder::Customer]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "remark: {custmer} is not a placeholder here, use {customer}"
        );
        assert!(
            check(
                "text",
                "JSON {\"a\":1} {} {customer}",
                &[Placeholder::Customer]
            )
            .is_ok()
        );
        assert!(check("remark", "{member}", &[Placeholder::Customer]).is_err());
    }
}
