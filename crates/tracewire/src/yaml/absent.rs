//! YAML in a program without the feature `sdk-config`: none.

use crate::sdk::{Fault, Lookup, Node};

/// Always a fault.
pub(crate) fn parse(_: &str, _: &Lookup<'_>) -> Result<Node, Fault> {
    Err(Fault::whole("reading a configuration needs the feature `sdk-config` of tracewire"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fault_names_what_is_missing() {
        let found = parse("file_format: '1.0'", &|_| None);
        assert!(found.is_err_and(|fault| fault.why.contains("`sdk-config`")));
    }
}
