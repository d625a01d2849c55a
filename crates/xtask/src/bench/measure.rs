//! What one program of `bench/` measures, and what that is over the bare operation.

use std::path::PathBuf;
use std::thread;

use super::{callgrind, folder};
use crate::failure::{Context, Result};
use crate::process;

/// SQLite answers from a thread of its own, and it costs more to wait for it than to find it ready: the least of some
/// counts is what can be compared.
const RACING: &str = "sqlite";
const RACES: usize = 5;

/// A program of `bench/`, called like its package.
pub(crate) struct Program {
    pub(crate) package: &'static str,
    /// Of its workspace, below `bench/`.
    pub(crate) manifest: &'static str,
}

/// What a program measured.
#[derive(Debug, Default)]
pub(crate) struct Measures(Vec<Measure>);

/// One operation under one library in one mode.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measure {
    pub(crate) case: Case,
    instructions: u64,
    allocations: u64,
    bytes: u64,
    nanoseconds: Vec<u64>,
}

/// `area/scenario/variant/mode`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) area: String,
    pub(crate) scenario: String,
    pub(crate) variant: String,
    pub(crate) mode: String,
}

/// What an operation costs over the bare one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    pub(crate) instructions: i64,
    pub(crate) allocations: i64,
    pub(crate) bytes: i64,
    /// Time as a multiple of the bare operation's, if it was measured.
    pub(crate) ratio: Option<f64>,
    /// The instructions of both together.
    pub(crate) whole: i64,
}

impl Program {
    /// One of the workspace `bench/`.
    pub(crate) const fn of(package: &'static str) -> Self {
        Self { package, manifest: "Cargo.toml" }
    }

    pub(crate) fn build(&self) -> Result<()> {
        let mut command = process::cargo(&format!("build --release --package {}", self.package));
        command.arg("--manifest-path").arg(folder().join(self.manifest));
        // Not the target folder of the main workspace: nothing in it is built alike.
        process::run(command.arg("--target-dir").arg(folder().join("target")))
    }

    fn binary(&self) -> PathBuf {
        folder().join("target/release").join(self.package)
    }

    /// Counts instructions and allocations of some of its cases, on all processors: no count depends on time.
    pub(crate) fn measure(&self, keep: fn(&Case) -> bool) -> Result<Measures> {
        let list = self.ask(&["list"])?;
        let cases: Vec<Case> = list.lines().map(Case::parse).collect::<Result<_>>()?;
        let cases: Vec<Case> = cases.into_iter().filter(keep).collect();
        println!("{}: callgrind counts {} cases", self.package, cases.len());
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let shares = cases.chunks(cases.len().div_ceil(threads).max(1));
        let counted: Result<Vec<Vec<Measure>>> = thread::scope(|scope| {
            let count = |share| move || self.count_all(share);
            let threads: Vec<_> = shares.map(|share| scope.spawn(count(share))).collect();
            let join =
                |it: thread::ScopedJoinHandle<'_, _>| it.join().map_err(|_| "a thread panicked")?;
            threads.into_iter().map(join).collect()
        });
        Ok(Measures(counted?.into_iter().flatten().collect()))
    }

    fn count_all(&self, cases: &[Case]) -> Result<Vec<Measure>> {
        let count = |case: &Case| {
            let name = case.to_string();
            let [allocations, bytes] = self.figures(&["allocations", &name])?[..] else {
                return Err(format!("{name}: not two figures").into());
            };
            let times = if case.area == RACING { RACES } else { 1 };
            let counts = (0..times).map(|_| callgrind::count(&self.binary(), &name));
            let instructions = counts.collect::<Result<Vec<_>>>()?.into_iter().min().unwrap_or(0);
            let nanoseconds = Vec::new();
            Ok(Measure { case: case.clone(), instructions, allocations, bytes, nanoseconds })
        };
        cases.iter().map(count).collect()
    }

    /// Asks the clock once more for every case, and adds what it says.
    pub(crate) fn time(&self, measures: &mut Measures) -> Result<()> {
        for measure in &mut measures.0 {
            let name = measure.case.to_string();
            measure.nanoseconds.extend(self.figures(&["time", &name])?);
        }
        Ok(())
    }

