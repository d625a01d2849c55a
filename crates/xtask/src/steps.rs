//! Runs named steps one after the other: a heading each, stop at the first failure, a table of times at the end.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};

/// One step of a longer chore.
pub(crate) struct Step {
    /// What it is called in headings, the table and errors.
    pub(crate) name: &'static str,
    /// What it makes sure of.
    pub(crate) about: &'static str,
    /// Does it, and says how many tests ran in it.
    pub(crate) run: fn() -> Result<Counts>,
}

/// How many tests ran, and how they ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

/// Runs the steps in order. The error names the step that failed.
pub(crate) fn run(steps: &[Step]) -> Result<()> {
    let mut times = Vec::with_capacity(steps.len());
    let mut total = Counts::default();
    let mut outcome = Ok(());
    for (index, step) in steps.iter().enumerate() {
        let place = format!("{}/{}", index + 1, steps.len());
        println!("\n=== {place} {}: {} ===", step.name, step.about);
        let start = Instant::now();
        let result = (step.run)();
        times.push((step.name, start.elapsed()));
        match result {
            Ok(counts) => total.add(counts),
            Err(failure) => {
                let message = format!("step {:?} ({place}) failed: {failure}", step.name);
                outcome = Err(Failure::from(message));
                break;
            }
        }
    }
    print!("\n{}", table(&times));
    if total.passed + total.failed > 0 {
        println!("\n{total}");
    }
    outcome
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "tests: {passed} passed, {failed} failed, {skipped} skipped")
    }
}

fn table(times: &[(&str, Duration)]) -> String {
    let sum = times.iter().map(|(_, time)| *time).sum();
    let width = times.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let width = width.max("total".len());
    let mut text = String::new();
    for (name, time) in times.iter().copied().chain([("total", sum)]) {
        text += &format!("{name:width$} {:>8.1} s\n", time.as_secs_f64());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Counts, Step, run, table};

    const GOOD: Step = Step { name: "good", about: "passes", run: || Ok(Counts::default()) };
    const BAD: Step = Step { name: "bad", about: "fails", run: || Err("it broke".into()) };
    const NEVER: Step =
        Step { name: "never", about: "must not run", run: || panic!("a step ran after a failure") };

    #[test]
    fn the_first_failure_stops_and_is_named() {
        assert!(run(&[GOOD, GOOD]).is_ok());
        let failure = run(&[GOOD, BAD, NEVER]).expect_err("the second step fails");
        assert_eq!(failure.to_string(), "step \"bad\" (2/3) failed: it broke");
    }

    #[test]
    fn the_table_ends_in_the_sum() {
        let times = [("fmt", Duration::from_millis(500)), ("clippy", Duration::from_secs(61))];
        let expected = "fmt         0.5 s\nclippy     61.0 s\ntotal      61.5 s\n";
        assert_eq!(table(&times), expected);
    }
}
