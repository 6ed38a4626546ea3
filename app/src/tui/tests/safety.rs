//! What must never happen: a value on the screen or in a Debug text, a name that acts on the terminal, a key that runs
//! something it was not meant for.

use wardroom_api::v1::{Node, Secret};

use super::play::{Play, play, sized};
use crate::tui::model::list::ListId;
use crate::tui::msg::Call;
use crate::tui::wizard::Step;

const CANARY: &str = "c4n4ryVALUE";

fn assert_no_canary(play: &mut Play) {
    let screen = play.screen();
    let model = format!("{:?}", play.model);
    let effects = format!("{:?}", play.effects);
    let pretty = format!("{:#?}", play.model).replace([' ', '\n'], "");
    for text in [&screen, &model, &effects, &pretty] {
        assert!(!text.contains("c4n4ry"), "{text}");
        assert!(!text.contains("99,52,110") && !text.contains("99, 52, 110"), "{text}");
    }
}

#[test]
fn a_typed_or_pasted_value_shows_nowhere() {
    for begin in ["4nnew<enter><right><enter>", "4r<right><enter>"] {
        let mut play = play(begin);
        for character in CANARY.chars() {
            play.keys(&character.to_string());
            assert_no_canary(&mut play);
        }
        play.shows("(11 bytes, hidden)");
        play.keys("<bksp>");
        play.paste(CANARY);
        play.shows("(21 bytes, hidden)");
        assert_no_canary(&mut play);
        play.keys("<enter><enter><enter><enter>");
        assert_no_canary(&mut play);
    }
}

#[test]
fn the_value_is_sent_and_then_forgotten() {
    let mut play = play("4nnew<enter><right><enter>");
    play.keys(CANARY).keys("<enter><enter><enter><enter>new<enter>");
    let (_, call) = play.last_call();
    let Call::CreateSecret(request) = call else {
        panic!("{call:?}")
    };
    assert_eq!(
        request.value,
        Some(wardroom_api::v1::Value::from_bytes(CANARY.as_bytes().to_vec()))
    );
    assert_no_canary(&mut play);
    play.answer(Ok(crate::tui::msg::Answer::SecretCreated(
        wardroom_api::v1::CreateSecretResponse::default(),
    )));
    assert!(play.model.wizard.as_ref().unwrap().form.value().unwrap().is_empty());
}

#[test]
fn suspending_and_another_source_wipe_the_value() {
    let mut play = play("4nnew<enter><right><enter>");
    play.keys(CANARY).keys("<ctrl-z>");
    assert!(play.model.wizard.as_ref().unwrap().form.value().unwrap().is_empty());
    play.keys(CANARY).keys("<up><left>");
    assert!(play.model.wizard.as_ref().unwrap().form.value().unwrap().is_empty());
}

#[test]
fn what_is_no_text_is_refused() {
    let mut play = play("4nnew<enter><right><right><enter>");
    play.paste("a\u{fffd}b");
    play.shows("a terminal cannot carry binary values");
}

#[test]
fn hostile_names_never_reach_the_terminal() {
    let hostile = "evil\x1b[2J\x07\u{202e}txt\u{200b}\u{9b}31m\r\n";
    for size in [(80, 24), (120, 40), (50, 12)] {
        for keys in [
            "1",
            "2",
            "3",
            "3o",
            "6t",
            "6a",
            "2s",
            "6D",
            "4",
            "4<enter>",
            "4<enter><enter>",
            "4d",
            "5",
            "5<enter>",
            "5m",
            "6",
            "6<enter>",
            "7",
            "7d",
            "8",
            "8<enter>",
            "8R",
            "8p",
            "5m<space>",
            "5mw",
            "5me",
            "5i",
            "5L",
            "4r",
            ":rotate ",
        ] {
            let mut play = sized(size, "");
            let view = &mut play.model.cluster;
            let rename = |name: &mut String| *name = hostile.to_owned();
            view.secrets.values_mut().for_each(|secret| rename(&mut secret.name));
            view.nodes
                .values_mut()
                .for_each(|node: &mut Node| rename(&mut node.hostname));
            view.services
                .values_mut()
                .filter_map(|service| service.spec.as_mut())
                .for_each(|spec| rename(&mut spec.name));
            view.holdings
                .values_mut()
                .for_each(|holding| rename(&mut holding.task_name));
            view.audit.values_mut().for_each(|record| rename(&mut record.object));
            view.cluster.iter_mut().for_each(|cluster| rename(&mut cluster.name));
            play.keys(keys);
            for cell in play.buffer().content() {
                let clean = |c: char| {
                    !c.is_control()
                        && !('\u{200b}'..='\u{200f}').contains(&c)
                        && !('\u{202a}'..='\u{202e}').contains(&c)
                };
                assert!(cell.symbol().chars().all(clean), "{keys}: {:?}", cell.symbol());
            }
            if keys == "4" {
                play.shows("evil");
            }
        }
    }
}

