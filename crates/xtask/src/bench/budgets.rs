//! `bench/budgets.toml`: what tracewire may cost over the bare operation, and since when it does.
//!
//! One line for each case, so that a change of a figure is a line in a diff, with its reason beside it.

use std::fmt;

use super::measure::{Case, Cost, Measures};
use crate::failure::Result;

/// How far instructions may be from their budget: the same sources compile to a little more or less.
const TOLERANCE: f64 = 0.03;

/// Below this many instructions, three per cent are less than what changes by itself.
const LEAST_TOLERANCE: i64 = 20;

/// How far the instructions of the bare operation and of what it costs move together when a program is built elsewhere,
/// which is much where that operation is a long one.
const NOISE: f64 = 0.005;

/// What has no budgets: tables show how costs grow, and SQLite has a thread of its own, whose races move its figures.
const UNJUDGED: [&str; 2] = ["growth", "sqlite"];

/// Whether a case, or the bare operation that it is compared with, has a budget.
pub(crate) fn is_judged(case: &Case) -> bool {
    !UNJUDGED.contains(&&*case.area)
}

/// The file: comment lines at its beginning, the machine, and the lines with budgets.
#[derive(Debug, PartialEq)]
pub(crate) struct Budgets {
    head: Vec<String>,
    /// Where instructions were counted, as `machine` says it.
    machine: String,
    lines: Vec<Budget>,
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq)]
struct Budget {
    case: String,
    instructions: i64,
    allocations: i64,
    why: String,
    /// The instructions of the bare operation and of this together, where they were counted just now.
    whole: i64,
}

/// What became of every budget, and of cases that have none.
#[derive(Debug)]
pub(crate) struct Verdict(Vec<(Budget, Option<Budget>, Change)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Kept,
    Grew,
    Shrank,
    /// It is measured, and has no budget.
    New,
    /// It has a budget, and is measured no longer.
    Gone,
}

impl Budgets {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let is_head = |line: &&str| line.is_empty() || line.starts_with('#');
        let head: Vec<String> = text.lines().take_while(is_head).map(str::to_owned).collect();
        let mut lines = Vec::new();
        let mut machine = String::new();
        for (index, line) in text.lines().enumerate().skip(head.len()) {
            if is_head(&line) {
                continue;
            }
            if let Some(said) = line.strip_prefix("machine = ") {
                machine = said.trim_matches('"').to_owned();
                continue;
            }
            let budget = Budget::parse(line).ok_or_else(|| {
                format!("bench/budgets.toml:{}: not a budget with a reason: {line}", index + 1)
            })?;
            lines.push(budget);
        }
        Ok(Self { head, machine, lines })
    }

    /// Where instructions were counted; elsewhere they cannot be compared.
    pub(crate) fn machine(&self) -> &str {
        &self.machine
    }

    /// Compares every case of tracewire with its budget, as counted on this machine.
    pub(crate) fn judge(&self, measures: &Measures, machine: &str) -> Verdict {
        let costs = measures.costs();
        let mut judged: Vec<_> = costs
            .iter()
            .filter(|(case, _)| is_judged(case) && case.variant.starts_with("tracewire"))
            .map(|(case, cost)| {
                let now = Budget::of(case, cost);
                let budget = self.lines.iter().find(|it| it.case == now.case).cloned();
                let here =
                    if machine == self.machine { now.clone() } else { now.elsewhere(&budget) };
                let change = budget.as_ref().map_or(Change::New, |budget| budget.change(&here));
                (now, budget, change)
            })
            .collect();
        let is_measured =
            |budget: &Budget| costs.iter().any(|(case, _)| case.to_string() == budget.case);
        let gone = self.lines.iter().filter(|budget| !is_measured(budget));
        judged.extend(gone.map(|budget| (budget.clone(), Some(budget.clone()), Change::Gone)));
        Verdict(judged)
    }

    /// Makes what was measured the budget wherever it differs, for this reason. On another machine that is everywhere.
    pub(crate) fn accept(&mut self, verdict: &Verdict, machine: &str, why: &str) {
        let is_same = self.machine == machine;
        self.machine = machine.to_owned();
        let line = |(now, budget, change): &(Budget, Option<Budget>, Change)| match change {
            Change::Gone => None,
            Change::Kept if is_same => budget.clone(),
            Change::Kept => budget.as_ref().map(|it| Budget { why: it.why.clone(), ..now.clone() }),
            Change::Grew | Change::Shrank | Change::New => {
                // Without a quotation mark, which would end the text.
                Some(Budget { why: why.replace(['"', '\\'], "'"), ..now.clone() })
            }
        };
        let said = |budget: Budget| Budget { whole: 0, ..budget };
        self.lines = verdict.0.iter().filter_map(line).map(said).collect();
    }
}

