//! The key `e`: what the dashboard knows of a session, and what is read for it, as files beside the store.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;

use super::bundle::{Bundle, cannot_write};
use crate::{
    aws::Fleet,
    domain::SessionId,
    export::{Folder, Remembered},
    program::Refusal,
    runtime::effects::{ExportRequest, Exporter},
    watch::{WatchConfig, log_places},
};

/// Folders of one session in one second.
const MOST_OF_A_SECOND: u32 = 100;

/// Exports into folders of their own, beside the store at `store`.
pub(in crate::program) fn exporter(fleet: Fleet, watched: WatchConfig, store: &Path) -> Exporter {
    let store = store.to_owned();
    let watched = Arc::new(watched);
    Arc::new(move |request| {
        let (fleet, watched, store) = (fleet.clone(), Arc::clone(&watched), store.clone());
        Box::pin(async move {
            export(&fleet, &watched, &store, request).await.map_err(|refusal| (refusal.what, refusal.to_do))
        })
    })
}

async fn export(
    fleet: &Fleet,
    watched: &WatchConfig,
    store: &Path,
    ExportRequest { known, detector }: ExportRequest,
) -> Result<PathBuf, Refusal> {
    let session = &known.session;
    let Some(client) = fleet.scope(&session.key.scope) else {
        return Err(Refusal::failed(
            format!("{} is not watched any more", session.key.scope),
            "restart with that scope in the config",
        ));
    };
    let output = free_folder(store, &session.key.id, Timestamp::now())?;
    let places = log_places(&client, session, watched).await;
    let bundle = Bundle {
        session,
        client: &client,
        places: &places,
        rules: &*detector,
        output: &output,
        masked: true,
        quiet: true,
    };
    let mut folder = Folder::open(&output).map_err(|error| cannot_write(&output, &error))?;
    let log = bundle.log(&mut folder).await?;
    let remembered = {
        let (store, key) = (store.to_owned(), session.key.clone());
        let read = tokio::task::spawn_blocking(move || Remembered::read(&store, &key)).await;
        read.unwrap_or_else(|error| Remembered::unread(error.to_string()))
    };
    // The dashboard writes the act down before it asks for an export.
    bundle.finish(folder, &log, &known, &remembered, None)?;
    Ok(output)
}

/// A folder that nothing is in: named for the session and the time.
fn free_folder(store: &Path, session: &SessionId, now: Timestamp) -> Result<PathBuf, Refusal> {
    let home = store.parent().unwrap_or(Path::new("")).join("evidence");
    let name = format!("{}-{}", file_name(session.as_str()), now.strftime("%Y%m%dT%H%M%SZ"));
    let names = std::iter::once(name.clone()).chain((2..=MOST_OF_A_SECOND).map(|number| format!("{name}-{number}")));
    let free = names.map(|name| home.join(name)).find(|path| path.symlink_metadata().is_err());
    free.ok_or_else(|| Refusal::failed(format!("{} is there already", home.join(name).display()), "try again"))
}

/// The id as a file's name: what AWS never has in an id does not lead out of the folder.
fn file_name(id: &str) -> String {
    let kept = |character: char| character.is_ascii_alphanumeric() || "._-=,@+".contains(character);
    let name: String = id.chars().map(|character| if kept(character) { character } else { '_' }).collect();
    // Nor is it hidden.
    if name.starts_with('.') { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn folders_are_named_for_session_and_time_and_never_twice() {
        let home = tempfile::tempdir().unwrap();
        let store = home.path().join("ssmwatch.db");
        let at: Timestamp = "2026-11-25T08:09:10.5Z".parse().unwrap();
        let free = |id: &str| free_folder(&store, &SessionId::from(id), at).unwrap();
        let first = free("jane@example.com-0a1b");
        assert_eq!(first, home.path().join("evidence/jane@example.com-0a1b-20261125T080910Z"));
        std::fs::create_dir_all(&first).unwrap();
        assert_eq!(
            free("jane@example.com-0a1b"),
            home.path().join("evidence/jane@example.com-0a1b-20261125T080910Z-2")
        );
        assert_eq!(free("../../x/y"), home.path().join("evidence/_.._.._x_y-20261125T080910Z"));
    }
}
