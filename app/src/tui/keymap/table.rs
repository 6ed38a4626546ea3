//! The table of keys itself: k9s' fingers where k9s has the meaning, digits for screens, nothing destructive at once.

use super::{Action, Binding, Scope};
use crate::tui::key::{Code, Key, char_key, ctrl, key};
use crate::tui::model::place::Kind;

const fn bind(keys: &'static [Key], action: Action, scope: Scope, bar: &'static str, help: &'static str) -> Binding {
    Binding {
        keys,
        action,
        scope,
        help,
        bar,
        writes: false,
    }
}

const fn change(keys: &'static [Key], action: Action, scope: Scope, bar: &'static str, help: &'static str) -> Binding {
    Binding {
        keys,
        action,
        scope,
        help,
        bar,
        writes: true,
    }
}

const ANY: Scope = Scope::Everywhere;
const SECRETS: Scope = Scope::On(&[Kind::Secrets, Kind::Secret]);
const SERVICES: Scope = Scope::On(&[Kind::Services, Kind::Service, Kind::Grants]);
const SERVICE: Scope = Scope::On(&[Kind::Services, Kind::Service]);
const NODES: Scope = Scope::On(&[Kind::Nodes, Kind::Node]);
const RAFT: Scope = Scope::On(&[Kind::Raft]);
const KEYS: Scope = Scope::On(&[Kind::Keys]);
const OPERATORS: Scope = Scope::On(&[Kind::Operators]);

