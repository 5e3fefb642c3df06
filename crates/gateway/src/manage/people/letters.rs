//! What is written to people. Plain text, one link at most.

use domain::org::Email;

use crate::mail::Letter;

const IF_NOT_YOU: &str = "If you did not ask for this, you need not do anything.";

pub(super) fn reset_password(to: Email, link: &str) -> Letter {
    let text = format!(
        "Somebody asked for a new password for your hookstream account.\n\n\
         Choose it here within an hour:\n\n{link}\n\n{IF_NOT_YOU} Your password stays as it is.\n"
    );
    Letter { to, subject: "Choose a new hookstream password".to_owned(), text }
}

pub(super) fn no_account(to: Email, sign_in: &str) -> Letter {
    let text = format!(
        "Somebody asked for a new password for this address, which has no account at {sign_in}\n\n\
         If it was you, your account has another address.\n"
    );
    Letter { to, subject: "There is no hookstream account with this address".to_owned(), text }
}

pub(super) fn password_changed(to: Email, from: &str) -> Letter {
    let text = format!(
        "The password of your hookstream account was changed (from {from}), and all other sessions have ended.\n\n\
         If it was not you, choose a new one by \"Forgot your password?\" on the sign-in page at once.\n"
    );
    Letter { to, subject: "Your hookstream password was changed".to_owned(), text }
}

pub(super) fn confirm_sign_up(to: Email, link: &str) -> Letter {
    let text = format!(
        "Somebody signed up for hookstream with this address.\n\n\
         Confirm that it was you within a day, and your account is made:\n\n{link}\n\n{IF_NOT_YOU}\n"
    );
    Letter { to, subject: "Confirm your hookstream account".to_owned(), text }
}

pub(super) fn has_account(to: Email, sign_in: &str) -> Letter {
    let text = format!(
        "Somebody signed up for hookstream with this address, which has an account already.\n\n\
         If it was you, sign in: {sign_in}\n\n{IF_NOT_YOU}\n"
    );
    Letter { to, subject: "You have a hookstream account already".to_owned(), text }
}

pub(super) fn confirm_email(to: Email, link: &str) -> Letter {
    let text = format!(
        "Confirm within a day that this address is yours, and that your hookstream account shall have it:\n\n{link}\n\n\
         {IF_NOT_YOU}\n"
    );
    Letter { to, subject: "Confirm your address for hookstream".to_owned(), text }
}

pub(super) fn email_is_changing(to: Email, new: &Email) -> Letter {
    let text = format!(
        "Your hookstream account is about to get another address, {}, as soon as that is confirmed.\n\n\
         If it was not you who asked for it, change your password at once.\n",
        new.as_str()
    );
    Letter { to, subject: "Your hookstream address is about to change".to_owned(), text }
}

pub(super) fn email_changed(to: Email, new: &Email) -> Letter {
    let text = format!(
        "Your hookstream account has another address now: {}. Letters come there from now on, and not here.\n\n\
         If it was not you who changed it, tell whoever runs the server.\n",
        new.as_str()
    );
    Letter { to, subject: "Your hookstream address was changed".to_owned(), text }
}

pub(super) fn provider_changed(to: Email, name: &str, is_connected: bool) -> Letter {
    let (what, how) = if is_connected {
        ("was connected with", "You can sign in with it from now on.")
    } else {
        ("is no longer connected with", "You sign in with your password from now on.")
    };
    let text = format!(
        "Your hookstream account {what} {name}. {how}\n\n\
         If it was not you, change your password at once, and look at your account's page.\n"
    );
    Letter { to, subject: format!("Your hookstream account {what} {name}"), text }
}

pub(super) fn second_factor_changed(to: Email, is_on: bool) -> Letter {
    let what = if is_on { "turned on" } else { "turned off" };
    let text = format!(
        "The second factor of your hookstream account was {what}.\n\nIf it was not you, change your password at once.\n"
    );
    Letter { to, subject: format!("Your hookstream second factor was {what}"), text }
}
