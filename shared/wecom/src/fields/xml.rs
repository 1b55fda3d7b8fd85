//! XML into (path, value) pairs, in one pass and without recursion.

use super::{Fields, FieldsError, MAX_DEPTH};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};

/// An element that is open: where in the path and in the text it begins.
struct Open {
    /// Length of the path without this element.
    path: usize,
    /// Length of the text of the elements around it.
    text: usize,
    /// Length of the text up to the last tag or CDATA section. What follows is layout if it is white space next to one.
    run: usize,
    has_cdata: bool,
    has_children: bool,
}

#[derive(Default)]
struct Leaves {
    path: String,
    /// What the open elements hold so far, the inner behind the outer.
    text: String,
    open: Vec<Open>,
    found: Fields,
    root_closed: bool,
}

pub(super) fn parse(text: &str) -> Result<Fields, FieldsError> {
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
        let path = self.path.len();
        if let Some(parent) = self.open.last_mut() {
            parent.drop_layout(&mut self.text);
            parent.has_children = true;
            if path > 0 {
                self.path.push('/');
            }
            self.path.push_str(name);
        }
        self.open.push(Open {
            path,
            text: self.text.len(),
            run: self.text.len(),
            has_cdata: false,
            has_children: false,
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
            element.drop_layout(&mut self.text);
        }
        let text = &self.text[element.text..];
        if !self.root_closed && (!element.has_children || !text.is_empty()) {
            self.found.push(&self.path, text);
        }
        self.text.truncate(element.text);
        self.path.truncate(element.path);
    }

    fn text(&mut self, text: &str, malformed: FieldsError) -> Result<(), FieldsError> {
        if !self.open.is_empty() {
            self.text.push_str(text);
        } else if !text.trim().is_empty() {
            return Err(malformed);
        }
        Ok(())
    }

    fn cdata(&mut self, text: &str, malformed: FieldsError) -> Result<(), FieldsError> {
        let element = self.open.last_mut().ok_or(malformed)?;
        element.drop_layout(&mut self.text);
        element.has_cdata = true;
        self.text.push_str(text);
        element.run = self.text.len();
        Ok(())
    }
}

impl Open {
    /// Takes over the text before a tag or CDATA section, unless it is white space.
    fn drop_layout(&mut self, text: &mut String) {
        if text[self.run..].trim().is_empty() {
            text.truncate(self.run);
        }
        self.run = text.len();
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
