//! The names by which secrets are known.

/// Whether a column, an option or a variable of this name holds a secret.
pub(super) fn names_secret(word: &str) -> bool {
    let [.., a, b] = word.as_bytes() else {
        return false;
    };
    let names: &[&str] = match [a.to_ascii_uppercase(), b.to_ascii_uppercase()] {
        [b'R', b'D'] => &["PASSWORD"],
        [b'W', b'D'] => &["PASSWD"],
        [b'S', b'E'] => &["PASSPHRASE"],
        [b'E', b'T'] => &["SECRET"],
        [b'E', b'N'] => &["TOKEN"],
        [b'A', b'L'] => &["CREDENTIAL"],
        [b'L', b'S'] => &["CREDENTIALS"],
        [b'E', b'Y'] => &["API_KEY", "APIKEY", "PRIVATE_KEY", "ACCESS_KEY", "SECRET_KEY"],
        _ => return false,
    };
    names.iter().any(|name| ends_with(word, name))
}

/// Whether a function of this name takes a key, a password or a connection string.
pub(super) fn takes_secret(word: &str) -> bool {
    let [a, b, ..] = word.as_bytes() else {
        return false;
    };
    let names: &[&str] = match [a.to_ascii_uppercase(), b.to_ascii_uppercase()] {
        [b'A', b'E'] => &["AES_"],
        [b'C', b'R'] => &["CRYPT"],
        [b'D', b'B'] => &["DBLINK"],
        [b'D', b'E'] => &["DECRYPT", "DES_"],
        [b'E', b'N'] => &["ENCRYPT"],
        [b'H', b'M'] => &["HMAC"],
        [b'P', b'G'] => &["PGP_"],
        _ => return false,
    };
    names.iter().any(|name| starts_with(word, name))
}

/// Whether `word` ends with these letters, given in upper case.
pub(super) fn ends_with(word: &str, upper: &str) -> bool {
    let at = word.len().checked_sub(upper.len());
    at.and_then(|at| word.as_bytes().get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(upper.as_bytes()))
}

fn starts_with(word: &str, upper: &str) -> bool {
    word.as_bytes()
        .get(..upper.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(upper.as_bytes()))
}
