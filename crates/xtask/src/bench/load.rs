//! What tracing costs a whole process under load, as `bench-load` measures it.

use super::measure::{Program, median};
use super::report::thousands;
use crate::failure::{Context, Result};

const PROGRAM: Program = Program::of("bench-load");

const HEAD: &str = "\
## A gateway under load

Written by `cargo xtask bench --load`. A gateway, with one worker thread, answers sixteen connections, each of which
calls again as soon as it has its answer, with what a service behind it says: axum, reqwest-middleware, real sockets,
spans sent to a Collector on the same machine. Medians of interleaved rounds of two seconds, each in a process of its
own, and in brackets their ratio to the gateway without tracing in the same round. The caller, the service and the
Collector share the machine with it, so requests per second and the slowest of a hundred say less than processor time,
which is that of the gateway alone, sending included.

| | requests per second | 99 % within | CPU seconds per million requests | most memory | spans lost |
|---|--:|--:|--:|--:|--:|
";

/// One round of one mode.
#[derive(Debug)]
struct Round {
    /// Requests per second, microseconds within which 99 % are answered, microseconds of processor time for each, KiB.
    figures: [f64; 4],
    /// How many of a million spans.
    lost: f64,
}

/// What the figures are shown in.
const UNITS: [(f64, &str); 4] = [(1.0, ""), (1e-3, " ms"), (1.0, ""), (1.0 / 1024.0, " MiB")];

/// A section of `RESULTS.md`.
pub(crate) fn measure() -> Result<String> {
    PROGRAM.build()?;
    println!("bench-load: this takes two minutes");
    section(&PROGRAM.ask(&[])?)
}

fn section(output: &str) -> Result<String> {
    let mut modes: Vec<(&str, Vec<Round>)> = Vec::new();
    for line in output.lines() {
        let (mode, figures) =
            line.split_once('\t').ok_or_else(|| format!("{line:?} is not a round"))?;
        let round = Round::parse(figures)?;
        match modes.iter_mut().find(|(it, _)| *it == mode) {
            Some((_, rounds)) => rounds.push(round),
            None => modes.push((mode, vec![round])),
        }
    }
    // What everything else is compared with comes first.
    let bare = modes.first().map_or(&[][..], |(_, rounds)| rounds);
    let mut text = HEAD.to_owned();
    for (index, (mode, rounds)) in modes.iter().enumerate() {
        text += &format!("| {mode} |");
        for (figure, (scale, unit)) in UNITS.into_iter().enumerate() {
            let all = rounds.iter().map(|it| it.figures[figure]);
            let pairs = all.clone().zip(bare.iter().map(|it| it.figures[figure]));
            let shown = shown(median(all).unwrap_or_default() * scale);
            text += &match median(pairs.map(|(own, bare)| own / bare)) {
                Some(ratio) if index > 0 => format!(" {shown}{unit} (×{ratio:.2}) |"),
                _ => format!(" {shown}{unit} |"),
            };
        }
        let lost = median(rounds.iter().map(|it| it.lost)).unwrap_or_default();
        text += &format!(" {:.1} % |\n", lost / 10_000.0);
    }
    Ok(text)
}

fn shown(figure: f64) -> String {
    if figure < 100.0 { format!("{figure:.1}") } else { thousands(figure as i64) }
}

impl Round {
    fn parse(line: &str) -> Result<Self> {
        let figures: Vec<f64> =
            line.split('\t').map(|it| it.parse().context(line)).collect::<Result<_>>()?;
        match figures[..] {
            [requests, slow, processor, memory, lost] => {
                Ok(Self { figures: [requests, slow, processor, memory], lost })
            }
            _ => Err(format!("{line:?} has not five figures").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::section;

    #[test]
    fn a_mode_is_a_row_of_medians_and_of_ratios_within_rounds() {
        let output = "off\t10000\t2000\t50\t10240\t0\non\t9000\t4000\t60\t20480\t0\n\
                      off\t20000\t3000\t40\t10240\t0\non\t10000\t3000\t50\t20480\t5000\n\
                      off\t10000\t2000\t50\t10240\t0\non\t9000\t4000\t60\t20480\t20000\n";
        let text = section(output).expect("rounds");
        for row in [
            "| off | 10 000 | 2.0 ms | 50.0 | 10.0 MiB | 0.0 % |",
            "| on | 9 000 (×0.90) | 4.0 ms (×2.00) | 60.0 (×1.20) | 20.0 MiB (×2.00) | 0.5 % |",
        ] {
            assert!(text.lines().any(|line| line == row), "{row}\nin\n{text}");
        }
        assert!(section("off\t1\t2\n").is_err());
    }
}