impl fmt::Display for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.head {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "machine = \"{}\"", self.machine)?;
        for Budget { case, instructions, allocations, why, .. } in &self.lines {
            writeln!(
                f,
                "\"{case}\" = {{ instructions = {instructions}, allocations = {allocations}, why = \"{why}\" }}"
            )?;
        }
        Ok(())
    }
}

impl Budget {
    fn of(case: &Case, cost: &Cost) -> Self {
        let Cost { instructions, allocations, whole, .. } = *cost;
        Self { case: case.to_string(), instructions, allocations, why: String::new(), whole }
    }

    /// A line as [`Budgets`] writes it; spaces do not matter.
    fn parse(line: &str) -> Option<Self> {
        let (case, rest) = line.trim().strip_prefix('"')?.split_once('"')?;
        let fields = rest.trim().strip_prefix('=')?.trim().strip_prefix('{')?.strip_suffix('}')?;
        let (figures, why) = fields.split_once("why")?;
        let figure = |name: &str| {
            let after = figures.split_once(name)?.1.trim_start().strip_prefix('=')?;
            after.split(',').next()?.trim().parse().ok()
        };
        let why = why.trim().strip_prefix('=')?.trim().strip_prefix('"')?.strip_suffix('"')?;
        Some(Self {
            case: case.to_owned(),
            instructions: figure("instructions")?,
            allocations: figure("allocations")?,
            why: Some(why).filter(|why| !why.trim().is_empty())?.to_owned(),
            whole: 0,
        })
    }

    /// The same with the instructions of the budget, as those of another machine cannot be compared.
    fn elsewhere(&self, budget: &Option<Self>) -> Self {
        let instructions = budget.as_ref().map_or(self.instructions, |budget| budget.instructions);
        Self { instructions, ..self.clone() }
    }

    fn change(&self, now: &Self) -> Change {
        let share = |of: i64, share: f64| (of as f64 * share).round() as i64;
        let tolerance = share(self.instructions, TOLERANCE).max(share(now.whole, NOISE));
        let tolerance = tolerance.max(LEAST_TOLERANCE);
        let more = now.instructions - self.instructions;
        if now.allocations > self.allocations || more > tolerance {
            Change::Grew
        } else if now.allocations < self.allocations || more < -tolerance {
            Change::Shrank
        } else {
            Change::Kept
        }
    }
}

impl Verdict {
    /// An error when something costs more than its budget, or has none.
    pub(crate) fn outcome(&self) -> Result<()> {
        let is_bad = |change: Change| matches!(change, Change::Grew | Change::New | Change::Gone);
        let bad: Vec<String> = self
            .0
            .iter()
            .filter(|(_, _, change)| is_bad(*change))
            .map(|(now, _, change)| format!("{}: {}", now.case, change.text()))
            .collect();
        if bad.is_empty() {
            return Ok(());
        }
        Err(format!(
            "costs are not those of bench/budgets.toml:\n  {}\nMend it, or run `cargo xtask bench --gate --why TEXT` \
             and commit the file",
            bad.join("\n  ")
        )
        .into())
    }
}

