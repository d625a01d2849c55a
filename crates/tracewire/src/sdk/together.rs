//! Asking several at the same time, so that none has to wait for another that hangs.

use std::thread;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

/// Asks every one, even after an error; the first error counts. Returns when all have answered.
pub(super) fn together<T: Sync>(
    all: &[T],
    ask: impl Fn(&T) -> OTelSdkResult + Sync,
) -> OTelSdkResult {
    let Some((last, others)) = all.split_last() else {
        return Ok(());
    };
    let ask = &ask;
    thread::scope(|scope| {
        let asked = others.iter().map(|it| {
            let thread = thread::Builder::new().name("tracewire-flush".to_owned());
            (it, thread.spawn_scoped(scope, move || ask(it)))
        });
        // All of them have begun before any is waited for.
        let asked: Vec<_> = asked.collect();
        let result = ask(last);
        let answers = asked.into_iter().map(|(it, thread)| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|_| Err(panicked())),
            // Where there are no threads left, they have to wait for each other.
            Err(_) => ask(it),
        });
        answers.fold(Ok(()), OTelSdkResult::and).and(result)
    })
}

fn panicked() -> OTelSdkError {
    OTelSdkError::InternalFailure("a processor has panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn all_are_asked_at_the_same_time_and_the_first_error_counts() {
        let failure = |at: usize| Err(OTelSdkError::InternalFailure(at.to_string()));
        for count in 0..4 {
            // Nobody passes it alone.
            let barrier = Barrier::new(count);
            let all: Vec<usize> = (0..count).collect();
            let result = together(&all, |at| {
                barrier.wait();
                if *at == 0 { Ok(()) } else { failure(*at) }
            });
            let expected = if count < 2 { Ok(()) } else { failure(1) };
            assert_eq!(format!("{result:?}"), format!("{expected:?}"), "{count}");
        }
    }
}
