//! Passwords that anybody would guess: those that many people have, and those that say whose they are.

use std::{collections::HashSet, sync::LazyLock};

use domain::org::{Email, check_password};

/// What people use most, of the leaked passwords that zxcvbn was made with: long ones whole, shorter words as something that
/// a password is made of. In lower case, a line each.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// A name or a part of an address that is shorter stands in a password by chance.
const TELLING: usize = 4;
/// A password of fewer different characters is no password.
const DIFFERENT: usize = 4;

/// # Errors
/// Says what is wrong with the password for this person.
pub fn check(password: &str, email: &str, name: &str) -> Result<(), &'static str> {
    check_password(password)?;
    let folded = password.to_lowercase();
    if is_common(&folded) {
        return Err("is one of the most common, and guessed first; choose another");
    }
    let different: HashSet<char> = folded.chars().collect();
    if different.len() < DIFFERENT || is_a_row(&folded) {
        return Err("is too simple, and guessed early; choose another");
    }
    let email = email.to_lowercase();
    let local = email.split('@').next().unwrap_or_default();
    let name = name.to_lowercase();
    let words = local.split(|c: char| !c.is_alphanumeric()).chain(name.split(|c: char| !c.is_alphanumeric()));
    let mut words = words.filter(|word| word.chars().count() >= TELLING);
    if words.any(|word| folded.contains(word)) || folded.contains(&email) && !email.is_empty() {
        return Err("must not contain your name or e-mail address");
    }
    Ok(())
}

/// The same for somebody whose address was read.
///
/// # Errors
/// As [`check`].
pub fn check_for(password: &str, email: &Email, name: &str) -> Result<(), &'static str> {
    check(password, email.as_str(), name)
}

/// Whether it is a common one, or such a word with digits and signs around it, or one twice.
fn is_common(folded: &str) -> bool {
    let word = folded.trim_matches(|c: char| !c.is_alphabetic());
    let half = || {
        let (first, second) = folded.split_at_checked(folded.len() / 2)?;
        (first == second).then_some(first)
    };
    COMMON.contains(folded) || COMMON.contains(word) || half().is_some_and(|half| COMMON.contains(half))
}

/// Whether each character is the one after or before the one before it: `abcdefghij`, `9876543210`.
fn is_a_row(folded: &str) -> bool {
    let codes: Vec<i64> = folded.chars().map(|c| i64::from(u32::from(c))).collect();
    [1, -1].iter().any(|step| codes.windows(2).all(|pair| pair[1] - pair[0] == *step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_are_guessed_first_are_refused() {
        for bad in [
            "1234567890",
            "qwertyuiop",
            "Password123",
            "password2026!",
            "passwordpassword",
            "Hookstream-2026",
            "aaaaaaaaaaaa",
            "abababababab",
            "abcdefghijkl",
            "98765432101"[..10].trim(),
            "administrator",
        ] {
            assert!(check(bad, "x@example.org", "").is_err(), "{bad}");
        }
        for good in ["a long password 1", "correct horse battery", "kJ8vTq2LmZ", "ümlaute sind schön", "7f3a9c0be1d2"]
        {
            assert_eq!(check(good, "x@example.org", "Al Bo"), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_password_does_not_say_whose_it_is() {
        let check = |password| check(password, "ana.gomez@example.com", "Ana Gómez Ruiz");
        for bad in ["Gomez sails 77", "my name is gómez", "ana.gomez@example.com", "ruiz ruiz horse"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert_eq!(check("banana with cream"), Ok(()), "a short name may stand in a word");
    }
}
