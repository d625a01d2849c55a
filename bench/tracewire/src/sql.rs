//! Statements: on a database that answers at once, and on SQLite.

use std::hint::black_box;

use bench_harness::{Case, Mode, Operation, parent, sql};
use futures_util::FutureExt as _;
use sqlx::{Executor, Sqlite};
use tracewire::sqlx::{ExecutorExt as _, Pool, Settings};

use crate::answering::Answering;
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

/// One statement on this executor.
fn execute<'c>(executor: impl Executor<'c, Database = Sqlite>) {
    let query = sqlx::query("UPDATE users SET seen = seen + 1 WHERE id = ?").bind(7_i64);
    let done = query.execute(executor).now_or_never();
    assert!(black_box(done).is_some_and(|it| it.is_ok()));
}

fn answered(sampled: bool, members: usize, execute: impl Fn() + 'static) -> Operation {
    let parent = parent::context(sampled, members);
    Box::new(move || {
        let _parent = parent.clone().attach();
        execute();
    })
}
