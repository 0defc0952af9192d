//! What workflows log with the macros of the `log` crate becomes log effects.

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::host::{self, Place};

struct Logger;

static LOGGER: Logger = Logger;

/// Python's numbers for the levels; it has none below DEBUG.
fn number(level: Level) -> i32 {
    match level {
        Level::Error => 40,
        Level::Warn => 30,
        Level::Info => 20,
        Level::Debug => 10,
        Level::Trace => 5,
    }
}

impl Log for Logger {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        let message = record.args().to_string();
        let place = Place {
            file: record.file().unwrap_or("?"),
            line: record.line().unwrap_or(0),
        };
        host::log(number(record.level()), record.target(), &message, place);
    }

    fn flush(&self) {}
}

/// Puts the logger in place, with INFO and above, as in Python. A logger that the workflow's crate
/// has put in place before stays.
pub(crate) fn install() {
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}
