//! What lies over the screen? The palette, the filter line, the action menu, a page of text, a question, or the join
//! tokens.

use super::line_input::LineInput;
use super::list::{ListId, Seen};
use super::tokens::Tokens;
use super::why;
use crate::tui::keymap::Action;

#[derive(Debug)]
pub enum Overlay {
    Palette(Palette),
    /// The filter of that list is being typed.
    Filter(ListId, LineInput),
    Menu(Menu),
    Page(Page),
    Help(Page),
    Messages(Page),
    Tokens(Tokens),
    Ask(Ask),
    /// The chain from a grant to the bytes.
    Why(why::Asked),
}

#[derive(Debug, Default)]
pub struct Palette {
    pub input: LineInput,
    pub suggestions: Vec<Suggestion>,
    pub selected: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What the line becomes.
    pub line: String,
    pub help: String,
}

/// Actions that are possible here, each with its key.
#[derive(Debug)]
pub struct Menu {
    pub title: String,
    pub items: Vec<(Action, String, String)>,
    pub selected: usize,
}

/// A question that only `y` answers with yes.
#[derive(Debug)]
pub struct Ask {
    pub title: String,
    pub lines: Vec<String>,
    pub asked: Asked,
}

/// What yes means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Staged edits go, and the matrix is left.
    DropStaged,
    /// They go, and the console ends.
    Quit,
}

/// Text to read; the first line shown is `top`.
#[derive(Debug, Default)]
pub struct Page {
    pub title: String,
    pub lines: Vec<String>,
    pub top: usize,
    pub seen: Seen,
}

impl Page {
    pub fn new(title: impl Into<String>, lines: Vec<String>) -> Self {
        Self {
            title: title.into(),
            lines,
            ..Self::default()
        }
    }
}
