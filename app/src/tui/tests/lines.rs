//! Lines that are typed: the cursor, words, undo and pastes in the palette, the filter, fields and the confirmation.

use super::play::{play, sized};
use crate::tui::model::list::ListId;
use crate::tui::model::overlay::Overlay;
use crate::tui::wizard::form::Id;

#[test]
fn a_filter_is_edited_in_its_middle_and_acts_at_every_key() {
    let mut play = play("4/pay_key<left><left><left>tls_");
    assert_eq!(play.model.list(ListId::Secrets).unwrap().filter.text(), "pay_tls_key");
    play.shows("/pay_tls_key");
    play.keys("<ctrl-w>");
    assert_eq!(play.model.list(ListId::Secrets).unwrap().keys.len(), 6);
    play.keys("<ctrl-u>");
    assert_eq!(play.model.list(ListId::Secrets).unwrap().filter.text(), "pay_tls_key");
}

#[test]
fn arrows_choose_in_choices_and_move_in_lines() {
    let mut play = play("4nnme<left><left>a<enter><right>");
    let form = &play.model.wizard.as_mut().unwrap().form;
    assert_eq!((form.line(Id::Name), form.chosen_label(Id::Source)), ("name", "type"));
}

#[test]
fn undo_does_not_confirm_another_plan() {
    let mut play = play("4GDsmtp_key<esc>");
    play.keys("D<ctrl-u><ctrl-u><ctrl-r><ctrl-y><enter>");
    assert_eq!(play.calls(), 0);
    play.shows("type the secret's name, smtp_key, to run the plan");
}

#[test]
fn a_paste_is_one_line_of_bounded_length_and_says_when_it_was_cut() {
    let mut play = play("4n");
    play.paste("one\rtwo\n");
    assert_eq!(play.model.wizard.as_ref().unwrap().form.line(Id::Name), "one two");
    play.paste(&"x".repeat(1 << 20));
    play.shows("the paste was too long for this field");
    assert_eq!(play.model.wizard.as_ref().unwrap().form.line(Id::Name).len(), 1024);
}

#[test]
fn a_long_line_shows_where_its_cursor_is() {
    for size in [(80, 24), (42, 11)] {
        let mut play = sized(size, ":");
        play.paste(&format!("start{}end", "-".repeat(300)));
        play.shows("---end");
        play.keys("<home>");
        play.shows(":start---");
        assert!(matches!(play.model.overlay, Some(Overlay::Palette(_))));
    }
}
