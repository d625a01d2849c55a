//! What was measured, for people and for programs.

use super::measure::{Case, Cost, Measures};

const MODES: [(&str, &str); 3] =
    [("sampled", "sampled"), ("unsampled", "not sampled"), ("off", "SDK off")];

const HEAD: &str = "\
# What tracing costs

Written by `cargo xtask bench`. Each cell is what one operation costs **over the bare one**: instructions / allocations
/ bytes allocated / time as a multiple of the bare operation's. Instructions are callgrind's: the
same within half a per cent on every run of one build, and within two when something else in the program changes; only
`sqlite`, which is answered by a thread of its own, moves by some hundred, though it is the least of five counts.
Allocations are exact.
Times are medians of five rounds over all cases; they are ratios, and not exact ones. What happens later on the batch
processor's thread is in none of them. Every program is built with `lto = \"fat\"` and one codegen unit, and compared with
the bare operation in the same program.

Libraries differ in what they do for that: `bench/peers` says how each is set up. Those on `tracing` do not hand on the
caller's context when the SDK is off, TraceLayer never does; fastrace has a model of its own with four attributes, and
neither reads nor writes `tracestate`. tracewire's spans end with the body, as do TraceLayer's, those by hand with every
trick and those by hand of gRPC; those of all others end with the head of the response.

By hand, *every trick* is the least that was found for the same spans on the same SDK, without settings, hooks or
metrics: what it costs is the SDK's and axum's. What axum charges for a layer that does nothing is in the last column.

Beside `traceparent`, which is a caller without `tracestate`, there is `metrics`: the same with request durations
measured, by tracewire, and with all that they measure by the others. What metrics cost is the difference of the two.
`log line` is a traced request whose handler writes one, and what the ids of its trace on that line cost.
";

/// Tables, one for each area and scenario, and one for each thing that grows.
pub(crate) fn markdown(programs: &[Measures]) -> String {
    let costs = costs(programs);
    let bare = bare_costs(programs);
    let mut text = HEAD.to_owned();
    let mut areas: Vec<&str> = Vec::new();
    for (case, _) in bare.iter().filter(|(case, _)| case.area != "growth") {
        if !areas.contains(&case.area.as_str()) {
            areas.push(&case.area);
        }
    }
    for area in areas {
        text += &format!("\n## {area}\n");
        for (case, cost) in bare.iter().filter(|(case, _)| case.area == area) {
            let is_same = |it: &Case| (&it.area, &it.scenario) == (&case.area, &case.scenario);
            let rows: Vec<&(Case, Cost)> = costs.iter().filter(|(it, _)| is_same(it)).collect();
            text += &table(case, cost, &rows);
        }
    }
    text + &growth(&costs)
}

/// The table for the README: an axum router behind a caller without `tracestate`.
pub(crate) fn excerpt(programs: &[Measures]) -> String {
    let costs = costs(programs);
    let is_it = |case: &Case| case.area == "server" && case.scenario == "traceparent";
    let records = |it: &Case| {
        costs
            .iter()
            .any(|(case, _)| is_it(case) && case.variant == it.variant && case.mode == "sampled")
    };
    let is_it = |case: &Case| is_it(case) && records(case);
    let rows: Vec<&(Case, Cost)> = costs.iter().filter(|(case, _)| is_it(case)).collect();
    rows_of(&rows, |cost| format!("{} / {}", thousands(cost.instructions), cost.allocations))
}

fn costs(programs: &[Measures]) -> Vec<(Case, Cost)> {
    programs.iter().flat_map(Measures::costs).collect()
}

/// The bare operation of each scenario, of the first program that has it: they differ by what the compiler makes of
/// the rest of the program.
fn bare_costs(programs: &[Measures]) -> Vec<(Case, Cost)> {
    let mut all: Vec<(Case, Cost)> = Vec::new();
    for (case, cost) in programs.iter().flat_map(Measures::bare_costs) {
        if !all.iter().any(|(it, _)| *it == case) {
            all.push((case, cost));
        }
    }
    all
}

fn table(case: &Case, bare: &Cost, rows: &[&(Case, Cost)]) -> String {
    let text = format!(
        "\n{}; the bare operation itself: {} / {} / {} B\n\n",
        case.scenario,
        thousands(bare.instructions),
        bare.allocations,
        thousands(bare.bytes),
    );
    text + &rows_of(rows, cell)
}

