//! What came of a soak, and whether that is good.

use std::fmt;
use std::time::Duration;

use sdk_tests::Wire;

use super::BATCH;
use super::vitals::Vitals;

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Report {
    pub wire: Wire,
    pub took: Duration,
    pub rounds: u64,
    pub requests: u64,
    pub started: u64,
    pub exported: u64,
    pub dropped: u64,
    pub sampled_out: u64,
    /// Spans that the program knows it has asked for.
    pub asked: u64,
    /// Spans that the Collectors wrote, each counted once.
    pub received: u64,
    pub received_again: u64,
    /// Before telemetry was set up.
    pub before: Vitals,
    /// The highest of each half.
    pub halves: [Vitals; 2],
    /// After it was shut down.
    pub after: Vitals,
    /// Before and after.
    pub tasks: [u64; 2],
    pub warnings: u64,
}

/// What telemetry may take up, in KiB. Its queue and tail sampling are bounded to less than that.
const ROOM: u64 = 64 << 10;

/// By how much the peak may differ between the halves, in KiB: the allocator's whims.
const WHIM: u64 = 8 << 10;

impl Report {
    /// How many spans may have arrived without being counted as exported.
    ///
    /// One batch is sent at a time. A Collector that is killed, and a network that begins to swallow
    /// everything, may keep the answer about one that was written from us, and so may the end.
    pub fn in_doubt(&self) -> u64 {
        (2 * self.rounds + 1) * BATCH as u64
    }

    /// What is not as it should be.
    pub fn complaints(&self) -> Vec<String> {
        let Self { started, exported, dropped, sampled_out, asked, received, .. } = *self;
        let [first, second] = self.halves.map(|half| half.memory);
        let minutes = self.took.as_secs() / 60;
        let claims = [
            (started == asked, "all spans were started that the program has asked for"),
            (started == exported + dropped + sampled_out, "every span is accounted for"),
            (exported > 0 && dropped > 0 && sampled_out > 0, "each fate is met with"),
            (received >= exported, "what counts as exported has arrived"),
            (received <= exported + self.in_doubt(), "what counts as lost has not arrived"),
            (first.max(second) <= self.before.memory + ROOM, "memory is bounded"),
            (second <= first + WHIM, "memory does not grow"),
            (self.after.threads <= self.before.threads, "threads end"),
            (self.after.files <= self.before.files, "connections are closed"),
            (self.tasks[1] <= self.tasks[0], "tasks end"),
            ((1..=minutes + 1).contains(&self.warnings), "losses are told of once a minute"),
        ];
        claims
            .into_iter()
            .filter(|(holds, _)| !holds)
            .map(|(_, claim)| format!("it is not so that {claim}"))
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.halves;
        let mib = |memory: u64| memory as f64 / 1024.0;
        let seconds = self.took.as_secs_f64();
        let (way, rounds) = (self.wire.protocol(), self.rounds);
        writeln!(f, "{seconds:.0} s, {rounds} rounds, {way}")?;
        let counts = [
            ("requests", self.requests),
            ("asked for", self.asked),
            ("started", self.started),
            ("  exported", self.exported),
            ("  dropped", self.dropped),
            ("  sampled out", self.sampled_out),
            ("received", self.received),
            ("  at most", self.exported + self.in_doubt()),
            ("  once more", self.received_again),
            ("warnings", self.warnings),
        ];
        for (name, count) in counts {
            writeln!(f, "{name:<14}{count:>10}")?;
        }
        writeln!(
            f,
            "{:<14}{:>10}{:>10}{:>10}{:>10}",
            "", "before", "1st half", "2nd half", "after"
        )?;
        let memory = [self.before, first, second, self.after].map(|it| mib(it.memory));
        let [a, b, c, d] = memory;
        writeln!(f, "{:<14}{a:>10.1}{b:>10.1}{c:>10.1}{d:>10.1}", "memory, MiB")?;
        for (name, of) in
            [("threads", (|it| it.threads) as fn(Vitals) -> u64), ("files", |it| it.files)]
        {
            let [a, b, c, d] = [self.before, first, second, self.after].map(of);
            writeln!(f, "{name:<14}{a:>10}{b:>10}{c:>10}{d:>10}")?;
        }
        let [a, d] = self.tasks;
        writeln!(f, "{:<14}{a:>10}{:>10}{:>10}{d:>10}", "tasks", "", "")
    }
}
