//! XML into (path, value) pairs, in one pass and without recursion.

use super::{FieldsError, MAX_DEPTH};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};

/// An element that is open: what it holds so far.
#[derive(Default)]
struct Open {
    /// Length of the path without this element.
    parent_path_len: usize,
    /// Text that counts.
    text: String,
    /// Text since the last tag or CDATA section; layout if it is white space next to one.
    run: String,
    has_cdata: bool,
    has_children: bool,
}

#[derive(Default)]
struct Leaves {
    path: String,
    open: Vec<Open>,
    found: Vec<(String, String)>,
    root_closed: bool,
}

pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, FieldsError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut leaves = Leaves::default();
    loop {
        let malformed = FieldsError::Xml(reader.buffer_position());
        match reader.read_event().map_err(|_| malformed)? {
            Event::Start(start) => leaves.enter(start.name().as_ref(), malformed)?,
            Event::End(_) => leaves.leave(),
            Event::Text(text) => leaves.text(&text.xml10_content(), malformed)?,
            Event::CData(text) => leaves.cdata(&text.xml10_content(), malformed)?,
            Event::GeneralRef(entity) => {
                let resolved = resolve(&entity).ok_or(malformed)?;
                leaves.text(&resolved, malformed)?;
            }
            Event::DocType(_) => return Err(FieldsError::DocumentType),
            Event::Eof if leaves.root_closed => return Ok(leaves.found),
            Event::Eof => return Err(malformed),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

impl Leaves {
    fn enter(&mut self, name: &str, malformed: FieldsError) -> Result<(), FieldsError> {
        if self.root_closed {
            return Err(malformed);
        }
        if self.open.len() > MAX_DEPTH {
            return Err(FieldsError::TooDeep);
        }
        let parent_path_len = self.path.len();
        if let Some(parent) = self.open.last_mut() {
            parent.drop_layout();
            parent.has_children = true;
            if parent_path_len > 0 {
                self.path.push('/');
            }
            self.path.push_str(name);
        }
        self.open.push(Open {
            parent_path_len,
            ..Open::default()
        });
        Ok(())
    }

    fn leave(&mut self) {
        // The reader has checked that every end has its start.
        let Some(mut element) = self.open.pop() else {
            return;
        };
        self.root_closed = self.open.is_empty();
        if element.has_cdata || element.has_children {
            element.drop_layout();
        } else {
            element.text.push_str(&element.run);
        }
        if !self.root_closed && (!element.has_children || !element.text.is_empty()) {
            self.found.push((self.path.clone(), element.text));
        }
        self.path.truncate(element.parent_path_len);
    }

    fn text(&mut self, text: &str, malformed: FieldsError) -> Result<(), FieldsError> {
        match self.open.last_mut() {
            Some(element) => element.run.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(malformed),
        }
        Ok(())
    }

    fn cdata(&mut self, text: &str, malformed: FieldsError) -> Result<(), FieldsError> {
        let element = self.open.last_mut().ok_or(malformed)?;
        element.drop_layout();
        element.has_cdata = true;
        element.text.push_str(text);
        Ok(())
    }
}

impl Open {
    /// Takes over the text before a tag or CDATA section, unless it is white space.
    fn drop_layout(&mut self) {
        if !self.run.trim().is_empty() {
            self.text.push_str(&self.run);
        }
        self.run.clear();
    }
}

/// The five entities of XML and character references. Others need a document type, which is refused.
fn resolve(entity: &BytesRef<'_>) -> Option<String> {
    match entity.resolve_char_ref() {
        Ok(Some(character)) => Some(character.to_string()),
        Ok(None) => resolve_predefined_entity(entity).map(str::to_owned),
        Err(_) => None,
    }
}
