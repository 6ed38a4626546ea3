//! What are screens made of? Safe text, a canvas that clips, tables that build only what is visible, bars and lines.

pub mod bars;
pub mod canvas;
pub mod grid;
pub mod line;
pub mod safe_text;
pub mod table;

pub use canvas::{Canvas, Piece, piece, plain};
pub use line::line_input;
pub use safe_text::SafeText;
pub(crate) use safe_text::safe;
pub use table::{Column, column, table};
