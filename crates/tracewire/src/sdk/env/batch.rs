//! The variables of batch processors.
//!
//! Specification: Environment Variables, "Batch Span Processor" and "Batch LogRecord Processor".

use super::Env;
use crate::sdk::{Batch, Signal};

/// The queue takes its memory at once, so its length has an end.
const PIECES: std::ops::RangeInclusive<u64> = 1..=1_000_000;

impl Env {
    /// `OTEL_BSP_*` for spans, `OTEL_BLRP_*` for log records; nothing for metrics, which are not sent
    /// in batches.
    pub(in crate::sdk) fn batch(&mut self, signal: Signal) -> Batch {
        let prefix = match signal {
            Signal::Traces => "OTEL_BSP_",
            Signal::Logs => "OTEL_BLRP_",
            Signal::Metrics => return Batch::new(),
        };
        let name = |suffix: &str| format!("{prefix}{suffix}");
        let size = |env: &mut Self, suffix| {
            let size = env.number(&[&name(suffix)], PIECES);
            size.and_then(|size| size.try_into().ok())
        };
        let batch = Batch {
            schedule_delay: self.milliseconds(&[&name("SCHEDULE_DELAY")]),
            export_timeout: self.timeout(&[&name("EXPORT_TIMEOUT")]),
            max_queue_size: size(self, "MAX_QUEUE_SIZE"),
            max_export_batch_size: size(self, "MAX_EXPORT_BATCH_SIZE"),
        };
        let queue = batch.queue_size();
        match batch.max_export_batch_size {
            Some(size) if size > queue => {
                let wanted = format!("at most {queue}, as many as wait");
                self.complain(&name("MAX_EXPORT_BATCH_SIZE"), &size.to_string(), &wanted);
                Batch { max_export_batch_size: None, ..batch }
            }
            _ => batch,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::ask;
    use super::*;

    #[test]
    fn numbers_out_of_range_are_ignored() {
        let cases = [
            ("1", Some(1), 0),
            ("2048", Some(2048), 0),
            (" 7 ", Some(7), 0),
            ("", None, 0),
            ("0", None, 1),
            ("-1", None, 1),
            ("1e3", None, 1),
            ("99999999999999999999", None, 1),
            ("1000000000", None, 1),
        ];
        for (text, expected, complaints) in cases {
            let variable = ("OTEL_BSP_MAX_QUEUE_SIZE", text);
            let (found, complained) = ask(&[variable], |env| env.batch(Signal::Traces));
            assert_eq!((found.max_queue_size, complained), (expected, complaints), "{text:?}");
        }
    }

    #[test]
    fn no_batch_is_larger_than_the_queue() {
        let (queue, batch) = ("OTEL_BLRP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE");
        let cases = [
            (vec![(queue, "10"), (batch, "10")], Some(10), 0),
            (vec![(queue, "10"), (batch, "11")], None, 1),
            (vec![(batch, "2048")], Some(2048), 0),
            (vec![(batch, "2049")], None, 1),
        ];
        for (variables, expected, complaints) in cases {
            let (found, complained) = ask(&variables, |env| env.batch(Signal::Logs));
            let found = (found.max_export_batch_size, complained);
            assert_eq!(found, (expected, complaints), "{variables:?}");
        }
    }

    #[test]
    fn spans_and_log_records_have_their_own() {
        let variables = [("OTEL_BSP_SCHEDULE_DELAY", "1"), ("OTEL_BLRP_SCHEDULE_DELAY", "2")];
        let delay = |signal| ask(&variables, |env| env.batch(signal)).0.schedule_delay;
        assert_eq!(delay(Signal::Traces), Some(Duration::from_millis(1)));
        assert_eq!(delay(Signal::Logs), Some(Duration::from_millis(2)));
        assert_eq!(delay(Signal::Metrics), None);
    }
}
