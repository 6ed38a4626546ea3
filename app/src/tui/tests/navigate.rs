//! Moving about: filters, sorting, history, palette, help, and what a selection is.

use wardroom_api::v1::{Change, Changes, ObjectKey, Secret, change, watch_message};

use super::play::{play, sized};
use crate::tui::keymap::BINDINGS;
use crate::tui::model::list::ListId;
use crate::tui::model::place::Place;
use crate::tui::msg::Effect;

fn secret_names(keys: &str) -> Vec<String> {
    let play = play(keys);
    let list = play.model.list(ListId::Secrets).unwrap();
    list.keys
        .iter()
        .map(|key| play.model.cluster.secrets[key].name.clone())
        .collect()
}

#[test]
fn filters_narrow_as_they_are_typed() {
    assert_eq!(
        secret_names("4/pay"),
        ["pay_tls_cert", "pay_tls_key", "pay_webhook_sig"]
    );
    assert_eq!(secret_names("4/db|smtp<enter>"), ["db_password", "smtp_key"]);
    assert_eq!(
        secret_names("4/!pay<enter>"),
        ["db_password", "session_seed", "smtp_key"]
    );
    assert_eq!(
        secret_names("4/service=edge !cert<enter>"),
        ["pay_tls_key", "pay_webhook_sig"]
    );
    assert_eq!(secret_names("4/pay<esc>").len(), 6);
    assert_eq!(secret_names("4/pay<enter><esc>").len(), 6);
    assert_eq!(secret_names("4!"), ["pay_webhook_sig", "smtp_key"]);
    assert_eq!(secret_names(":sec db|pay_w<enter>"), ["db_password", "pay_webhook_sig"]);
}

#[test]
fn sorting_turns_round() {
    assert_eq!(secret_names("4A")[0], "db_password");
    assert_eq!(secret_names("4AA")[0], "smtp_key");
    assert_eq!(secret_names("4NN")[0], "smtp_key");
    assert_eq!(secret_names("4S")[0], "pay_webhook_sig");
}

#[test]
fn a_filter_and_a_sort_are_shown() {
    let mut play = play("4/pay<enter>A");
    play.shows(" secrets(6) </pay>");
    play.shows("3 of 6");
    play.shows("AGE^");
}

#[test]
fn places_by_key_command_and_history() {
    let place = |keys: &str| play(keys).model.place().clone();
    let secret = Place::Secret("s-db_password".into());
    assert_eq!(place("4<enter>"), secret);
    assert_eq!(place("4<enter><esc>"), Place::Secrets);
    assert_eq!(place("4<enter>7["), secret);
    assert_eq!(place("4<enter>7[]"), Place::Audit);
    assert_eq!(place("27--"), Place::Audit);
    assert_eq!(place(":inspect db<enter>"), secret);
    assert_eq!(place(":gra<enter>"), Place::Grants);
    assert_eq!(place("5m<esc>"), Place::Services);
    assert_eq!(place("4u"), Place::Services);
    assert_eq!(place("4l"), Place::Audit);
    assert_eq!(place("8<tab><enter>"), Place::Service("v-api".into()));
}

#[test]
fn the_selection_stays_with_its_object_while_rows_come_and_go() {
    let mut play = play("4jj");
    assert_eq!(play.model.selected(ListId::Secrets), Some("s-pay_tls_key"));
    let early = Secret {
        id: "s-aaa".into(),
        name: "aaa".into(),
        ..Secret::default()
    };
    let put = Change {
        action: Some(change::Action::Put(early.into())),
    };
    play.feed(watch_message::Body::Changes(Changes { changes: vec![put] }), 18_843);
    play.keys("");
    play.model.settle();
    assert_eq!(play.model.selected(ListId::Secrets), Some("s-pay_tls_key"));
    let gone = ObjectKey {
        kind: wardroom_api::v1::Kind::Secret.into(),
        id: "s-pay_tls_key".into(),
    };
    let removed = Change {
        action: Some(change::Action::Removed(gone)),
    };
    play.feed(watch_message::Body::Changes(Changes { changes: vec![removed] }), 18_844);
    play.model.settle();
    assert_eq!(play.model.selected(ListId::Secrets), Some("s-pay_webhook_sig"));
}

