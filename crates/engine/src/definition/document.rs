//! What all configured entities of the second dialect have in common: an id, texts in several languages, where they came from.
//!
//! A kind adds its own members by implementing [`Content`]; everything that lists, drafts, publishes or shows a document is written
//! once and knows no kind (`ARCHITECTURE.md`, "How to add a kind").

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Definition, Kind};
use crate::timeframe::Timeframe;

/// A member that is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The member, as it is called on the wire.
    pub field: &'static str,
    /// One sentence.
    pub message: String,
}

impl Wrong {
    /// Makes one.
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
        }
    }
}

/// A mention of another document by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The member that mentions it.
    pub field: &'static str,
    /// What it must be.
    pub kind: Kind,
    /// Its id (of a metric: its key).
    pub id: &'a str,
}

/// What makes one kind of document different from the others.
pub trait Content:
    Serialize + DeserializeOwned + Clone + std::fmt::Debug + PartialEq + Send + Sync + 'static
{
    /// Its kind.
    const KIND: Kind;
    /// Whether its texts have a label; else only a description.
    const HAS_LABELS: bool = true;
    /// Whether it holds only in a timeframe.
    const HAS_TIMEFRAME: bool = false;
    /// Members that stay as they are when a replacement does not mention them.
    const KEPT: &'static [&'static str] = &[];

    /// What is wrong with its own members.
    fn problems(&self) -> Vec<Wrong>;

    /// The documents it mentions, which must exist.
    fn references(&self) -> Vec<Reference<'_>> {
        Vec::new()
    }

    /// Its id, for kinds whose id follows from their members.
    fn derived_id(&self) -> Option<String> {
        None
    }

    /// The timeframe in which it holds.
    fn timeframe(&self) -> Option<&Timeframe> {
        None
    }

    /// Whether it acts at instants of its own, without anybody asking.
    fn acts_by_itself(&self) -> bool {
        false
    }

    /// The entity of another workspace it was copied from.
    fn catalog_reference(&self) -> Option<&str> {
        None
    }
}

/// Where a document came from (spec/aworld.md 2.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Origin {
    /// A catalog.
    Catalog,
    /// Its own workspace.
    #[default]
    Custom,
}

/// The texts of a document in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Translation {
    /// The language.
    pub lang: String,
    /// Short text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Longer text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A configured entity of the second dialect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<T> {
    /// The id it is known by: the client's or ours.
    pub id: String,
    /// The language that stands in for missing ones.
    pub default_lang: String,
    /// The texts, one language each.
    pub translations: Vec<Translation>,
    /// What its kind adds.
    #[serde(flatten)]
    pub content: T,
}

/// The most languages of a document (spec/aworld.md 2.8).
const TRANSLATIONS_MAX: usize = 10;
/// The longest id a client may choose.
const ID_CHARS_MAX: usize = 255;
/// The longest text of a document (spec/aworld.md 2.2: descriptions up to 2000).
const TEXT_CHARS_MAX: usize = 2_000;

impl<T: Content> Document<T> {
    /// Where it came from.
    pub fn origin(&self) -> Origin {
        if self.content.catalog_reference().is_some() {
            Origin::Catalog
        } else {
            Origin::Custom
        }
    }

    /// The languages it has texts in.
    pub fn langs(&self) -> Vec<&str> {
        self.translations
            .iter()
            .map(|translation| translation.lang.as_str())
            .collect()
    }

    /// Everything that is wrong with it.
    pub fn problems(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        if self.id.is_empty()
            || self.id.chars().count() > ID_CHARS_MAX
            || self.id.contains(['/', '\0'])
        {
            wrong.push(Wrong::new(
                "id",
                "must have 1 to 255 characters and no / or NUL",
            ));
        }
        // Clients resolve these segments away before they send a path.
        if matches!(self.id.as_str(), "." | "..") {
            wrong.push(Wrong::new("id", "must not be . or .."));
        }
        if !is_language(&self.default_lang) {
            wrong.push(Wrong::new("defaultLang", "must be a language code"));
        }
        if self.translations.is_empty() || self.translations.len() > TRANSLATIONS_MAX {
            wrong.push(Wrong::new("translations", "must have 1 to 10 items"));
        }
        for (index, translation) in self.translations.iter().enumerate() {
            wrong.extend(self.translation_problem(index, translation));
        }
        wrong.extend(self.content.problems());
        wrong
    }

