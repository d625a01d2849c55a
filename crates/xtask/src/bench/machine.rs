//! What decides how many instructions the same sources take, besides the sources.

use std::fs;

use crate::process;

/// The compiler, the C library and the vector instructions here, as one line of text. Between machines for which it is the
/// same, figures can be compared.
pub(crate) fn here() -> String {
    let rust = process::output(process::program("rustc").arg("--version")).unwrap_or_default();
    let libc = process::output(process::program("ldd").arg("--version")).unwrap_or_default();
    let flags = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    described(&rust, &libc, &flags)
}

fn described(rust: &str, libc: &str, flags: &str) -> String {
    let release = rust.split(' ').nth(1).unwrap_or("unknown");
    let libc = libc.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap_or("unknown");
    let avx2 = if flags.split_whitespace().any(|flag| flag == "avx2") { " with AVX2" } else { "" };
    format!("rustc {release}, C library {libc}, {}{avx2}", std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::described;

    #[test]
    fn a_machine_is_known_by_its_releases() {
        let text = described(
            "rustc 1.95.0 (59807616e 2026-04-14)\n",
            "ldd (Debian GLIBC 2.36-9+deb12u14) 2.36\nCopyright\n",
            "flags\t: fpu avx avx2 bmi1\n",
        );
        let arch = std::env::consts::ARCH;
        assert_eq!(text, format!("rustc 1.95.0, C library 2.36, {arch} with AVX2"));
        assert_eq!(described("", "", ""), format!("rustc unknown, C library unknown, {arch}"));
    }
}