    /// The numbers that the program prints, separated by tabs.
    fn figures(&self, arguments: &[&str]) -> Result<Vec<u64>> {
        let text = self.ask(arguments)?;
        text.trim_end().split('\t').map(|it| it.parse().context(arguments.join(" "))).collect()
    }

    /// What the program prints.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<String> {
        let mut command = process::program(self.binary());
        process::output(command.args(arguments))
            .ok_or_else(|| format!("`{}` failed", process::shown(&command)).into())
    }
}

impl Case {
    pub(crate) fn parse(name: &str) -> Result<Self> {
        match name.split('/').collect::<Vec<_>>()[..] {
            [area, scenario, variant, mode] => Ok(Self {
                area: area.to_owned(),
                scenario: scenario.to_owned(),
                variant: variant.to_owned(),
                mode: mode.to_owned(),
            }),
            _ => Err(format!("{name:?} is not area/scenario/variant/mode").into()),
        }
    }

    fn is_bare(&self) -> bool {
        self.mode == "bare"
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{}", self.area, self.scenario, self.variant, self.mode)
    }
}

impl Measures {
    /// Everything that is not bare, with its cost over the bare operation of the same program.
    pub(crate) fn costs(&self) -> Vec<(Case, Cost)> {
        let traced = self.0.iter().filter(|it| !it.case.is_bare());
        traced.filter_map(|it| Some((it.case.clone(), it.over(self.bare(&it.case)?)))).collect()
    }

    /// The bare operations, with what they cost themselves.
    pub(crate) fn bare_costs(&self) -> Vec<(Case, Cost)> {
        let bare = self.0.iter().filter(|it| it.case.is_bare());
        bare.map(|it| (it.case.clone(), it.over(&Measure::default()))).collect()
    }

    fn bare(&self, case: &Case) -> Option<&Measure> {
        let is_same =
            |it: &&Measure| (&it.case.area, &it.case.scenario) == (&case.area, &case.scenario);
        self.0.iter().filter(|it| it.case.is_bare()).find(is_same)
    }
}

impl Measure {
    fn over(&self, bare: &Self) -> Cost {
        let difference = |of: fn(&Self) -> u64| of(self).cast_signed() - of(bare).cast_signed();
        Cost {
            instructions: difference(|it| it.instructions),
            allocations: difference(|it| it.allocations),
            bytes: difference(|it| it.bytes),
            ratio: self.ratio(bare),
            whole: self.instructions.cast_signed(),
        }
    }

    /// The median over all rounds, as machines are busy with other things now and then.
    fn ratio(&self, bare: &Self) -> Option<f64> {
        let rounds = self.nanoseconds.iter().zip(&bare.nanoseconds);
        median(rounds.map(|(own, bare)| *own as f64 / (*bare).max(1) as f64))
    }
}

pub(crate) fn median(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

#[cfg(test)]
impl Measures {
    /// Cases with their instructions and allocations.
    pub(crate) fn of(rows: &[(&str, u64, u64)]) -> Self {
        let measure = |(name, instructions, allocations): &(&str, u64, u64)| Measure {
            case: Case::parse(name).expect("a case"),
            instructions: *instructions,
            allocations: *allocations,
            bytes: 64 * allocations,
            nanoseconds: vec![*instructions / 10],
        };
        Self(rows.iter().map(measure).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Case, Measures};

    #[test]
    fn a_cost_is_over_the_bare_operation_of_the_same_scenario() {
        let measures = Measures::of(&[
            ("server/a/bare/bare", 1000, 10),
            ("server/b/bare/bare", 2000, 20),
            ("server/b/x/sampled", 2600, 19),
            ("server/c/x/sampled", 9, 9),
        ]);
        let costs = measures.costs();
        assert_eq!(costs.len(), 1, "nothing is compared with nothing");
        let (case, cost) = &costs[0];
        assert_eq!(case.to_string(), "server/b/x/sampled");
        assert_eq!((cost.instructions, cost.allocations, cost.bytes), (600, -1, -64));
        assert_eq!(cost.ratio, Some(1.3));
        assert_eq!(measures.bare_costs()[1].1.instructions, 2000);
    }

    #[test]
    fn a_case_has_four_parts() {
        assert!(Case::parse("a/b/c").is_err());
        assert!(Case::parse("a/b/c/d/e").is_err());
    }
}