    fn translation_problem(&self, index: usize, translation: &Translation) -> Option<Wrong> {
        let at = |text: String| Some(Wrong::new("translations", format!("item {index}: {text}")));
        if !is_language(&translation.lang) {
            return at("lang must be a language code".to_owned());
        }
        let earlier = self.translations.iter().take(index);
        if earlier.into_iter().any(|t| t.lang == translation.lang) {
            return at(format!("lang {} comes twice", translation.lang));
        }
        if T::HAS_LABELS && translation.label.is_none() {
            return at("label is required".to_owned());
        }
        for (name, text) in [
            ("label", &translation.label),
            ("description", &translation.description),
        ] {
            if let Some(text) = text
                && let Some(why) = text_problem(text)
            {
                return at(format!("{name} {why}"));
            }
        }
        None
    }

    /// The texts for a reader of a language (spec/aworld.md 2.10): that language, the document's
    /// default, English, any.
    pub fn translation(&self, lang: &str) -> Option<&Translation> {
        resolved(&self.translations, &self.default_lang, lang)
    }
}

/// The texts for a reader of a language.
pub fn resolved<'a>(
    translations: &'a [Translation],
    default_lang: &str,
    lang: &str,
) -> Option<&'a Translation> {
    [lang, default_lang, "en"]
        .into_iter()
        .find_map(|lang| translations.iter().find(|t| t.lang == lang))
        .or_else(|| translations.first())
}

impl<T: Content> Definition for Document<T> {
    const KIND: Kind = T::KIND;

    fn unique_key(&self) -> Option<String> {
        Some(self.id.clone())
    }

    fn problem(&self) -> Option<String> {
        self.problems()
            .into_iter()
            .next()
            .map(|wrong| format!("{} {}", wrong.field, wrong.message))
    }
}

/// Whether a text has the form of a language code: two or three letters, `zh-CN`, `zh-TW` or `root`.
pub fn is_language(text: &str) -> bool {
    matches!(text, "zh-CN" | "zh-TW" | "root")
        || (matches!(text.len(), 2 | 3) && text.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// Whether a text is an absolute address.
pub fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    text.len() <= 2_048
        && scheme
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        && !rest.is_empty()
        && rest.bytes().all(|b| {
            b.is_ascii_graphic()
                && !matches!(
                    b,
                    b'<' | b'>' | b'"' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
                )
        })
}

fn text_problem(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("must not be empty")
    } else if text.chars().count() > TEXT_CHARS_MAX {
        Some("must have at most 2000 characters")
    } else if text.contains('\0') {
        Some("must not contain NUL")
    } else {
        None
    }
}

/// What is wrong with a text that must be there.
pub(super) fn required_text(field: &'static str, text: &str) -> Option<Wrong> {
    text_problem(text).map(|why| Wrong::new(field, why))
}

/// What is wrong with a text that may be there.
pub(super) fn optional_text(field: &'static str, text: Option<&str>) -> Option<Wrong> {
    text.and_then(|text| required_text(field, text))
}

/// What is wrong with the id of another workspace.
pub(super) fn workspace_problem(field: &'static str, id: Option<&str>) -> Option<Wrong> {
    let is_id10 = |id: &str| {
        id.len() == 10
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    id.filter(|id| !is_id10(id))
        .map(|_| Wrong::new(field, "must have 10 letters, digits, - or _"))
}

/// What is wrong with an expression. Its meaning is not looked at (spec/aworld.md 4.2).
pub(super) fn expression_problem(field: &'static str, expression: &Value) -> Option<Wrong> {
    const BYTES_MAX: usize = 16 * 1_024;
    (expression.to_string().len() > BYTES_MAX)
        .then(|| Wrong::new(field, "must have at most 16384 bytes"))
}
