//! What stands in a line of input that is no secret? Text with the cursor at its end; control characters are refused.

/// Longest line, in characters.
const LENGTH_MAX: usize = 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineInput {
    text: String,
}

impl LineInput {
    pub fn with(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn set(&mut self, text: &str) {
        text.clone_into(&mut self.text);
    }

    /// Takes in a character, unless it is a control character or the line is full.
    pub fn push(&mut self, character: char) {
        if !character.is_control() && self.text.chars().count() < LENGTH_MAX {
            self.text.push(character);
        }
    }

    /// Takes in pasted text; line ends become spaces, so that a paste never runs anything.
    pub fn paste(&mut self, text: &str) {
        for character in text.trim_end().chars().take(LENGTH_MAX) {
            self.push(if matches!(character, '\r' | '\n' | '\t') {
                ' '
            } else {
                character
            });
        }
    }

    pub fn erase(&mut self) {
        self.text.pop();
    }

    pub fn clear(&mut self) {
        self.text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        let mut line = LineInput::default();
        line.paste("a\r\nb\x1b[2J\n");
        assert_eq!(line.text(), "a  b[2J");
        line.paste(&"x".repeat(5000));
        assert_eq!(line.text().chars().count(), LENGTH_MAX);
        line.clear();
        line.push('é');
        line.erase();
        assert_eq!(line.text(), "");
    }
}
