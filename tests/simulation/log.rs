//! What did the hosts log? Nothing is shown unless `WARDROOM_SIM_LOG` is set; then wardroom's own events, with their
//! simulated time, go to standard error.

use std::fmt::{Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const ASKED_FOR: &str = "WARDROOM_SIM_LOG";

/// Shows events from here on, if that was asked for.
pub(crate) fn begin() {
    if std::env::var_os(ASKED_FOR).is_some() {
        tracing::subscriber::set_global_default(Log).expect("nobody else sets one in this process");
    }
}

struct Log;

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("wardroom")
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let at_ms = turmoil::sim_elapsed().map_or(0, |elapsed| elapsed.as_millis());
        let mut line = Line(String::new());
        event.record(&mut line);
        eprintln!("{at_ms} {}{}", event.metadata().target(), line.0);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("a string takes everything");
    }
}