impl Change {
    fn text(self) -> &'static str {
        match self {
            Self::Kept => "",
            Self::Grew => "costs more than its budget",
            Self::Shrank => "costs less: the budget can be tightened",
            Self::New => "has no budget",
            Self::Gone => "is measured no longer",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(now, ..)| now.case.len()).max().unwrap_or(0);
        let heading = "instructions (budget)  allocations (budget)";
        writeln!(f, "{:width$}  {heading}", "over the bare operation")?;
        for (now, budget, change) in &self.0 {
            let budget = |of: fn(&Budget) -> i64| budget.as_ref().map_or(-1, of);
            writeln!(
                f,
                "{:width$}  {:>12} {:>8}  {:>11} {:>8}  {}",
                now.case,
                now.instructions,
                format!("({})", budget(|it| it.instructions)),
                now.allocations,
                format!("({})", budget(|it| it.allocations)),
                change.text()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Budgets, Measures};

    const FILE: &str = "\
# What it may cost.

machine = \"here\"
\"server/a/tracewire/sampled\" = { instructions = 6000, allocations = 9, why = \"the first figure\" }
\"server/a/tracewire/off\" = { instructions = 40, allocations = 0, why = \"the first figure\" }
";

    fn measures(sampled: (u64, u64), off: (u64, u64)) -> Measures {
        Measures::of(&[
            ("server/a/bare/bare", 1000, 10),
            ("server/a/tracewire/sampled", 1000 + sampled.0, 10 + sampled.1),
            ("server/a/tracewire/off", 1000 + off.0, 10 + off.1),
            ("server/a/somebody/sampled", 90_000, 900),
            ("growth/a/bare/bare", 1000, 10),
            ("growth/a/tracewire/sampled", 9000, 10),
        ])
    }

    #[test]
    fn instructions_may_move_a_little_and_allocations_not_at_all() {
        let budgets = Budgets::parse(FILE).expect("a file");
        let passes =
            |sampled, off| budgets.judge(&measures(sampled, off), "here").outcome().is_ok();
        for (sampled, off, expected) in [
            ((6000, 9), (40, 0), true),
            ((6180, 9), (50, 0), true),
            ((6181, 9), (40, 0), false),
            ((6000, 9), (61, 0), false),
            ((6000, 10), (40, 0), false),
            ((3000, 4), (0, 0), true),
        ] {
            assert_eq!(passes(sampled, off), expected, "{sampled:?} {off:?}");
        }
    }

    #[test]
    fn instructions_of_another_machine_are_not_compared() {
        let budgets = Budgets::parse(FILE).expect("a file");
        let passes =
            |sampled| budgets.judge(&measures(sampled, (40, 0)), "there").outcome().is_ok();
        assert!(passes((9000, 9)));
        assert!(!passes((6000, 10)));
    }

    #[test]
    fn what_another_machine_accepts_is_all_its_own() {
        let mut budgets = Budgets::parse(FILE).expect("a file");
        let measures = measures((9000, 9), (50, 1));
        budgets.accept(&budgets.judge(&measures, "there"), "there", "one more");
        assert_eq!(budgets.machine(), "there");
        let text = budgets.to_string();
        for expected in
            ["9000, allocations = 9, why = \"the first", "50, allocations = 1, why = \"one more"]
        {
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn what_differs_is_written_with_its_reason_and_the_rest_stays() {
        let mut budgets = Budgets::parse(FILE).expect("a file");
        let verdict = budgets.judge(&measures((6500, 9), (40, 0)), "here");
        assert!(verdict.to_string().contains("costs more than its budget"));
        budgets.accept(&verdict, "here", "spans have a \"colour\"");
        let expected = FILE.replace(
            "instructions = 6000, allocations = 9, why = \"the first figure\"",
            "instructions = 6500, allocations = 9, why = \"spans have a 'colour'\"",
        );
        assert_eq!(budgets.to_string(), expected);
        assert_eq!(Budgets::parse(&expected).expect("what was written"), budgets);
    }

    #[test]
    fn every_case_has_a_budget_and_every_budget_a_case() {
        let empty = Budgets::parse("# nothing\n").expect("a file");
        let failure =
            empty.judge(&measures((1, 1), (1, 1)), "here").outcome().expect_err("no budgets");
        assert!(failure.to_string().contains("server/a/tracewire/off: has no budget"), "{failure}");
        let all = Budgets::parse(FILE).expect("a file");
        let failure = all.judge(&Measures::of(&[]), "here").outcome().expect_err("no cases");
        assert!(failure.to_string().contains("is measured no longer"), "{failure}");
    }

    #[test]
    fn a_budget_needs_a_reason() {
        let line =
            "\"server/a/tracewire/off\" = { instructions = 40, allocations = 0, why = \"\" }\n";
        let failure = Budgets::parse(line).expect_err("no reason").to_string();
        assert!(failure.contains("budgets.toml:1"), "{failure}");
    }
}
