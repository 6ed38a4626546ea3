//! What did the terminal say? Its events as messages; releases, repeats of modifiers and the mouse are left out.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::key::{Code, Key};
use super::msg::{Msg, Pasted};

/// The message of a terminal event, if it means anything here.
pub fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(event) => key(event).map(Msg::Key),
        Event::Paste(text) => Some(Msg::Paste(Pasted::new(text.into_bytes()))),
        // Of sizes the loop hears by the signal itself: the library loses one that comes together with a key.
        Event::Resize(..) | Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}

fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let alt = event.modifiers.contains(KeyModifiers::ALT);
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let code = match event.code {
        KeyCode::Left if ctrl || alt => Code::WordLeft,
        KeyCode::Right if ctrl || alt => Code::WordRight,
        KeyCode::Char('b') if alt && !ctrl => Code::WordLeft,
        KeyCode::Char('f') if alt && !ctrl => Code::WordRight,
        KeyCode::Backspace if alt => Code::EraseWord,
        _ if alt => return None,
        KeyCode::Char(character) if ctrl => Code::Char(character.to_ascii_lowercase()),
        KeyCode::Char(character) => Code::Char(character),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => Code::BackTab,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        _ => return None,
    };
    let ctrl = ctrl && matches!(code, Code::Char(_));
    // Some terminals send ctrl-h for backspace; nothing else is bound to it.
    if ctrl && code == Code::Char('h') {
        return Some(Key {
            code: Code::Backspace,
            ctrl: false,
        });
    }
    Some(Key { code, ctrl })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::key::{char_key, ctrl as with_ctrl, key as bare};

    fn press(code: KeyCode, modifiers: KeyModifiers) -> Option<Key> {
        key(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn presses_become_keys() {
        assert_eq!(press(KeyCode::Char('D'), KeyModifiers::SHIFT), Some(char_key('D')));
        assert_eq!(press(KeyCode::Char('d'), KeyModifiers::CONTROL), Some(with_ctrl('d')));
        assert_eq!(
            press(KeyCode::Char('h'), KeyModifiers::CONTROL),
            Some(bare(Code::Backspace))
        );
        assert_eq!(press(KeyCode::Tab, KeyModifiers::SHIFT), Some(bare(Code::BackTab)));
        assert_eq!(press(KeyCode::Char('x'), KeyModifiers::ALT), None);
        assert_eq!(press(KeyCode::Char('b'), KeyModifiers::ALT), Some(bare(Code::WordLeft)));
        assert_eq!(
            press(KeyCode::Right, KeyModifiers::CONTROL),
            Some(bare(Code::WordRight))
        );
        assert_eq!(
            press(KeyCode::Backspace, KeyModifiers::ALT),
            Some(bare(Code::EraseWord))
        );
        let mut release = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        release.kind = KeyEventKind::Release;
        assert_eq!(key(release), None);
    }
}
