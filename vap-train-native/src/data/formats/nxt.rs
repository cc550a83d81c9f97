//! XML in the layout of the NITE XML Toolkit: elements with attributes, and references `file#id(a)..id(b)`.
//!
//! A file is read whole into a flat list of elements; text is left out. UTF-8, ASCII and ISO-8859-1 are read.

use std::path::{Path, PathBuf};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::data::files::read_bytes;
use crate::data::{CorpusError, Result};

/// The elements of one file, in document order.
pub struct Document {
    /// Where it was read.
    pub path: PathBuf,
    /// Elements; a parent stands before its children.
    pub elements: Vec<Element>,
}

/// One element.
pub struct Element {
    /// Name with its prefix, e.g. `nite:child`.
    pub name: String,
    /// Index of the parent in [`Document::elements`].
    pub parent: Option<usize>,
    attributes: Vec<(String, String)>,
}

/// A reference to one element or to a range of elements in document order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// File name, e.g. `ES2002a.A.words.xml`.
    pub file: String,
    /// First id.
    pub first: String,
    /// Last id; the first when there is only one.
    pub last: String,
}

impl Document {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`CorpusError::Missing`], or [`CorpusError::Xml`] with the byte where it stops being XML.
    pub fn read(path: &Path, what: &'static str) -> Result<Document> {
        let fault = |position, message: String| CorpusError::Xml { path: path.into(), position, message };
        let text = decode(read_bytes(path, what)?).map_err(|message| fault(0, message))?;
        let mut reader = Reader::from_str(&text);
        let (mut elements, mut open) = (Vec::new(), Vec::new());
        loop {
            let event =
                reader.read_event().map_err(|error| fault(reader.error_position(), error.to_string()))?;
            match event {
                Event::Start(start) => {
                    let element = element(&start, open.last().copied())
                        .map_err(|message| fault(reader.buffer_position(), message))?;
                    open.push(elements.len());
                    elements.push(element);
                }
                Event::Empty(start) => {
                    let element = element(&start, open.last().copied())
                        .map_err(|message| fault(reader.buffer_position(), message))?;
                    elements.push(element);
                }
                Event::End(_) => {
                    open.pop();
                }
                Event::Eof => break,
                _ => {}
            }
        }
        // The reader checks end tags against start tags, not that all were closed.
        if elements.is_empty() || !open.is_empty() {
            let message = format!("the file ends early: {} element(s) are still open", open.len());
            return Err(fault(reader.buffer_position(), message));
        }
        Ok(Document { path: path.into(), elements })
    }

    /// Elements of one name with their index.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (usize, &'a Element)> {
        self.elements.iter().enumerate().filter(move |(_, element)| element.name == name)
    }

    /// A required attribute.
    pub fn required<'a>(&self, element: &'a Element, attribute: &'static str) -> Result<&'a str> {
        element.get(attribute).ok_or_else(|| self.attribute_error(element, attribute, "a value"))
    }

    /// A required attribute in seconds.
    pub fn seconds(&self, element: &Element, attribute: &'static str) -> Result<f64> {
        match self.required(element, attribute)?.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => Ok(seconds),
            _ => Err(self.attribute_error(element, attribute, "seconds, 0 or more")),
        }
    }

    /// The required reference in attribute `href`.
    pub fn reference(&self, element: &Element) -> Result<Reference> {
        Reference::parse(self.required(element, "href")?)
            .ok_or_else(|| self.attribute_error(element, "href", "file#id(a) or file#id(a)..id(b)"))
    }

    /// An error at an attribute of an element of this file.
    pub fn attribute_error(&self, element: &Element, attribute: &'static str, expected: &str) -> CorpusError {
        CorpusError::Attribute {
            path: self.path.clone(),
            element: format!("<{}> {}", element.name, element.get("nite:id").unwrap_or("without id")),
            attribute,
            expected: expected.into(),
            found: element.get(attribute).map_or("nothing".into(), |value| format!("{value:?}")),
        }
    }
}

impl Element {
    /// Value of an attribute.
    pub fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == attribute).map(|(_, value)| value.as_str())
    }
}

impl Reference {
    fn parse(text: &str) -> Option<Reference> {
        let (file, ids) = text.split_once('#')?;
        let id = |text: &str| Some(text.strip_prefix("id(")?.strip_suffix(')')?.to_owned());
        let (first, last) = match ids.split_once("..") {
            Some((first, last)) => (id(first)?, id(last)?),
            None => (id(ids)?, id(ids)?),
        };
        Some(Reference { file: file.into(), first, last })
    }
}

fn element(start: &BytesStart<'_>, parent: Option<usize>) -> Result<Element, String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|error| error.to_string())?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Element { name: start.name().as_ref().to_owned(), parent, attributes })
}

/// Text of an XML file by the encoding that its first line declares.
fn decode(bytes: Vec<u8>) -> Result<String, String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).to_ascii_lowercase();
    if head.contains("encoding=\"iso-8859-1\"") || head.contains("encoding='iso-8859-1'") {
        return Ok(bytes.into_iter().map(char::from).collect());
    }
    String::from_utf8(bytes).map_err(|_| "expected UTF-8 or a declared ISO-8859-1".into())
}
