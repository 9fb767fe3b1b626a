//! Lists in pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::error::{RegistryError, Result};

/// Most items of a page.
const ITEMS_MAX: usize = 200;

/// Items of a page where nothing else is asked for.
const ITEMS: usize = 50;

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// How many items at most.
    pub limit: Option<usize>,
    /// [`Page::next`] of the page before.
    pub cursor: Option<String>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the list goes on, if it does.
    pub next: Option<String>,
}

impl PageRequest {
    /// How many items the page has.
    ///
    /// # Errors
    /// Where it is none or too many.
    pub(super) fn items(&self) -> Result<usize> {
        match self.limit {
            None => Ok(ITEMS),
            Some(limit) if (1..=ITEMS_MAX).contains(&limit) => Ok(limit),
            Some(_) => Err(RegistryError::invalid("/limit", format!("it is a number from 1 to {ITEMS_MAX}"))),
        }
    }

    /// Where the page begins.
    ///
    /// # Errors
    /// Where the cursor is not one that a list gave.
    pub(super) fn position<P: DeserializeOwned>(&self) -> Result<Option<P>> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let position = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|json| serde_json::from_slice(&json).ok());
        position.map(Some).ok_or_else(|| RegistryError::invalid("/cursor", "it is not one that this list gave"))
    }
}

impl<T> Page<T> {
    /// The first `limit` of `items`, of which there is at least one more where the list goes on;
    /// `position` says where an item stands.
    pub(super) fn of<P: Serialize>(mut items: Vec<T>, limit: usize, position: impl Fn(&T) -> P) -> Page<T> {
        let goes_on = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| goes_on).map(|last| {
            // A position is numbers and texts, which JSON always holds.
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&position(last)).unwrap_or_default())
        });
        Page { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_where_the_next_one_begins() {
        let page = Page::of(vec![1_u64, 2, 3], 2, |item| *item);
        assert_eq!(page.items, [1, 2]);
        let request = PageRequest { limit: None, cursor: page.next };
        assert_eq!(request.position::<u64>().unwrap(), Some(2));
        assert_eq!(Page::of(vec![1_u64, 2], 2, |item| *item).next, None);
        assert!(request.position::<String>().is_err());
        for cursor in ["", "!", "eyJ9", "AAAA", "'; --"] {
            let request = PageRequest { limit: Some(0), cursor: Some(cursor.to_owned()) };
            assert!(request.position::<u64>().is_err() && request.items().is_err(), "{cursor}");
        }
    }
}