#[test]
fn two_names_that_look_alike_are_told_apart() {
    let mut play = play("4");
    let twin = Secret {
        id: "s-twin".into(),
        name: "db_pass\u{200b}word".into(),
        ..Secret::default()
    };
    play.model.cluster.secrets.insert(twin.id.clone(), twin);
    play.model.rows_stale = true;
    assert_ne!(play.screen().matches("db_password").count(), 3);
}

#[test]
fn enter_just_after_a_dialog_opened_is_ignored() {
    let mut play = play("4");
    play.burst("r<enter><enter><enter>");
    assert_eq!(play.model.wizard.as_ref().unwrap().step, Step::Page(0));
    play.keys("<enter>");
    play.burst("<enter><enter>");
    assert_eq!(play.model.wizard.as_ref().unwrap().step, Step::Page(1));
    assert_eq!(play.calls(), 0);
}

#[test]
fn keys_that_follow_a_paste_at_once_belong_to_it() {
    let mut play = play("4");
    play.paste("x");
    play.burst(":q<enter><ctrl-c><ctrl-c>");
    assert!(play.effects.is_empty() && play.model.overlay.is_none());
    play.keys("j");
    assert_eq!(
        play.model.list(ListId::Secrets).unwrap().position(),
        Some(1),
        "later keys work again"
    );
}

#[test]
fn a_pasted_name_does_not_confirm() {
    let mut play = play("4D");
    play.keys("<esc>GD");
    play.paste("smtp_key").keys("<enter>");
    assert_eq!(play.calls(), 0);
    play.shows("type the secret's name, smtp_key, to run the plan");
}

#[test]
fn no_single_key_changes_the_cluster() {
    for screen in [
        "1",
        "2",
        "3",
        "3o",
        "4",
        "4<enter>",
        "5",
        "5<enter>",
        "5m",
        "6",
        "6<enter>",
        "6t",
        "7",
        "8",
        "8<tab>",
        "8<enter>",
        "8R",
        "5i",
        "5L",
        "5m<space>",
    ] {
        for byte in 0x20..0x7f_u8 {
            for key in [format!("{}", char::from(byte)), format!("<ctrl-{}>", char::from(byte))] {
                let mut play = play(screen);
                play.keys(&key).keys("<enter>");
                let plans_only = play.effects.iter().all(|effect| match effect {
                    crate::tui::msg::Effect::Call(_, call) => match call {
                        Call::RotateSecret(request) => request.plan_only,
                        Call::RevokeSecret(request) => request.plan_only,
                        Call::UpdateService(request) => request.plan_only,
                        Call::UpdateGrants(request) => request.plan_only,
                        Call::RollbackService(request) => request.plan_only,
                        Call::PruneVersions(request) => request.plan_only,
                        Call::UpdateNode(request) => request.plan_only,
                        Call::RemoveNode(request) => request.plan_only,
                        Call::RotateRoot(request) => request.plan_only,
                        Call::RotateUnlockKey(request) => request.plan_only,
                        Call::RotateDek(request) => request.plan_only,
                        Call::UpdateCluster(request) => request.plan_only,
                        Call::Status => true,
                        _ => false,
                    },
                    _ => true,
                });
                assert!(plans_only, "{screen} {key}: {:?}", play.effects);
            }
        }
    }
}
