//! What does a run do while its program runs? It stays out of the way: signals go on to the program, the terminal is the
//! program's, and a stop or a status is passed on as if the shell had started the program itself.

use rustix::io::Errno;
use std::io::IsTerminal;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, getpgrp, kill_process, kill_process_group, waitid,
};
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use tokio::sync::mpsc;

use super::signals::{self, Signals};
use super::stage::Stage;
use crate::report::Report;

pub struct Child {
    pid: Pid,
    place: Place,
}

/// Where the program stands towards the terminal, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a group of its own, in front of the terminal: what is typed is typed to it alone.
    Front,
    /// In a group of its own: nobody types.
    Apart,
    /// In this process's group, which may be a whole pipeline: the terminal speaks to all of it.
    Shared,
}

impl Place {
    fn here() -> Self {
        let both = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        if both && in_front(getpgrp()) {
            Self::Front
        } else if std::fs::File::open("/dev/tty").is_err() {
            Self::Apart
        } else {
            Self::Shared
        }
    }
}

/// What became of it.
enum News {
    Stopped(Signal),
    Exited(u8),
    Killed(i32),
}

impl Child {
    pub fn start(stage: &Stage, program: &[String]) -> Result<Self, Report> {
        let place = Place::here();
        let started = stage.start(program, place != Place::Shared)?;
        let child = Self {
            pid: Pid::from_child(&started),
            place,
        };
        child.hand_over();
        Ok(child)
    }

    /// Until it has ended.
    pub async fn attend(self, signals: &mut Signals) -> Result<u8, Report> {
        let mut news = self.news();
        loop {
            tokio::select! {
                came = news.recv() => match came {
                    Some(News::Exited(status)) => {
                        self.take_back();
                        return Ok(status);
                    }
                    Some(News::Killed(number)) => {
                        self.take_back();
                        return Ok(signals::exit_code(number));
                    }
                    Some(News::Stopped(signal)) => self.stop_too(signal),
                    None => {
                        self.take_back();
                        return Err(Report::failure("nothing is known of the program any more"));
                    }
                },
                number = signals.any() => self.pass_on(number),
            }
        }
    }

    fn pass_on(&self, number: i32) {
        let Some(signal) = Signal::from_named_raw(number) else {
            return;
        };
        // The terminal has told the whole group already.
        let told = matches!(signal, Signal::INT | Signal::QUIT | Signal::WINCH | Signal::CONT);
        if self.place != Place::Shared || !told {
            // It may have just ended; the news comes.
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Stopped at the terminal: whoever started this sees it stopped, and lets it go on as a whole.
    fn stop_too(&self, signal: Signal) {
        if self.place == Place::Shared {
            // The terminal has stopped this process with it, and will let both go on.
            return;
        }
        let reads_too_early = matches!(signal, Signal::TTIN | Signal::TTOU) && in_front(self.pid);
        if !reads_too_early {
            self.take_back();
            let _ = kill_process(rustix::process::getpid(), Signal::STOP);
        }
        self.hand_over();
        let _ = kill_process_group(self.pid, Signal::CONT);
    }

    /// The program is the one at the terminal from now on, if this process was.
    fn hand_over(&self) {
        if self.place == Place::Front && (in_front(getpgrp()) || in_front(self.pid)) {
            set_in_front(self.pid);
        }
    }

    fn take_back(&self) {
        if self.place == Place::Front && in_front(self.pid) {
            set_in_front(getpgrp());
        }
    }

    /// A thread waits, for nothing else tells of stops; it ends with the program.
    fn news(&self) -> mpsc::UnboundedReceiver<News> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let pid = self.pid;
        std::thread::spawn(move || {
            loop {
                let news = match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::STOPPED) {
                    Ok(Some(status)) => of_status(&status),
                    Ok(None) | Err(Errno::INTR) => continue,
                    Err(_) => return,
                };
                let over = !matches!(news, News::Stopped(_));
                if sender.send(news).is_err() || over {
                    return;
                }
            }
        });
        receiver
    }
}

fn of_status(status: &WaitIdStatus) -> News {
    if let Some(signal) = status.stopping_signal() {
        return News::Stopped(Signal::from_named_raw(signal).unwrap_or(Signal::STOP));
    }
    if let Some(number) = status.terminating_signal() {
        return News::Killed(number);
    }
    let status = status.exit_status().unwrap_or_default();
    News::Exited(u8::try_from(status & 0xff).unwrap_or(u8::MAX))
}

/// Whether standard input is a terminal, and that group the one in front of it.
fn in_front(group: Pid) -> bool {
    tcgetpgrp(rustix::stdio::stdin()).is_ok_and(|front| front == group)
}

/// A process that is not in front is stopped by the kernel when it says who is, unless it does not hear of it.
fn set_in_front(group: Pid) {
    let mut quiet = nix::sys::signal::SigSet::empty();
    quiet.add(nix::sys::signal::Signal::SIGTTOU);
    let Ok(before) = quiet.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK) else {
        return;
    };
    // A terminal that is gone is nobody's.
    let _ = tcsetpgrp(rustix::stdio::stdin(), group);
    let _ = before.thread_set_mask();
}
