//! How is the terminal taken and given back? Raw mode, alternate screen and bracketed paste are entered once and left on
//! every way out: return, error, signal, suspension, panic. Each frame goes out in one write, between the marks of
//! synchronized output (DEC 2026).

use std::io::{self, IsTerminal, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use zeroize::Zeroize;

use super::model::Model;
use super::theme::{Glyphs, Theme};
use super::view;
use super::widgets::SafeText;

/// Whether the terminal is ours: the panic hook and the guard must not both restore it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What the loop does to a screen. The real one is a terminal; tests have another.
pub trait Screen {
    /// Columns and rows as they are now.
    fn size(&self) -> (u16, u16);
    fn draw(&mut self, model: &Model) -> io::Result<()>;
    /// Forgets what is on the screen, so that the next frame is drawn in full.
    fn forget(&mut self) -> io::Result<()>;
    fn copy(&mut self, text: &str) -> io::Result<()>;
    /// Gives the terminal back, stops the process group, and takes the terminal again once it continues.
    fn suspend(&mut self) -> io::Result<()>;
    /// Takes the terminal again after somebody else stopped and continued the process.
    fn resume(&mut self) -> io::Result<()>;
}

/// The terminal, taken. Dropping it gives it back.
pub struct TerminalScreen<W: Write = Stdout> {
    terminal: Terminal<CrosstermBackend<FrameWriter<W>>>,
    /// Set while a frame is being made: flushing waits for its end.
    hold: Arc<AtomicBool>,
    theme: Theme,
    glyphs: Glyphs,
}

/// Whether there is a terminal that can carry a full screen.
pub fn is_usable() -> bool {
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !dumb
}

impl TerminalScreen {
    pub fn take(theme: Theme, glyphs: Glyphs) -> io::Result<Self> {
        restore_on_panic();
        enter()?;
        let (writer, hold) = FrameWriter::over(io::stdout());
        match Terminal::new(CrosstermBackend::new(writer)) {
            Ok(terminal) => Ok(Self {
                terminal,
                hold,
                theme,
                glyphs,
            }),
            Err(error) => {
                leave();
                Err(error)
            }
        }
    }
}

impl<W: Write> TerminalScreen<W> {
    /// A screen of that size whose bytes go elsewhere; no terminal is taken or asked.
    #[cfg(test)]
    pub fn elsewhere(out: W, (width, height): (u16, u16), glyphs: Glyphs) -> io::Result<Self> {
        let (writer, hold) = FrameWriter::over(out);
        let viewport = ratatui::Viewport::Fixed(Rect::new(0, 0, width, height));
        let options = ratatui::TerminalOptions { viewport };
        Ok(Self {
            terminal: Terminal::with_options(CrosstermBackend::new(writer), options)?,
            hold,
            theme: Theme::default(),
            glyphs,
        })
    }

    fn frame(&mut self, model: &Model) -> io::Result<()> {
        let (theme, glyphs) = (self.theme, self.glyphs);
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| {
            if let Some(cursor) = view::draw(model, frame.buffer_mut(), theme, glyphs) {
                frame.set_cursor_position(cursor);
            }
        })?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }
}

impl<W: Write> Screen for TerminalScreen<W> {
    fn size(&self) -> (u16, u16) {
        self.terminal.size().map_or((80, 24), |size| (size.width, size.height))
    }

    fn draw(&mut self, model: &Model) -> io::Result<()> {
        self.hold.store(true, Ordering::Relaxed);
        let drawn = self.frame(model);
        self.hold.store(false, Ordering::Relaxed);
        drawn?;
        Write::flush(self.terminal.backend_mut())
    }

    /// By `resize`, not `clear`: that one asks the terminal where its cursor is, and the answer would have to come
    /// through the input that the event stream is reading.
    fn forget(&mut self) -> io::Result<()> {
        let (width, height) = self.size();
        self.terminal.resize(Rect::new(0, 0, width, height))
    }

    /// OSC 52. Whether the terminal takes it cannot be known.
    fn copy(&mut self, text: &str) -> io::Result<()> {
        let encoded = base64(SafeText::new(text).as_str().as_bytes());
        write!(self.terminal.backend_mut(), "\x1b]52;c;{encoded}\x07")?;
        Write::flush(self.terminal.backend_mut())
    }

    fn suspend(&mut self) -> io::Result<()> {
        leave();
        // To the whole group, as a shell's job: a stop sent to this process alone is lost under some parents.
        rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?;
        self.resume()
    }

    /// Whoever stopped the process from outside left the terminal as it was: it is given back before it is taken.
    fn resume(&mut self) -> io::Result<()> {
        leave();
        enter()?;
        self.forget()
    }
}

impl<W: Write> Drop for TerminalScreen<W> {
    fn drop(&mut self) {
        leave();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
}

/// Best effort: on the way out there is nobody to tell, and a terminal that is gone needs no restoring.
fn leave() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            io::stdout(),
            EndSynchronizedUpdate,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = disable_raw_mode();
    }
}

/// The hook before ours prints its message on a terminal that shows it.
fn restore_on_panic() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            leave();
            before(info);
        }));
    });
}

/// Collects a frame and writes it at once. ratatui flushes in the middle of what belongs together.
struct FrameWriter<W> {
    buffer: Vec<u8>,
    out: W,
    hold: Arc<AtomicBool>,
}

impl<W: Write> FrameWriter<W> {
    /// The writer, and what holds it back while a frame is being made.
    fn over(out: W) -> (Self, Arc<AtomicBool>) {
        let hold = Arc::new(AtomicBool::new(false));
        let writer = Self {
            buffer: Vec::with_capacity(16 * 1024),
            out,
            hold: hold.clone(),
        };
        (writer, hold)
    }
}

impl<W: Write> Write for FrameWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.hold.load(Ordering::Relaxed) {
            let written = self.out.write_all(&self.buffer);
            // A join token may have been in the frame: nothing of it stays here.
            self.buffer.zeroize();
            written?;
            self.out.flush()?;
        }
        Ok(())
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = number >> (18 - 6 * place) & 0x3f;
            let digit = ALPHABET[usize::try_from(digit).unwrap_or(0)];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_rfc_4648_has_it() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }
}