// One line is one binding: a table is read by its columns.
#[rustfmt::skip]
pub const BINDINGS: &[Binding] = &[
    // what a screen adds
    bind(&[key(Code::Enter)], Action::Open, Scope::On(&[Kind::Cluster]), "go there", "go to what needs attention"),
    bind(&[key(Code::Enter)], Action::Open, Scope::On(&[Kind::Secrets]), "detail", "versions, holders and grants of the secret"),
    bind(&[key(Code::Enter)], Action::Open, Scope::On(&[Kind::Services]), "detail", "tasks and grants of the service"),
    bind(&[key(Code::Enter)], Action::Open, Scope::On(&[Kind::Nodes]), "detail", "what the node holds and runs"),
    bind(&[key(Code::Enter)], Action::Menu, Scope::On(&[Kind::Secret, Kind::Service, Kind::Node]), "actions", "choose an action"),
    change(&[char_key('n')], Action::New, SECRETS, "new", "create a secret"),
    change(&[char_key('r')], Action::Rotate, SECRETS, "rotate", "give the secret a new version under the same target"),
    change(&[ctrl('d')], Action::Revoke, SECRETS, "revoke", "cut the secret (or the selected version) off everywhere, with proof"),
    change(&[char_key('a')], Action::Access, SECRETS, "access", "grant the secret to a service"),
    change(&[char_key('D')], Action::Remove, SECRETS, "", "remove a secret that no service uses"),
    bind(&[char_key('u')], Action::UsedBy, SECRETS, "used by", "services that were granted the secret"),
    bind(&[char_key('x')], Action::Explain, SECRETS, "", "why no value can be read back, and what to do instead"),
    change(&[char_key('n')], Action::New, SERVICES, "new", "create a service"),
    change(&[char_key('a')], Action::Access, SERVICES, "grant", "grant a secret to the service"),
    change(&[char_key('w')], Action::Withdraw, SERVICES, "withdraw", "withdraw a grant from the service"),
    change(&[ctrl('d'), char_key('D')], Action::Remove, SERVICE, "remove", "remove the service and erase its files"),
    bind(&[char_key('m')], Action::Go(Kind::Grants), SERVICE, "matrix", "services against secrets, who may read what"),
    change(&[char_key('p')], Action::Promote, NODES, "promote", "make the node a manager"),
    change(&[char_key('d')], Action::Demote, NODES, "demote", "make the manager a worker"),
    change(&[char_key('a')], Action::Availability, NODES, "availability", "active, pause or drain: whether it gets and keeps tasks"),
    change(&[ctrl('d'), char_key('D')], Action::Remove, NODES, "remove", "remove a node that is down from the cluster, for ever"),
    bind(&[char_key('t')], Action::Tokens, NODES, "tokens", "join tokens: age, uses, and how a machine joins"),
    change(&[char_key('e')], Action::Labels, NODES, "labels", "edit the labels of the node"),
    bind(&[char_key('y')], Action::Describe, NODES, "describe", "everything that is known of the node"),
    change(&[char_key('s'), char_key('t')], Action::StepDown, RAFT, "step down", "the leader hands over, to the selected manager if it can"),
    change(&[char_key('R')], Action::RotateRoot, KEYS, "rotate root", "a new root CA; certificates move to it one by one"),
    bind(&[char_key('o')], Action::Go(Kind::Operators), KEYS, "operators", "who has an operator's certificate"),
    change(&[ctrl('d'), char_key('D')], Action::Remove, OPERATORS, "remove", "remove the operator: its certificate is refused at once"),
    change(&[char_key('b')], Action::Backup, Scope::On(&[Kind::Cluster]), "backup", "save the whole cluster, encrypted, in a file here"),
    bind(&[char_key('i')], Action::Actor, Scope::On(&[Kind::Audit]), "this actor", "only records of the selected record's actor"),
    bind(&[char_key('o')], Action::Object, Scope::On(&[Kind::Audit]), "this object", "only records of the selected record's object"),
    bind(&[char_key('n')], Action::NextDenied, Scope::On(&[Kind::Audit]), "next denied", "next record of a refused access"),
    bind(&[char_key('N')], Action::PreviousDenied, Scope::On(&[Kind::Audit]), "", "previous record of a refused access"),
    bind(&[char_key('v')], Action::VerifyChain, Scope::On(&[Kind::Audit]), "verify", "check that every record names the hash of the one before"),
    bind(&[char_key('f')], Action::Follow, Scope::On(&[Kind::Audit]), "follow", "keep the newest record selected"),
    // everywhere
    bind(&[char_key(':')], Action::Palette, ANY, "", "command palette"),
    bind(&[char_key('/')], Action::Filter, ANY, "", "filter: text, a|b, !without, label=value, state=ok"),
    bind(&[char_key('?')], Action::Help, ANY, "", "this help"),
    bind(&[key(Code::Esc)], Action::Back, ANY, "back", "clear the filter, or go back"),
    bind(&[key(Code::Enter)], Action::Open, ANY, "", "open the selected row"),
    bind(&[char_key('j'), key(Code::Down)], Action::Down, ANY, "", "next row"),
    bind(&[char_key('k'), key(Code::Up)], Action::Up, ANY, "", "previous row"),
    bind(&[char_key('g'), key(Code::Home)], Action::Top, ANY, "", "first row"),
    bind(&[char_key('G'), key(Code::End)], Action::Bottom, ANY, "", "last row"),
    bind(&[ctrl('f'), key(Code::PageDown)], Action::PageDown, ANY, "", "a page down"),
    bind(&[ctrl('u'), key(Code::PageUp)], Action::PageUp, ANY, "", "a page up"),
    bind(&[key(Code::Tab), key(Code::Right)], Action::NextPane, ANY, "", "next pane"),
    bind(&[key(Code::BackTab), key(Code::Left)], Action::PreviousPane, ANY, "", "previous pane"),
    bind(&[char_key('1')], Action::Go(Kind::Cluster), ANY, "", "cluster: overview and what needs attention"),
    bind(&[char_key('2')], Action::Go(Kind::Raft), ANY, "", "raft: who leads, what is replicated"),
    bind(&[char_key('3')], Action::Go(Kind::Keys), ANY, "", "keys: which key protects which, certificates"),
    bind(&[char_key('4')], Action::Go(Kind::Secrets), ANY, "", "secrets"),
    bind(&[char_key('5')], Action::Go(Kind::Services), ANY, "", "services and grants"),
    bind(&[char_key('6')], Action::Go(Kind::Nodes), ANY, "", "nodes: who holds what in memory"),
    bind(&[char_key('7')], Action::Go(Kind::Audit), ANY, "", "audit: who did what"),
    bind(&[char_key('8')], Action::Go(Kind::Tasks), ANY, "", "tasks and rotations"),
    bind(&[char_key('[')], Action::HistoryBack, ANY, "", "back in history"),
    bind(&[char_key(']')], Action::HistoryForward, ANY, "", "forward in history"),
    bind(&[char_key('-')], Action::Last, ANY, "", "the place before this one"),
    bind(&[char_key('N')], Action::SortByName, ANY, "", "sort by name; again: the other way round"),
    bind(&[char_key('A')], Action::SortByAge, ANY, "", "sort by age"),
    bind(&[char_key('S')], Action::SortByState, ANY, "", "sort by state"),
    bind(&[char_key('!')], Action::ProblemsOnly, ANY, "", "only what needs attention; again: everything"),
    bind(&[char_key('d')], Action::Describe, ANY, "describe", "everything that is known of the selected row"),
    bind(&[char_key('y')], Action::Describe, ANY, "", "the same, where d means something else"),
    bind(&[char_key('c')], Action::CopyName, ANY, "", "copy the name to the terminal's clipboard"),
    bind(&[char_key('l')], Action::AuditOf, ANY, "audit", "audit records of the selected row"),
    bind(&[ctrl('r')], Action::Refresh, ANY, "", "ask the managers for their status now"),
    bind(&[ctrl('l')], Action::Redraw, ANY, "", "draw the screen anew"),
    bind(&[ctrl('z')], Action::Suspend, ANY, "", "suspend"),
    bind(&[ctrl('c')], Action::Quit, ANY, "", "quit, pressed twice; or :q"),
    // wizards
    bind(&[key(Code::Tab), key(Code::Down)], Action::NextField, Scope::Wizard, "field", "next field"),
    bind(&[key(Code::BackTab), key(Code::Up)], Action::PreviousField, Scope::Wizard, "", "previous field"),
    bind(&[key(Code::Right)], Action::NextChoice, Scope::Wizard, "", "next choice; in a line: move the cursor"),
    bind(&[key(Code::Left)], Action::PreviousChoice, Scope::Wizard, "", "previous choice; in a line: move the cursor"),
    bind(&[key(Code::Enter)], Action::Accept, Scope::Wizard, "continue", "continue; on the plan: run once the name matches"),
    bind(&[key(Code::Esc)], Action::Cancel, Scope::Wizard, "cancel", "one step back; from the first step: cancel"),
    bind(&[key(Code::Backspace)], Action::Erase, Scope::Wizard, "", "erase the last character"),
    bind(&[ctrl('w')], Action::Clear, Scope::Wizard, "", "empty the field"),
    bind(&[key(Code::Home), key(Code::End), ctrl('e')], Action::Edit, Scope::Wizard, "", "to the beginning, to the end of the line"),
    bind(&[key(Code::WordLeft), key(Code::WordRight)], Action::Edit, Scope::Wizard, "", "a word to the left, to the right"),
    bind(&[key(Code::EraseWord)], Action::Edit, Scope::Wizard, "", "erase the word before the cursor"),
    bind(&[key(Code::Delete), ctrl('d')], Action::Edit, Scope::Wizard, "", "erase the character under the cursor"),
    bind(&[ctrl('u'), ctrl('r')], Action::Edit, Scope::Wizard, "", "take the last edit back, do it again"),
    bind(&[ctrl('y')], Action::Edit, Scope::Wizard, "", "put back what was erased as a word or a line"),
    bind(&[ctrl('l')], Action::Redraw, Scope::Wizard, "", "draw the screen anew"),
    bind(&[ctrl('z')], Action::Suspend, Scope::Wizard, "", "suspend; a typed value is wiped first"),
    bind(&[ctrl('c')], Action::Quit, Scope::Wizard, "", "quit, pressed twice"),
    // palette and filter
    bind(&[key(Code::Enter)], Action::Accept, Scope::Line, "run", "run the command, or keep the filter"),
    bind(&[key(Code::Esc)], Action::Cancel, Scope::Line, "cancel", "close the line; a filter is cleared"),
    bind(&[key(Code::Tab)], Action::Complete, Scope::Line, "complete", "complete to the selected suggestion"),
    bind(&[key(Code::Down)], Action::Down, Scope::Line, "", "next suggestion"),
    bind(&[key(Code::Up)], Action::Up, Scope::Line, "", "previous suggestion"),
    bind(&[key(Code::Backspace)], Action::Erase, Scope::Line, "", "erase the last character"),
    bind(&[ctrl('w')], Action::Clear, Scope::Line, "", "empty the line"),
    bind(&[key(Code::Left), key(Code::Right)], Action::Edit, Scope::Line, "", "move the cursor"),
    bind(&[key(Code::Home), key(Code::End), ctrl('e')], Action::Edit, Scope::Line, "", "to the beginning, to the end of the line"),
    bind(&[key(Code::WordLeft), key(Code::WordRight)], Action::Edit, Scope::Line, "", "a word to the left, to the right"),
    bind(&[key(Code::EraseWord)], Action::Edit, Scope::Line, "", "erase the word before the cursor"),
    bind(&[key(Code::Delete), ctrl('d')], Action::Edit, Scope::Line, "", "erase the character under the cursor"),
    bind(&[ctrl('u'), ctrl('r')], Action::Edit, Scope::Line, "", "take the last edit back, do it again"),
    bind(&[ctrl('y')], Action::Edit, Scope::Line, "", "put back what was erased as a word or a line"),
    bind(&[ctrl('l')], Action::Redraw, Scope::Line, "", "draw the screen anew"),
    bind(&[ctrl('z')], Action::Suspend, Scope::Line, "", "suspend"),
    bind(&[ctrl('c')], Action::Quit, Scope::Line, "", "close the line; pressed twice: quit"),
    // popups
    bind(&[key(Code::Esc), char_key('q')], Action::Cancel, Scope::Popup, "close", "close"),
    bind(&[key(Code::Enter)], Action::Accept, Scope::Popup, "choose", "choose; or close"),
    bind(&[char_key('j'), key(Code::Down)], Action::Down, Scope::Popup, "down", "next line"),
    bind(&[char_key('k'), key(Code::Up)], Action::Up, Scope::Popup, "up", "previous line"),
    bind(&[ctrl('f'), key(Code::PageDown)], Action::PageDown, Scope::Popup, "", "a page down"),
    bind(&[ctrl('u'), key(Code::PageUp)], Action::PageUp, Scope::Popup, "", "a page up"),
    bind(&[char_key('g'), key(Code::Home)], Action::Top, Scope::Popup, "", "first line"),
    bind(&[char_key('G'), key(Code::End)], Action::Bottom, Scope::Popup, "", "last line"),
    bind(&[ctrl('l')], Action::Redraw, Scope::Popup, "", "draw the screen anew"),
    bind(&[ctrl('z')], Action::Suspend, Scope::Popup, "", "suspend"),
    bind(&[ctrl('c')], Action::Quit, Scope::Popup, "", "close; pressed twice: quit"),
    // join tokens
    bind(&[key(Code::Esc), char_key('q')], Action::Cancel, Scope::Tokens, "close", "hide the token at once; or close"),
    bind(&[key(Code::Enter)], Action::Accept, Scope::Tokens, "show", "show the selected token, after a question; again: hide it"),
    bind(&[char_key('y')], Action::Confirm, Scope::Tokens, "", "yes, show it for 30 seconds"),
    change(&[char_key('r')], Action::RotateToken, Scope::Tokens, "rotate", "a new token; the old one is refused at once"),
    bind(&[char_key('j'), key(Code::Down), key(Code::Tab)], Action::Down, Scope::Tokens, "", "the other token"),
    bind(&[char_key('k'), key(Code::Up)], Action::Up, Scope::Tokens, "", "the other token"),
    bind(&[ctrl('l')], Action::Redraw, Scope::Tokens, "", "draw the screen anew"),
    bind(&[ctrl('z')], Action::Suspend, Scope::Tokens, "", "suspend; a token is hidden first"),
    bind(&[ctrl('c')], Action::Quit, Scope::Tokens, "", "close; pressed twice: quit"),
];
