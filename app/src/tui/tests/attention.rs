//! What about members and trust asks for attention, in one line each.

use wardroom_api::v1::{JoinTokenFacts, OperatorRole, Role};

use super::fixture::{DAY, NOW, operator};
use super::play::{play, sized};
use super::said::{change, manager};

#[test]
fn what_about_trust_needs_attention_is_said_once_and_shortly() {
    let mut play = sized((120, 40), "1");
    assert!(!play.screen().contains("token"), "nothing to note about it");
    change(&mut play, 18_843, |view| {
        let cluster = view.cluster.as_mut().unwrap();
        cluster.join_tokens = vec![
            JoinTokenFacts {
                role: Role::Worker.into(),
                created_at_ms: NOW - DAY,
                uses: 120,
                ..Default::default()
            },
            JoinTokenFacts {
                role: Role::Manager.into(),
                created_at_ms: NOW - 97 * DAY,
                ..Default::default()
            },
        ];
        let late = operator("old", OperatorRole::Operator, -DAY);
        view.operators.insert(late.id.clone(), late);
    });
    play.shows("! the manager join token is 97d old: rotate it");
    play.shows("! the worker join token was used 120 times and has no limit");
    play.shows("! the certificate of operator old has expired");
}

#[test]
fn an_even_number_of_managers_is_noted() {
    let mut play = play("1");
    change(&mut play, 18_843, |view| {
        let mut node = view.nodes["id-mgr-1"].clone();
        node.id = "id-mgr-4".into();
        node.hostname = "mgr-4".into();
        view.nodes.insert(node.id.clone(), node);
    });
    assert!(!play.screen().contains("survive"), "it has no vote yet");
    manager(&mut play, "id-mgr-4", "follower");
    play.shows("! 4 managers survive 1 loss, as 3 do: promote or demote one");
}
