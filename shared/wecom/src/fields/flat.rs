//! The one form of XML that WeCom writes nearly all its messages in: a root, and below it elements without attributes,
//! each with one CDATA section or plain text. It is read without a tokenizer, several times as fast.
//!
//! Whatever is in any way different is none of this form, and is left to the general parser, which also is the judge of
//! errors. The two agree on every text that is read here; a property test holds them to it.

use super::Fields;

/// Fields of a usual message.
const USUAL_FIELDS: usize = 16;

/// The fields, or `None` if the text is not of this form.
pub(super) fn parse(text: &str) -> Option<Fields> {
    // The general parser makes line ends equal.
    if text.contains('\r') {
        return None;
    }
    let mut fields = Fields {
        text: String::with_capacity(text.len()),
        ends: Vec::with_capacity(USUAL_FIELDS),
    };
    let mut rest = text.strip_prefix("<xml>")?;
    loop {
        rest = rest.trim_start();
        if rest == "</xml>" {
            return Some(fields);
        }
        let (name, behind) = name(rest.strip_prefix('<')?)?;
        let (value, behind) = match behind.strip_prefix("<![CDATA[") {
            Some(section) => cdata(section)?,
            None => plain(behind)?,
        };
        fields.push(name, value);
        let behind = behind.strip_prefix("</")?.strip_prefix(name)?;
        rest = behind.strip_prefix('>')?;
    }
}

/// A name and what is behind its `>`. Of what XML allows in names, WeCom uses letters, digits and underscores.
fn name(text: &str) -> Option<(&str, &str)> {
    let is_end = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'_';
    let (name, rest) = text.split_at(text.bytes().position(is_end)?);
    Some((name, rest.strip_prefix('>')?)).filter(|(name, _)| !name.is_empty())
}

/// The content of a section, and what is behind its end.
fn cdata(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    loop {
        let end = from + text[from..].find(']')?;
        if let Some(behind) = text[end..].strip_prefix("]]>") {
            return Some((&text[..end], behind));
        }
        from = end + 1;
    }
}

/// Text up to the next tag. With references in it, it is not plain.
fn plain(text: &str) -> Option<(&str, &str)> {
    let (value, rest) = text.split_at(text.find('<')?);
    (!value.contains(['&', '>'])).then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::super::xml;
    use super::parse;
    use proptest::prelude::{ProptestConfig, prop, prop_assert_eq, proptest};

    #[test]
    fn what_wecom_writes_is_of_this_form() {
        for text in [
            "<xml></xml>",
            "<xml><A><![CDATA[x]y]]z]]></A><B>1</B><C></C><D><![CDATA[]]></D></xml>",
            "<xml>\n  <Event_Key><![CDATA[<b>&amp;]]></Event_Key>\n <B> 你 </B>\n</xml>",
        ] {
            let read = parse(text).expect(text);
            assert_eq!(xml::parse(text).as_ref(), Ok(&read), "{text}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_general_parser() {
        for text in [
            "",
            "<xml>",
            "<root><A>1</A></root>",
            "<xml><A/></xml>",
            "<xml><A b=\"c\">1</A></xml>",
            "<xml><L><I>a</I></L></xml>",
            "<xml><A>a&amp;b</A></xml>",
            "<xml><A>1</B></xml>",
            "<xml><A><![CDATA[1]]> </A></xml>",
            "<xml><A><![CDATA[1]]><![CDATA[2]]></A></xml>",
            "<xml><A><![CDATA[1\r\n]]></A></xml>",
            "<xml><A>1</A></xml><xml></xml>",
            "<?xml version=\"1.0\"?><xml><A>1</A></xml>",
            "<xml><!-- c --></xml>",
            "<!DOCTYPE x><xml></xml>",
            "<xml><>1</></xml>",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn both_parsers_agree(pieces in prop::collection::vec(
            "<xml>|</xml>|<A>|</A>|<B_1>|</B_1>|<C/>|\
             <!\\[CDATA\\[|\\]\\]>|\\]|<|>|/|&amp;|&|x|你| |\\n|\\r|<!--|-->|\\x00|\\PC{1,3}",
            0..24,
        )) {
            for text in [pieces.concat(), format!("<xml>{}</xml>", pieces.concat())] {
                if let Some(read) = parse(&text) {
                    prop_assert_eq!(xml::parse(&text), Ok(read), "{}", text);
                }
            }
        }

        #[test]
        fn both_parsers_agree_on_what_is_nearly_of_this_form(
            elements in prop::collection::vec(
                ("[A-Z][a-z_0-9]{0,3}", "[ -~]{0,6}|你好|\\]\\]|\\x01", prop::bool::ANY, "[ \\n]{0,2}"), 0..6,
            ),
        ) {
            let element = |(name, value, section, layout): &(String, String, bool, String)| match section {
                true => format!("{layout}<{name}><![CDATA[{value}]]></{name}>"),
                false => format!("{layout}<{name}>{value}</{name}>"),
            };
            let text = format!("<xml>{}</xml>", elements.iter().map(element).collect::<String>());
            if let Some(read) = parse(&text) {
                prop_assert_eq!(xml::parse(&text), Ok(read), "{}", text);
            }
        }
    }
}
