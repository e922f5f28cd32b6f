//! Pages: all of them or an error, never a part that looks like the whole.

use std::future::Future;

use super::failure::other;
use crate::domain::Failure;

/// One page of a listing.
pub(super) struct Page<T> {
    /// What it holds.
    pub items: Vec<T>,
    /// Where the next one starts; nothing: this was the last.
    pub next: Option<String>,
}

/// Reads pages until the last one.
///
/// # Errors
/// Of the request; when a token comes back that was already used; when `most` pages were not enough.
pub(super) async fn all_pages<T, F, R>(action: &'static str, most: usize, mut read: F) -> Result<Vec<T>, Failure>
where
    F: FnMut(Option<String>) -> R,
    R: Future<Output = Result<Page<T>, Failure>>,
{
    let mut items = Vec::new();
    let mut used: Vec<String> = Vec::new();
    let mut token = None;
    for _ in 0..most {
        let page = read(token.take()).await?;
        items.extend(page.items);
        match page.next.filter(|next| !next.is_empty()) {
            None => return Ok(items),
            Some(next) if used.contains(&next) => return Err(other(action, "the service repeated a page token")),
            Some(next) => {
                used.push(next.clone());
                token = Some(next);
            }
        }
    }
    Err(other(action, &format!("more than {most} pages: the listing is incomplete")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    async fn read(pages: &[(&[u32], Option<&str>)], most: usize) -> Result<Vec<u32>, Failure> {
        let mut turn = pages.iter();
        all_pages("x:List", most, |_| {
            let (items, next) = turn.next().copied().unwrap();
            async move { Ok(Page { items: items.to_vec(), next: next.map(str::to_owned) }) }
        })
        .await
    }

    #[tokio::test]
    async fn pages_are_joined_to_the_last() {
        assert_eq!(read(&[(&[1, 2], Some("a")), (&[], Some("b")), (&[3], None)], 9).await.unwrap(), [1, 2, 3]);
        assert_eq!(read(&[(&[1], Some(""))], 9).await.unwrap(), [1]);
    }

    #[tokio::test]
    async fn a_repeated_token_is_an_error() {
        let failure = read(&[(&[1], Some("a")), (&[2], Some("b")), (&[3], Some("a"))], 9).await.unwrap_err();
        assert!(failure.message.contains("repeated"), "{failure:?}");
    }

    #[tokio::test]
    async fn too_many_pages_are_not_a_complete_listing() {
        let failure = read(&[(&[1], Some("a")), (&[2], Some("b"))], 2).await.unwrap_err();
        assert!(failure.message.contains("incomplete"), "{failure:?}");
    }
}
