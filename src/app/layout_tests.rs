#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;
use crate::app::fixture;

const SPLITS: [Split; 9] = [
    Split::Table { opened: false },
    Split::Table { opened: true },
    Split::Detail,
    Split::Commands,
    Split::List(Screen::Alerts),
    Split::List(Screen::Preferences),
    Split::List(Screen::History),
    Split::List(Screen::Scopes),
    Split::List(Screen::Acts),
];

fn inside(inner: Rect, outer: Rect) -> bool {
    inner.x >= outer.x && inner.y >= outer.y && inner.right() <= outer.right() && inner.bottom() <= outer.bottom()
}

proptest! {
    #[test]
    fn panes_of_any_size_are_inside_do_not_overlap_and_keep_their_least(
        size in (1_u16..300, 1_u16..120),
        screen in proptest::sample::select(Screen::ALL.to_vec()),
        focus in proptest::sample::select(vec![Focus::Table, Focus::Detail, Focus::Transcript, Focus::Commands]),
        opened in any::<bool>(),
        kept in 0_usize..4,
        selected in any::<bool>(),
        chosen in proptest::collection::vec((0_usize..SPLITS.len(), 0_u16..400, 0_u16..400), 0..8),
    ) {
        let key = |index: usize| fixture::session(&format!("s-{index}")).key;
        let mut view = View { size, screen, focus, opened, ..View::default() };
        view.beside = (0..kept).map(key).collect();
        view.table.list.selected = selected.then(|| key(9));
        let before = Areas::of(size.0, size.1, &view);
        for (split, first, cells) in chosen {
            view.sizes.set(SPLITS[split % SPLITS.len()], first, cells);
        }
        let areas = Areas::of(size.0, size.1, &view);
        prop_assert_eq!(before.is_some(), areas.is_some());
        let Some(areas) = areas else { return Ok(()) };
        let whole = Rect::new(0, 0, size.0, size.1);
        let mut all = vec![areas.header, areas.banner, areas.footer];
        all.extend(areas.table.into_iter().chain(areas.detail).chain(areas.commands));
        match areas.panes.iter().flatten().next() {
            Some(_) => all.extend(areas.panes.iter().flatten().copied()),
            None => all.extend(areas.transcript),
        }
        for (index, area) in all.iter().enumerate() {
            prop_assert!(inside(*area, whole), "{:?}", area);
            for other in all.iter().skip(index + 1) {
                prop_assert!(area.intersection(*other).is_empty(), "{:?} {:?}", area, other);
            }
        }
        let cells: u32 = all.iter().map(|area| area.area()).sum();
        prop_assert_eq!(cells, whole.area(), "every cell belongs to a pane");
        for border in areas.borders(&view) {
            let (first, second) = border.split.least();
            prop_assert!(border.first >= first, "{:?}", border);
            prop_assert!(border.cells() - border.first >= second, "{:?}", border);
            prop_assert!(inside(border.whole, whole));
        }
    }

    #[test]
    fn the_cells_that_were_chosen_come_out_again(cells in 82_u16..1000, first in 0_u16..1000) {
        let mut sizes = crate::app::sizes::Sizes::default();
        prop_assert!(sizes.set(Split::Detail, first, cells));
        let (least, second) = Split::Detail.least();
        prop_assert_eq!(sizes.first(Split::Detail, cells), Some(first.clamp(least, cells - second)));
    }
}
