//! A session that may only look: what changes the cluster is not offered, and refused with a calm line all the same.

use super::play::{Play, empty, play};
use crate::tui::Myself;
use crate::tui::keymap::{BINDINGS, of_screen};
use crate::tui::model::Model;
use crate::tui::model::overlay::Overlay;
use crate::tui::model::place::Kind;

/// The same hand-made cluster seen by a session of its own.
fn session(read_only: bool, role: Option<&'static str>) -> Play {
    let mut session = empty((80, 24));
    session.model =
        Model::new("unix:///run/w.sock", read_only, (80, 24), session.now_ms).known_as(role.map(|role| Myself {
            id: "o-jo".into(),
            role,
        }));
    session.show(super::fixture::cluster());
    session
}

/// Everything that changes something, by key and by command.
const CHANGES: [&str; 41] = [
    "1b",
    "2s",
    "2t",
    "3R",
    "3r",
    "3jr",
    "3a",
    "3L",
    "4X",
    ":shred db_password<enter>",
    ":dek<enter>",
    ":lock<enter>",
    "3oD",
    "3o<ctrl-d>",
    "4n",
    "4r",
    "4<ctrl-d>",
    "4a",
    "4D",
    "5n",
    "5D",
    "6p",
    "6jjjd",
    "6a",
    "6e",
    "6D",
    ":node promote wrk-1<enter>",
    ":swarm ca<enter>",
    ":backup<enter>",
    ":operator rm kim<enter>",
    "5s",
    "5<enter>U",
    "5m<space>",
    "5me",
    "5m<space>p",
    "4P",
    "8p",
    "8D",
    "8<enter><ctrl-d>",
    ":scale api<enter>",
    ":prune db_password<enter>",
];

#[test]
fn nothing_that_writes_is_begun() {
    for (read_only, identity, words) in [
        (true, None, "this session was started with --read-only and stays so"),
        (false, Some("viewer"), "a viewer looks and changes nothing"),
    ] {
        for keys in CHANGES {
            let mut play = session(read_only, identity);
            play.keys(keys);
            assert!(play.model.wizard.is_none() && play.calls() == 0, "{keys}");
            play.shows(words);
            play.shows("READ-ONLY");
        }
        let mut play = session(read_only, identity);
        play.keys(":rw<enter>4r");
        assert!(play.model.wizard.is_none());
        play.shows(words);
    }
}

#[test]
fn the_same_keys_open_plans_for_those_who_may() {
    for keys in CHANGES {
        let mut play = session(false, Some("admin"));
        play.keys(keys);
        let staged = keys == "5m<space>" && !play.model.staged.is_empty();
        // Two of the nodes are by now what they would become.
        let nothing = keys.starts_with("6p") || keys == "6jjjd";
        let refused = play.model.wizard.is_none() && !nothing && !staged;
        assert!(!refused, "{keys}");
    }
}

#[test]
fn help_palette_and_bar_offer_none_of_it() {
    let mut play = session(true, None);
    for screen in ["1", "2", "3", "3o", "4", "5", "6", "6<enter>"] {
        play.keys(screen).keys("?");
        let Some(Overlay::Help(page)) = &play.model.overlay else {
            panic!("{screen}")
        };
        let help = page.lines.join("\n");
        for binding in BINDINGS.iter().filter(|binding| binding.writes) {
            assert!(!help.contains(binding.help), "{screen}: {}", binding.help);
        }
        for command in [
            ":secret rotate",
            ":node promote",
            ":swarm ca",
            ":backup create",
            ":operator rm",
        ] {
            assert!(!help.contains(command), "{screen}: {command}");
        }
        assert!(help.contains(":swarm join-token"), "to look is allowed");
        play.keys("<esc><esc>");
    }
    play.keys(":promote");
    let Some(Overlay::Palette(palette)) = &play.model.overlay else {
        panic!()
    };
    assert!(
        palette
            .suggestions
            .iter()
            .all(|suggestion| !suggestion.line.contains("promote")),
        "{:?}",
        palette.suggestions
    );
    assert!(of_screen(Kind::Nodes, true).all(|binding| !binding.writes));
}

#[test]
fn the_palette_knows_nodes_and_operators_by_name() {
    let mut play = play(":drain wrk");
    play.shows("node update wrk-1");
    play.keys("<enter>");
    play.shows("wrk-1 > availability");
    play.keys("<esc>:node inspect mgr-3<enter>");
    play.shows("nodes > mgr-3");
    play.keys(":operator rm k<tab><enter>");
    play.shows("operator kim");
    play.keys("<esc>:tokens<enter>");
    play.shows("join tokens");
    play.keys("<esc>:step-down<enter>");
    play.shows("mgr-2 > step down");
}
