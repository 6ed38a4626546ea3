//! Which colours and characters? Sixteen colours, no background but the reverse of the selected row, and never a
//! colour alone: each state also has a word or a glyph. The mono theme emits no colour at all.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of text means; the theme decides how that looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    /// Less important than its surroundings.
    Dim,
    Strong,
    /// Names of screens, panes and columns.
    Title,
    /// A key one can press.
    Key,
    /// Good news that deserves notice: the leader, the current version, a proof.
    Accent,
    Warn,
    /// Always together with a word or a `!`.
    Bad,
    Selected,
    Border,
}

/// Colours for one kind of terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Theme {
    /// No colour codes at all (`NO_COLOR`); bold, underline and reverse stay.
    pub mono: bool,
}

impl Theme {
    pub fn style(self, tone: Tone) -> Style {
        let style = Style::new();
        let (modifier, color) = match tone {
            Tone::Plain => return style,
            Tone::Dim | Tone::Border => (Modifier::DIM, None),
            Tone::Strong | Tone::Key => (Modifier::BOLD, None),
            Tone::Title => (Modifier::BOLD, Some(Color::Blue)),
            Tone::Accent => (Modifier::empty(), Some(Color::Blue)),
            Tone::Warn => (Modifier::BOLD, Some(Color::Yellow)),
            Tone::Bad => (Modifier::BOLD, Some(Color::Red)),
            Tone::Selected => (Modifier::REVERSED, None),
        };
        let style = style.add_modifier(modifier);
        match color {
            Some(color) if !self.mono => style.fg(color),
            Some(_) if modifier.is_empty() => style.add_modifier(Modifier::UNDERLINED),
            _ => style,
        }
    }
}

/// Every character that is not text, chosen once at the start.
#[derive(Clone, Copy, Debug)]
pub struct Glyphs {
    pub horizontal: char,
    pub vertical: char,
    pub corners: [char; 4],
    /// A filled and an empty cell of a bar.
    pub full: char,
    pub empty: char,
    /// Sparkline levels, lowest first.
    pub levels: &'static [char],
    pub branch: &'static str,
    pub last_branch: &'static str,
    /// A branch that goes on below, beside what hangs on it.
    pub stem: &'static str,
    pub selected: char,
    pub more: char,
    pub arrow: &'static str,
    /// A version's line in the timeline: under way, and its end.
    pub line: char,
    pub stop: char,
    pub now: char,
    pub ascending: char,
    pub descending: char,
    pub absent: char,
    /// A grant that every task proves, and one that some do not.
    pub proven: char,
    pub unproven: char,
    /// A link that does not hold.
    pub broken: char,
}

impl Glyphs {
    pub const ASCII: Self = Self {
        horizontal: '-',
        vertical: '|',
        corners: ['+', '+', '+', '+'],
        full: '#',
        empty: '.',
        levels: &['_', '.', ':', '|', '#'],
        branch: "|- ",
        last_branch: "`- ",
        stem: "|  ",
        selected: '>',
        more: '~',
        arrow: "->",
        line: '#',
        stop: 'x',
        now: '>',
        ascending: '^',
        descending: 'v',
        absent: '.',
        proven: '*',
        unproven: '?',
        broken: 'x',
    };

    pub const UNICODE: Self = Self {
        horizontal: '─',
        vertical: '│',
        corners: ['┌', '┐', '└', '┘'],
        full: '█',
        empty: '·',
        levels: &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
        branch: "├ ",
        last_branch: "└ ",
        stem: "│ ",
        selected: '›',
        more: '…',
        arrow: "→",
        line: '━',
        stop: '╸',
        now: '▶',
        ascending: '▲',
        descending: '▼',
        absent: '·',
        proven: '●',
        unproven: '○',
        broken: '✕',
    };

    pub fn chosen(ascii: bool) -> Self {
        if ascii { Self::ASCII } else { Self::UNICODE }
    }
}

/// Whether the terminal must be spared anything but ASCII: its `TERM`, and the first of `LC_ALL`, `LC_CTYPE` and
/// `LANG` that is set and not empty. Locales are read loosely (`en_US.UTF-8`, `en_us.utf8`).
pub fn wants_ascii(term: Option<&str>, locales: [Option<&str>; 3]) -> bool {
    let term = term.unwrap_or_default();
    if term.is_empty() || term == "linux" || term == "dumb" || term.starts_with("vt") {
        return true;
    }
    let locale = locales
        .into_iter()
        .flatten()
        .find(|locale| !locale.is_empty())
        .unwrap_or_default()
        .to_ascii_lowercase();
    !(locale.contains("utf-8") || locale.contains("utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TONES: [Tone; 10] = [
        Tone::Plain,
        Tone::Dim,
        Tone::Strong,
        Tone::Title,
        Tone::Key,
        Tone::Accent,
        Tone::Warn,
        Tone::Bad,
        Tone::Selected,
        Tone::Border,
    ];

    #[test]
    fn the_mono_theme_has_no_colour_and_keeps_reverse() {
        for tone in TONES {
            let style = Theme { mono: true }.style(tone);
            assert_eq!((style.fg, style.bg), (None, None), "{tone:?}");
        }
        assert!(
            Theme { mono: true }
                .style(Tone::Selected)
                .add_modifier
                .contains(Modifier::REVERSED)
        );
    }

    #[test]
    fn no_tone_sets_a_background() {
        assert!(TONES.iter().all(|tone| Theme::default().style(*tone).bg.is_none()));
    }

    #[test]
    fn locales_are_read_loosely() {
        let utf8 = |lang| wants_ascii(Some("xterm-256color"), [None, Some(""), Some(lang)]);
        assert!(!utf8("en_US.UTF-8") && !utf8("en_us.utf8"));
        assert!(utf8("C") && utf8("de_DE.ISO-8859-1"));
        assert!(wants_ascii(Some("linux"), [Some("C.UTF-8"), None, None]));
        assert!(wants_ascii(None, [Some("C.UTF-8"), None, None]));
        assert!(
            wants_ascii(Some("xterm"), [Some("C"), None, Some("C.UTF-8")]),
            "LC_ALL wins"
        );
    }

    #[test]
    fn ascii_glyphs_are_ascii() {
        let g = Glyphs::ASCII;
        let single = [
            g.horizontal,
            g.vertical,
            g.full,
            g.empty,
            g.selected,
            g.more,
            g.line,
            g.stop,
            g.now,
            g.ascending,
            g.descending,
        ];
        assert!(single.iter().chain(g.levels).chain(&g.corners).all(char::is_ascii));
        assert!(
            [g.branch, g.last_branch, g.stem, g.arrow]
                .iter()
                .all(|it| it.is_ascii())
        );
    }
}