/// A row for each variant and a column for each mode.
fn rows_of(rows: &[&(Case, Cost)], cell: fn(&Cost) -> String) -> String {
    let mut text = format!(
        "| |{}\n|---|{}\n",
        MODES.map(|(_, heading)| format!(" {heading} |")).concat(),
        "--:|".repeat(MODES.len()),
    );
    let mut variants: Vec<&str> = Vec::new();
    for (case, _) in rows {
        if !variants.contains(&case.variant.as_str()) {
            variants.push(&case.variant);
        }
    }
    for variant in variants {
        let cells = MODES.map(|(mode, _)| {
            let found = rows.iter().find(|(it, _)| it.variant == variant && it.mode == mode);
            found.map_or_else(|| " – |".to_owned(), |(_, cost)| format!(" {} |", cell(cost)))
        });
        let name = if variant == "tracewire" { "**tracewire**" } else { variant };
        text += &format!("| {name} |{}\n", cells.concat());
    }
    text
}

fn cell(cost: &Cost) -> String {
    let Cost { instructions, allocations, bytes, ratio, .. } = cost;
    let ratio = ratio.map_or_else(String::new, |ratio| format!(" / ×{ratio:.2}"));
    format!("{} / {allocations} / {}{ratio}", thousands(*instructions), thousands(*bytes))
}

/// What grows, with the last word of a scenario as its size. What each one more costs is the same in every row where
/// growth is linear.
fn growth(costs: &[(Case, Cost)]) -> String {
    let mut text = "\n## How the cost of the server's layer grows\n".to_owned();
    let mut first = ("", 0, 0);
    for (case, cost) in costs.iter().filter(|(case, _)| case.area == "growth") {
        let (what, size) = case.scenario.rsplit_once(' ').unwrap_or((&case.scenario, ""));
        let Cost { instructions, allocations, bytes, ratio, .. } = cost;
        let count: i64 = size.parse().unwrap_or_default();
        if what != first.0 {
            first = (what, count, *instructions);
            text += &format!(
                "\n| {what} | instructions | for each more | allocations | bytes | time |\n|{}\n",
                "--:|".repeat(6)
            );
        }
        let each = (instructions - first.2).checked_div(count - first.1);
        let each = each.map_or_else(|| "–".to_owned(), thousands);
        let (instructions, bytes) = (thousands(*instructions), thousands(*bytes));
        let time = ratio.map_or_else(|| "–".to_owned(), |ratio| format!("×{ratio:.2}"));
        text +=
            &format!("| {size} | {instructions} | {each} | {allocations} | {bytes} | {time} |\n");
    }
    text
}

/// A number with a space before every three digits.
pub(super) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "−" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// The same figures, one line for each case; names hold nothing that JSON would have to escape.
pub(crate) fn json(programs: &[Measures]) -> String {
    let line = |(case, cost): &(Case, Cost)| {
        let Cost { instructions, allocations, bytes, ratio, .. } = cost;
        let ratio = ratio.map_or_else(|| "null".to_owned(), |ratio| format!("{ratio:.3}"));
        format!(
            "  {{ \"case\": \"{case}\", \"instructions\": {instructions}, \"allocations\": {allocations}, \"bytes\": \
             {bytes}, \"time_ratio\": {ratio} }}"
        )
    };
    let lines: Vec<String> = costs(programs).iter().map(line).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::{Measures, json, markdown, thousands};

    #[test]
    fn numbers_are_grouped_by_three() {
        let cases = [(0, "0"), (999, "999"), (1000, "1 000"), (-1_234_567, "−1 234 567")];
        for (number, expected) in cases {
            assert_eq!(thousands(number), expected);
        }
    }

    #[test]
    fn a_variant_is_a_row_and_a_mode_a_column() {
        let measures = [Measures::of(&[
            ("server/plain/bare/bare", 9000, 17),
            ("server/plain/tracewire/sampled", 15_000, 26),
            ("server/plain/tracewire/off", 10_000, 19),
            ("growth/layers 2/bare/bare", 9000, 17),
            ("growth/layers 2/tracewire/sampled", 21_000, 35),
            ("growth/layers 4/bare/bare", 9000, 17),
            ("growth/layers 4/tracewire/sampled", 31_000, 53),
        ])];
        let text = markdown(&measures);
        for line in [
            "plain; the bare operation itself: 9 000 / 17 / 1 088 B",
            "| **tracewire** | 6 000 / 9 / 576 / ×1.67 | – | 1 000 / 2 / 128 / ×1.11 |",
            "| layers | instructions | for each more | allocations | bytes | time |",
            "| 2 | 12 000 | – | 18 | 1 152 | ×2.33 |",
            "| 4 | 22 000 | 5 000 | 36 | 2 304 | ×3.44 |",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\nin\n{text}");
        }
        let json = json(&measures);
        assert!(json.contains("\"case\": \"server/plain/tracewire/off\", \"instructions\": 1000,"));
        assert_eq!(json.matches("\"case\"").count(), 4);
    }
}
