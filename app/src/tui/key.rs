//! What was pressed? A key as the console's core knows it, apart from any terminal library, with the notation that
//! help, key bar and test scripts share (`j`, `<enter>`, `<ctrl-d>`).

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    /// A word to the left, however the terminal says it: ctrl or alt with an arrow, alt-b.
    WordLeft,
    WordRight,
    EraseWord,
}

/// A key press. Shift is part of the character (`N`); alt has no meaning but with the codes for words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub code: Code,
    pub ctrl: bool,
}

pub const fn key(code: Code) -> Key {
    Key { code, ctrl: false }
}

pub const fn char_key(character: char) -> Key {
    key(Code::Char(character))
}

pub const fn ctrl(character: char) -> Key {
    Key {
        code: Code::Char(character),
        ctrl: true,
    }
}

const NAMES: [(Code, &str); 18] = [
    (Code::Enter, "enter"),
    (Code::Esc, "esc"),
    (Code::Tab, "tab"),
    (Code::BackTab, "shift-tab"),
    (Code::Backspace, "bksp"),
    (Code::Delete, "del"),
    (Code::Up, "up"),
    (Code::Down, "down"),
    (Code::Left, "left"),
    (Code::Right, "right"),
    (Code::Home, "home"),
    (Code::End, "end"),
    (Code::PageUp, "pgup"),
    (Code::PageDown, "pgdn"),
    (Code::WordLeft, "ctrl-left"),
    (Code::WordRight, "ctrl-right"),
    (Code::EraseWord, "alt-bksp"),
    (Code::Char(' '), "space"),
];

impl Key {
    /// The character that this key types into a field, if it types one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(character) if !self.ctrl => Some(character),
            _ => None,
        }
    }

    /// Without the angle brackets: `enter`, `ctrl-d`, `shift-n`, `j`.
    pub fn name(self) -> String {
        if let Some((_, name)) = NAMES.iter().find(|(code, _)| *code == self.code && !self.ctrl) {
            return (*name).to_owned();
        }
        match self.code {
            Code::Char(character) if self.ctrl => format!("ctrl-{character}"),
            Code::Char(character) if character.is_ascii_uppercase() => {
                format!("shift-{}", character.to_ascii_lowercase())
            }
            Code::Char(character) => character.to_string(),
            other => format!("{other:?}").to_ascii_lowercase(),
        }
    }

    /// A script of keys: `jj<enter>db<ctrl-d>`. A name that is not known is typed as it stands.
    #[cfg(test)]
    pub fn script(text: &str) -> Vec<Self> {
        let mut keys = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some((name, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'))
                && let Some(found) = Self::named(name)
            {
                keys.push(found);
                rest = after;
                continue;
            }
            keys.push(char_key(first));
            rest = &rest[first.len_utf8()..];
        }
        keys
    }

    #[cfg(test)]
    fn named(name: &str) -> Option<Self> {
        if let Some((code, _)) = NAMES.iter().find(|(_, known)| *known == name) {
            return Some(key(*code));
        }
        let character = name.strip_prefix("ctrl-").and_then(|rest| rest.chars().next());
        character.map(ctrl)
    }
}

/// Never says which character was pressed: a key may be part of a secret on its way into a field.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.typed() {
            Some(_) => f.write_str("Key(typed)"),
            None => write!(f, "Key({})", self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_names_agree() {
        let keys = Key::script("j<enter>N<ctrl-d> <shift-tab><x");
        let names: Vec<String> = keys.iter().map(|key| key.name()).collect();
        assert_eq!(
            names,
            ["j", "enter", "shift-n", "ctrl-d", "space", "shift-tab", "<", "x"]
        );
    }

    #[test]
    fn debug_does_not_tell_what_was_typed() {
        assert_eq!(format!("{:?}", Key::script("s<enter>")), "[Key(typed), Key(enter)]");
    }
}
