//! Statements: on a database that answers at once, and on SQLite.

use bench_harness::sql::{self, Answering, answered, execute};
use bench_harness::{Case, Mode};
use tracewire::sqlx::{ExecutorExt as _, Pool, Settings};

use crate::{SCENARIOS, VARIANT};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (scenario, members, telemetry, modes) in SCENARIOS {
        let settings = move |mode| Settings::new().telemetry(&telemetry(mode));
        cases.push(Case::bare("sql", scenario, move || {
            answered(true, members, || execute(&Answering))
        }));
        cases.push(Case::bare("sqlite", scenario, move || sql::select(sql::pool(), true, members)));
        for mode in modes.iter().copied() {
            let sampled = mode != Mode::Unsampled;
            cases.push(Case::new("sql", scenario, VARIANT, mode, move || {
                let settings = settings(mode);
                answered(sampled, members, move || execute((&Answering).traced_with(&settings)))
            }));
            cases.push(Case::new("sqlite", scenario, VARIANT, mode, move || {
                sql::select(Pool::new(sql::pool(), &settings(mode)), sampled, members)
            }));
        }
    }
    cases
}
