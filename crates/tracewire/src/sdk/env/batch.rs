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
        Batch {
            schedule_delay: self.milliseconds(&[&name("SCHEDULE_DELAY")]),
            export_timeout: self.timeout(&[&name("EXPORT_TIMEOUT")]),
            max_queue_size: size(self, "MAX_QUEUE_SIZE"),
            max_export_batch_size: size(self, "MAX_EXPORT_BATCH_SIZE"),
        }
    }

    /// What is said of a batch in code or in a configuration, and else in variables. Wherever its
    /// sizes come from, it is told of when they do not go together: then as many leave as may wait.
    pub(in crate::sdk) fn batch_of(
        &mut self,
        signal: Signal,
        said: Batch,
        else_said: Batch,
    ) -> Batch {
        let batch = said.or(else_said);
        let (queue, pieces) = (batch.queue_size(), signal.pieces());
        if let Some(size) = batch.max_export_batch_size.filter(|size| *size > queue) {
            self.complain_of(format!(
                "batches have at most {queue} {pieces} and not {size}: no more may wait"
            ));
        }
        batch
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
    fn a_batch_larger_than_the_queue_is_told_of() {
        let (queue, batch) = ("OTEL_BLRP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE");
        let (code, nothing) = (Batch::new().max_export_batch_size(100), Batch::new());
        let cases = [
            (vec![(queue, "10"), (batch, "10")], nothing, 0),
            (vec![(queue, "10"), (batch, "11")], nothing, 1),
            (vec![(batch, "2048")], nothing, 0),
            (vec![(batch, "2049")], nothing, 1),
            // What counts is what they come to together.
            (vec![(queue, "4096"), (batch, "4096")], nothing, 0),
            (vec![(batch, "2049")], nothing.max_queue_size(4096), 0),
            (vec![(queue, "10")], code, 1),
            (vec![(queue, "10"), (batch, "10")], code, 1),
            (vec![(queue, "10"), (batch, "11")], code.max_queue_size(100), 0),
            (vec![], code.max_queue_size(10), 1),
            (vec![(queue, "10")], nothing, 0),
        ];
        for (variables, code, expected) in cases {
            let twice = |env: &mut Env| {
                for _ in 0..2 {
                    let said = env.batch(Signal::Logs);
                    let _ = env.batch_of(Signal::Logs, code, said);
                }
            };
            let ((), complained) = ask(&variables, twice);
            assert_eq!(complained, expected, "{variables:?} {code:?}");
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
