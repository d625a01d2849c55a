//! Metrics of others, which come as OpenMetrics, in Prometheus's older text format.

use std::collections::HashMap;

/// Rewrites an exposition line by line: counters have their suffix in their name, there are no
/// units, no exemplars and fewer types.
pub(super) fn as_text(open: &str) -> String {
    let declared = |line: &'static str| move |it: &str| it.starts_with(line);
    let types: HashMap<&str, &str> = (open.lines())
        .filter(|line| declared("# TYPE ")(line))
        .filter_map(|line| line.get(7..)?.split_once(' '))
        .collect();
    let mut text = String::with_capacity(open.len());
    for line in open.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let Some((word, rest)) = comment.split_once(' ') else { continue };
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let of = types.get(name).copied().unwrap_or_default();
            let (suffix, kind) = match of {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "stateset" => ("", "gauge"),
                "unknown" | "gaugehistogram" => ("", "untyped"),
                other => ("", other),
            };
            let rest = match word {
                "TYPE" => kind,
                "HELP" => rest,
                _ => continue,
            };
            text.extend(["# ", word, " ", name, suffix, " ", rest]);
        } else {
            text.push_str(without_exemplar(line));
        }
        text.push('\n');
    }
    text
}

/// What comes before ` # `, which may also be in the value of a label.
fn without_exemplar(line: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in line.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ' ' if !quoted && line[at..].starts_with(" # ") => return &line[..at],
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::as_text;

    #[test]
    fn every_line_is_what_the_older_format_has_for_it() {
        let cases = [
            (
                "# HELP jobs Jobs done.\n# TYPE jobs counter\njobs_total{a=\"b\"} 1 # {trace_id=\"c\"} 1\n",
                "# HELP jobs_total Jobs done.\n# TYPE jobs_total counter\njobs_total{a=\"b\"} 1\n",
            ),
            (
                "# HELP t_seconds T.\n# TYPE t_seconds histogram\n# UNIT t_seconds seconds\n\
                 t_seconds_bucket{le=\"+Inf\"} 1 # {} 0.5 1.000\n",
                "# HELP t_seconds T.\n# TYPE t_seconds histogram\nt_seconds_bucket{le=\"+Inf\"} 1\n",
            ),
            (
                "# TYPE build info\nbuild_info{version=\"1 # 2\\\" # \"} 1\n",
                "# TYPE build_info gauge\nbuild_info{version=\"1 # 2\\\" # \"} 1\n",
            ),
            ("# TYPE x unknown\nx 1\n# EOF\n", "# TYPE x untyped\nx 1\n"),
            ("# HELP \n#\n# \nx 1", "# HELP  \n#\nx 1\n"),
            ("", ""),
        ];
        for (open, text) in cases {
            assert_eq!(as_text(open), text, "{open}");
        }
    }
}
