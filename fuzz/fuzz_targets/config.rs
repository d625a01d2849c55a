#![no_main]

use libfuzzer_sys::fuzz_target;
use tracewire::sdk::Config;

// A configuration is followed, or there is a sentence that says why not.
fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    check(text);
    check(&format!("file_format: '1.0'\n{text}"));
});

fn check(text: &str) {
    // Variables whose values look like references and structure.
    let variable = |name: &str| match name.len() % 4 {
        0 => None,
        1 => Some(format!("${{{name}}}")),
        2 => Some(format!("{{ {name}: 1 }}")),
        _ => Some("1".to_owned()),
    };
    match Config::parse_with(text, variable) {
        Ok(config) => assert!(config.warnings().all(|it| it.starts_with("configuration:"))),
        Err(error) => assert!(error.is_configuration() && error.to_string().len() > 20),
    }
}
