//! How does a test look at the console? The real binary in a pseudo terminal, read back through vt100.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, NativePtySystem, PtySize, PtySystem};

use crate::until::until;

/// A console in a terminal of its own.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    output: Arc<Output>,
    reader: Option<JoinHandle<()>>,
}

/// Everything the program ever wrote, and the news that there is more.
#[derive(Default)]
struct Output {
    bytes: Mutex<Vec<u8>>,
    more: Condvar,
}

impl Terminal {
    pub fn open(binary: &Path, arguments: &[&str], environment: &[(&str, &str)], rows: u16, columns: u16) -> Self {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = NativePtySystem::default().openpty(size).unwrap();
        let mut command = CommandBuilder::new(binary);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let output = Arc::new(Output::default());
        let mut written = pair.master.try_clone_reader().unwrap();
        let (to_screen, to_output) = (Arc::clone(&screen), Arc::clone(&output));
        let reader = std::thread::spawn(move || {
            let mut buffer = [0u8; 4096];
            while let Ok(read @ 1..) = written.read(&mut buffer) {
                to_screen.lock().unwrap().process(&buffer[..read]);
                to_output.bytes.lock().unwrap().extend_from_slice(&buffer[..read]);
                to_output.more.notify_all();
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self {
            master: pair.master,
            writer,
            child,
            screen,
            output,
            reader: Some(reader),
        }
    }

    pub fn contents(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Everything the program ever wrote.
    pub fn bytes(&self) -> Vec<u8> {
        self.output.bytes.lock().unwrap().clone()
    }

    /// Waits until the program has written nothing for so long.
    pub fn is_quiet_for(&self, span: Duration) {
        while self.writes_within(span) {}
    }

    /// Whether the program writes anything before the span is over.
    pub fn writes_within(&self, span: Duration) -> bool {
        let bytes = self.output.bytes.lock().unwrap();
        let before = bytes.len();
        let more = |bytes: &mut Vec<u8>| bytes.len() == before;
        let (_bytes, waited) = self.output.more.wait_timeout_while(bytes, span, more).unwrap();
        !waited.timed_out()
    }

    pub fn alternate_screen(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    pub fn cursor_hidden(&self) -> bool {
        self.screen.lock().unwrap().screen().hide_cursor()
    }

    pub fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Presses `keys` again and again until the screen shows `text`: dialogs ignore what comes right after they open.
    #[track_caller]
    pub fn press_until(&mut self, keys: &str, text: &str) {
        for _ in 0..40 {
            self.keys(keys);
            let asked = Instant::now();
            while asked.elapsed() < Duration::from_millis(500) {
                if self.contents().contains(text) {
                    return;
                }
                std::thread::park_timeout(Duration::from_millis(10));
            }
        }
        panic!("{text:?} does not come; the screen is:\n{}", self.contents());
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        let caller = std::panic::Location::caller();
        self.until(&format!("{caller}: the screen shows {text:?}"), |screen| {
            screen.contains(text)
        })
    }

    pub fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let last = std::cell::RefCell::new(String::new());
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(what, || {
                let screen = self.contents();
                let found = wanted(&screen).then(|| screen.clone());
                *last.borrow_mut() = screen;
                found
            })
        }));
        found.unwrap_or_else(|_| panic!("{what}; the screen was:\n{}", last.borrow()))
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        // The screen first: what the program paints on the news must find room.
        self.screen.lock().unwrap().screen_mut().set_size(rows, columns);
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        self.master.resize(size).unwrap();
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("the console runs")
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the program's end and its last byte; its exit code.
    pub fn ended(&mut self) -> u32 {
        let code = self.child.wait().unwrap().exit_code();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        code
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
