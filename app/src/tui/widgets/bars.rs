//! How are amounts drawn in one line of text? Bars, sparklines and the span of a version in a timeline; plain functions
//! from numbers to characters.

use crate::tui::theme::Glyphs;

/// `part` of `whole` as a bar of `width` characters. Something is never drawn as nothing, nor almost all as all.
pub fn bar(glyphs: &Glyphs, part: u64, whole: u64, width: usize) -> String {
    let filled = share(part, whole, width);
    let mut text = String::with_capacity(width);
    text.extend(std::iter::repeat_n(glyphs.full, filled));
    text.extend(std::iter::repeat_n(glyphs.empty, width - filled));
    text
}

fn share(part: u64, whole: u64, width: usize) -> usize {
    if whole == 0 || width == 0 {
        return 0;
    }
    let part = part.min(whole);
    let exact = u128::from(part) * width as u128 / u128::from(whole);
    let filled = usize::try_from(exact).unwrap_or(width).min(width);
    if part > 0 && filled == 0 { 1 } else { filled }
}

/// One character per number, relative to the greatest of them; 0 is always the lowest level.
pub fn sparkline(glyphs: &Glyphs, numbers: &[u64]) -> String {
    let greatest = numbers.iter().copied().max().unwrap_or(0);
    let steps = glyphs.levels.len() - 1;
    numbers
        .iter()
        .map(|number| glyphs.levels[share(*number, greatest, steps)])
        .collect()
}

/// The life of a version on a line of `width` characters between two times. `end` of `None`: it still lives.
pub fn span(glyphs: &Glyphs, (from, to): (i64, i64), start: i64, end: Option<i64>, width: usize) -> String {
    if width == 0 || to <= from {
        return String::new();
    }
    let place = |at: i64| {
        let share = i128::from(at.clamp(from, to) - from) * (width as i128 - 1) / i128::from(to - from);
        usize::try_from(share).unwrap_or(0)
    };
    let first = place(start);
    let last = end.map_or(width - 1, place).max(first);
    let mut text = " ".repeat(first);
    text.extend(std::iter::repeat_n(glyphs.line, last - first));
    text.push(if end.is_some() { glyphs.stop } else { glyphs.now });
    text.extend(std::iter::repeat_n(' ', width - 1 - last));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const G: &Glyphs = &Glyphs::ASCII;

    #[test]
    fn bars_tell_something_from_nothing() {
        assert_eq!(bar(G, 5, 10, 10), "#####.....");
        assert_eq!(bar(G, 1, 1000, 10), "#.........");
        assert_eq!(bar(G, 999, 1000, 10), "#########.");
        assert_eq!(bar(G, 0, 0, 4), "....");
        assert_eq!(bar(G, 9, 3, 4), "####");
    }

    #[test]
    fn sparklines_scale_to_their_greatest() {
        assert_eq!(sparkline(G, &[0, 1, 5, 10]), "_.:#");
        assert_eq!(sparkline(G, &[0, 0]), "__");
        assert_eq!(sparkline(G, &[]), "");
    }

    #[test]
    fn spans_start_and_end_in_proportion() {
        assert_eq!(span(G, (0, 9), 0, Some(4), 10), "####x     ");
        assert_eq!(span(G, (0, 9), 5, None, 10), "     ####>");
        assert_eq!(span(G, (0, 9), 9, None, 10), "         >");
        assert_eq!(span(G, (0, 9), -5, Some(90), 3), "##x");
        assert_eq!(span(G, (5, 5), 5, None, 3), "");
    }
}
