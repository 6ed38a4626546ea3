//! What has been filled in? Fields on pages; which fields a page shows depends on what was chosen before.

pub use super::field::{Field, Id, Input, SOURCES, Source, choice, line, secret, words};
use crate::tui::model::line_input::LineInput;
use crate::tui::secret_input::SecretInput;

#[derive(Debug)]
pub struct Page {
    pub title: &'static str,
    pub fields: Vec<Field>,
}

#[derive(Debug, Default)]
pub struct Form {
    pub pages: Vec<Page>,
    /// Among the visible fields of the page.
    pub focus: usize,
}

impl Form {
    fn field(&self, id: Id) -> Option<&Field> {
        self.pages
            .iter()
            .flat_map(|page| &page.fields)
            .find(|field| field.id == id)
    }

    fn field_mut(&mut self, id: Id) -> Option<&mut Field> {
        self.pages
            .iter_mut()
            .flat_map(|page| &mut page.fields)
            .find(|field| field.id == id)
    }

    /// The text of a line, trimmed; empty for a field that is not there.
    pub fn line(&self, id: Id) -> &str {
        match self.field(id).map(|field| &field.input) {
            Some(Input::Line(line)) => line.text().trim(),
            _ => "",
        }
    }

    fn choice(&self, id: Id) -> Option<&(String, String)> {
        match self.field(id).map(|field| &field.input) {
            Some(Input::Choice { options, chosen }) => options.get(*chosen),
            _ => None,
        }
    }

    /// What is sent for the chosen option.
    pub fn chosen(&self, id: Id) -> &str {
        self.choice(id).map_or("", |(value, _)| value)
    }

    pub fn chosen_label(&self, id: Id) -> &str {
        self.choice(id).map_or("", |(_, label)| label)
    }

    /// Chooses the option with that value, if there is one.
    pub fn choose(&mut self, id: Id, value: &str) {
        if let Some(Input::Choice { options, chosen }) = self.field_mut(id).map(|field| &mut field.input)
            && let Some(at) = options.iter().position(|(option, _)| option == value)
        {
            *chosen = at;
        }
    }

    /// Puts that text into a line.
    pub fn set_line(&mut self, id: Id, text: &str) {
        if let Some(Input::Line(line)) = self.field_mut(id).map(|field| &mut field.input) {
            *line = LineInput::with(text);
        }
    }

    pub fn source(&self) -> Source {
        match self.chosen(Id::Source) {
            "type" => Source::Type,
            "paste" => Source::Paste,
            "file" => Source::File,
            _ => Source::Generate,
        }
    }

    pub fn value(&self) -> Option<&SecretInput> {
        self.secret(Id::Value)
    }

    pub fn secret(&self, id: Id) -> Option<&SecretInput> {
        match self.field(id).map(|field| &field.input) {
            Some(Input::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    pub fn value_mut(&mut self) -> Option<&mut SecretInput> {
        match self.field_mut(Id::Value).map(|field| &mut field.input) {
            Some(Input::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    pub fn strips_newline(&self) -> bool {
        self.chosen(Id::Newline) == "strip"
    }

    pub fn wipe(&mut self) {
        for field in self.pages.iter_mut().flat_map(|page| &mut page.fields) {
            if let Input::Secret(secret) = &mut field.input {
                secret.clear();
            }
        }
    }

    /// The choice on which it depends what is typed as a secret: another one wipes that.
    pub fn secret_is_for(&self) -> String {
        format!("{}/{}", self.chosen(Id::Source), self.chosen(Id::SealedBy))
    }

    /// Indices of the fields that the page shows now.
    pub fn visible(&self, page: usize) -> Vec<usize> {
        let Some(page) = self.pages.get(page) else {
            return Vec::new();
        };
        let shown = |field: &Field| match field.id {
            Id::Value => matches!(self.source(), Source::Type | Source::Paste),
            Id::Path => self.source() == Source::File,
            Id::Length => self.source() == Source::Generate,
            Id::Newline => {
                self.source() != Source::Generate && self.value().is_some_and(SecretInput::ends_with_newline)
            }
            Id::Recipients => self.chosen(Id::SealedBy) == "recipients",
            Id::Passphrase | Id::Again => self.chosen(Id::SealedBy) == "passphrase",
            Id::Target | Id::Mode | Id::OnChange | Id::Owner => !self.chosen(Id::Secret).is_empty(),
            Id::Image => self.chosen(Id::Runs) == "container",
            Id::Command => self.chosen(Id::Runs) != "files",
            Id::Next => !self.line(Id::MaxAge).is_empty(),
            Id::NextLength => !self.line(Id::MaxAge).is_empty() && self.chosen(Id::Next) == "generate",
            Id::Hook => !self.line(Id::MaxAge).is_empty() && self.chosen(Id::Next) == "hook",
            Id::Signal => !self.chosen(Id::Secret).is_empty() && self.chosen(Id::OnChange) == "signal",
            _ => true,
        };
        (0..page.fields.len()).filter(|at| shown(&page.fields[*at])).collect()
    }

    /// The field that has the keys.
    pub fn focused(&mut self, page: usize) -> Option<&mut Field> {
        let visible = self.visible(page);
        let at = *visible.get(self.focus.min(visible.len().saturating_sub(1)))?;
        self.pages.get_mut(page)?.fields.get_mut(at)
    }

    /// Moves the focus; false when there is no field in that direction.
    pub fn step(&mut self, page: usize, rows: isize) -> bool {
        let count = self.visible(page).len();
        match self.focus.checked_add_signed(rows).filter(|next| *next < count) {
            Some(next) => {
                self.focus = next;
                true
            }
            None => false,
        }
    }

    /// Round and round, as `tab` goes.
    pub fn cycle(&mut self, page: usize, rows: isize) {
        let count = self.visible(page).len();
        if count > 0 && !self.step(page, rows) {
            self.focus = if rows > 0 { 0 } else { count - 1 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        let fields = vec![
            words(Id::Source, "source", &SOURCES, ""),
            secret(Id::Value, "value", ""),
            line(Id::Path, "path", "", ""),
            line(Id::Length, "length", "32", ""),
        ];
        Form {
            pages: vec![Page { title: "value", fields }],
            focus: 0,
        }
    }

    #[test]
    fn the_source_decides_which_fields_are_shown() {
        let mut form = form();
        for (turns, source, shown) in [
            (0, Source::Generate, [0, 3]),
            (1, Source::Type, [0, 1]),
            (1, Source::Paste, [0, 1]),
            (1, Source::File, [0, 2]),
        ] {
            for _ in 0..turns {
                form.focused(0).expect("there is a field").turn(1);
            }
            assert_eq!((form.source(), form.visible(0)), (source, shown.to_vec()));
        }
        form.focused(0).expect("there is a field").turn(-3);
        assert_eq!(form.source(), Source::Generate);
    }

    #[test]
    fn focus_goes_round() {
        let mut form = form();
        form.cycle(0, 1);
        assert_eq!(form.focus, 1);
        form.cycle(0, 1);
        assert_eq!(form.focus, 0);
        form.cycle(0, -1);
        assert_eq!(form.focus, 1);
        assert!(!form.step(0, 1) && form.focused(9).is_none());
    }
}