#[test]
fn help_lists_every_binding_of_the_screen_and_of_every_mode() {
    for screen in [
        "1", "2", "3", "3o", "4", "4<enter>", "5", "5<enter>", "5m", "6", "6<enter>", "7", "8",
    ] {
        let play = play(&format!("{screen}?"));
        let Some(crate::tui::model::overlay::Overlay::Help(page)) = &play.model.overlay else {
            panic!("no help on {screen}")
        };
        let kind = play.model.place().kind();
        let expected = crate::tui::keymap::of_screen(kind, false).chain(BINDINGS.iter().filter(|binding| {
            !matches!(
                binding.scope,
                crate::tui::keymap::Scope::Everywhere | crate::tui::keymap::Scope::On(_)
            )
        }));
        for binding in expected {
            let line = format!("{:<16} {}", binding.key_names(), binding.help);
            assert!(
                page.lines.iter().any(|shown| shown.trim_start() == line),
                "{screen}: {line}"
            );
        }
    }
}

#[test]
fn quitting_takes_two_presses_or_a_command() {
    let quits = |keys: &str| play(keys).effects.iter().any(|effect| matches!(effect, Effect::Quit));
    assert!(quits("<ctrl-c><ctrl-c>") && quits(":q<enter>") && quits("4n<ctrl-c><ctrl-c>"));
    assert!(!quits("<ctrl-c>") && !quits("<ctrl-c>j<ctrl-c>") && !quits("q"));
}

#[test]
fn names_are_copied_and_values_explained() {
    let mut play = play("4c");
    assert!(matches!(play.effects.as_slice(), [Effect::Copy(name)] if name == "db_password"));
    play.keys("x");
    play.shows("No call reads a value back");
}

#[test]
fn read_only_refuses_what_writes_wherever_it_is_asked() {
    let mut play = play(":ro<enter>4");
    for keys in ["n", "r", "<ctrl-d>", "a", "D", ":rotate db_password<enter>"] {
        play.keys(keys);
        assert!(play.model.wizard.is_none(), "{keys}");
    }
    play.shows("[READ-ONLY]");
    assert!(!play.screen().contains("<r>rotate"));
    play.keys(":rw<enter>r");
    assert!(play.model.wizard.is_some());
}

#[test]
fn denied_records_are_found_and_the_chain_is_checked() {
    let mut play = play("7n");
    assert_eq!(play.model.selected(ListId::Audit), Some("90409"));
    play.keys("v");
    play.shows("chain ok, records 90408 to 90412");
    play.model.cluster.audit.get_mut(&90_410).unwrap().previous = "forged".into();
    play.keys("v");
    play.shows("BROKEN at record 90410");
}

#[test]
fn every_object_can_be_described() {
    for (keys, words) in [
        ("4d", "value: not readable, by anybody"),
        ("5d", "on_change: swap"),
        ("6y", "certificate_until"),
        (":operators<enter>d", "certificate_root: 9b1c5d (the current root)"),
        ("7d", "raft_index: 18842"),
        ("8d", "- batch: 0 of 1 proved"),
        ("8<tab>d", "secrets_dir"),
        ("4<enter><tab>d", "target: db_password"),
    ] {
        let mut play = sized((100, 60), keys);
        play.shows(words);
    }
}

#[test]
fn the_keys_of_the_table_of_commands_mean_something_where_they_lead() {
    for command in crate::command::COMMANDS
        .iter()
        .filter(|command| !command.key.is_empty())
    {
        let keys: Vec<String> = command
            .key
            .split(' ')
            .map(|key| {
                if key.len() == 1 {
                    key.to_owned()
                } else {
                    format!("<{key}>")
                }
            })
            .collect();
        let (last, before) = keys.split_last().unwrap();
        let play = play(&before.concat());
        let key = crate::tui::key::Key::script(last)[0];
        assert!(
            crate::tui::keymap::on(play.model.place(), key).is_some(),
            "{}: {}",
            command.path(),
            command.key
        );
        let shown = super::play::play("?");
        let Some(crate::tui::model::overlay::Overlay::Help(page)) = &shown.model.overlay else {
            panic!("no help")
        };
        let spelled = format!(":{}", command.path());
        let line = page.lines.iter().find(|line| line.trim_start().starts_with(&spelled));
        assert!(line.is_none_or(|line| line.contains(command.key)), "{line:?}");
    }
}
