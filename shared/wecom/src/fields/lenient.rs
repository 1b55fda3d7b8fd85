//! What can be read of a text that is not well-formed XML: its elements, as far as they are closed.

use super::{Fields, MAX_DEPTH};

/// An element that is open.
struct Open<'a> {
    name: &'a str,
    text: String,
    has_children: bool,
}

/// A piece of the text.
enum Token<'a> {
    Start(&'a str),
    Empty(&'a str),
    End(&'a str),
    Text(&'a str),
    Cdata(&'a str),
    /// A comment, declaration or processing instruction.
    Nothing,
}

/// Reads every element without children that has an end, below the first element. An end closes the innermost element
/// of its name, and those within it are dropped. References that XML does not know stay as they are written.
pub(super) fn parse(text: &str) -> Fields {
    let (mut found, mut open) = (Fields::default(), Vec::<Open<'_>>::new());
    let mut rest = text;
    while let Some((token, after)) = next(rest) {
        rest = after;
        match token {
            Token::Start(name) if open.len() <= MAX_DEPTH => {
                if let Some(parent) = open.last_mut() {
                    parent.has_children = true;
                }
                open.push(Open {
                    name,
                    text: String::new(),
                    has_children: false,
                });
            }
            Token::Empty(name) => {
                if let Some(parent) = open.last_mut() {
                    parent.has_children = true;
                    found.push(&path(&open, name), "");
                }
            }
            Token::End(name) => {
                let Some(at) = open.iter().rposition(|element| element.name == name) else {
                    continue;
                };
                open.truncate(at + 1);
                let element = open.pop();
                if let Some(element) = element.filter(|it| !open.is_empty() && !it.has_children) {
                    found.push(&path(&open, name), element.text.trim());
                }
            }
            Token::Text(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&unescaped(text));
                }
            }
            Token::Cdata(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(text);
                }
            }
            Token::Start(_) | Token::Nothing => {}
        }
    }
    found
}

/// The path of `name` within the open elements, without the first of them.
fn path(open: &[Open<'_>], name: &str) -> String {
    let around = open.iter().skip(1).map(|element| element.name);
    around.chain([name]).collect::<Vec<_>>().join("/")
}

/// The first token and what follows it; `None` at the end.
fn next(text: &str) -> Option<(Token<'_>, &str)> {
    if text.is_empty() {
        return None;
    }
    let Some(tag) = text.strip_prefix('<') else {
        let end = text.find('<').unwrap_or(text.len());
        let (before, after) = text.split_at(end);
        return Some((Token::Text(before), after));
    };
    if let Some(inside) = tag.strip_prefix("![CDATA[") {
        let (inside, after) = inside.split_once("]]>").unwrap_or((inside, ""));
        return Some((Token::Cdata(inside), after));
    }
    if let Some(comment) = tag.strip_prefix("!--") {
        return Some((
            Token::Nothing,
            comment.split_once("-->").map_or("", |(_, after)| after),
        ));
    }
    let end = tag.find('>');
    let token = end.map(|end| (&tag[..end], &tag[end + 1..]));
    if let Some((inside, after)) = token {
        if inside.starts_with(['!', '?']) {
            return Some((Token::Nothing, after));
        }
        if let Some(name) = inside
            .strip_prefix('/')
            .map(str::trim)
            .filter(|name| is_name(name))
        {
            return Some((Token::End(name), after));
        }
        let (start, is_empty) = inside
            .strip_suffix('/')
            .map_or((inside, false), |it| (it, true));
        let name = start.split_whitespace().next().unwrap_or_default();
        if is_name(name) && start.starts_with(name) {
            let token = if is_empty {
                Token::Empty(name)
            } else {
                Token::Start(name)
            };
            return Some((token, after));
        }
    }
    // A `<` that begins no tag is text.
    let end = tag.find('<').map_or(text.len(), |at| at + 1);
    let (before, after) = text.split_at(end);
    Some((Token::Text(before), after))
}

fn is_name(text: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(is_of_name)
}

/// The text with the references of XML resolved, and others as they are.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let reference = after
            .split_once(';')
            .and_then(|(name, after)| Some((resolve(name)?, after)));
        match reference {
            Some((character, after)) => {
                plain.push(character);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn resolve(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        name => {
            let number = name.strip_prefix('#')?;
            let number = number.strip_prefix(['x', 'X']).map_or_else(
                || number.parse().ok(),
                |hex| u32::from_str_radix(hex, 16).ok(),
            );
            char::from_u32(number?).filter(|c| *c != '\0')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = parse(text);
        let found: Vec<_> = found.iter().collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn what_is_closed_is_read_whatever_is_around_it() {
        check(
            "<xml><A>Tom & Jerry</A><B>1</B></xml>",
            &[("A", "Tom & Jerry"), ("B", "1")],
        );
        check(
            "<xml><A>a&nbsp;b&amp;&#x4f60;&#0;</A></xml>",
            &[("A", "a&nbsp;b&你&#0;")],
        );
        check("<xml><A>1</A></xml>\0\0", &[("A", "1")]);
        check(
            "<xml><A>1 < 2 and 3 > 2</A><B/></xml>",
            &[("A", "1 < 2 and 3 > 2"), ("B", "")],
        );
        check(
            "<xml><A><![CDATA[<x>&]]></A><B>2</B>",
            &[("A", "<x>&"), ("B", "2")],
        );
        check("<xml><A>1</A><B>cut of", &[("A", "1")]);
        check(
            "<xml><L><I>a</I><I>b</I></L></xml>",
            &[("L/I", "a"), ("L/I", "b")],
        );
        check("<xml><A>1<B>2</A><C>3</C></xml>", &[("C", "3")]);
        check(
            "<xml></Z><A x='1'>1</A></xml><xml><A>2</A></xml>",
            &[("A", "1"), ("A", "2")],
        );
        check(
            "<?xml version=\"1.0\"?><!-- <A>0</A> --><xml><A>1</A></xml>",
            &[("A", "1")],
        );
        for nothing in [
            "",
            "hello",
            "<xml>",
            "<<<>>>",
            "&&&",
            "<![CDATA[",
            "<!--",
            "</xml>",
        ] {
            check(nothing, &[]);
        }
        let deep = format!("<xml>{}", "<a>".repeat(100_000));
        check(&deep, &[]);
    }
}
