//! Organizations and people.

use serde::{Deserialize, Serialize};

use crate::{
    field::{FieldErrors, parse_name},
    id::{OrgId, UserId},
    permission::Role,
    project::Environment,
    time::Timestamp,
};

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub created_at: Timestamp,
}

/// An organization as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub org_id: OrgId,
    pub org_name: String,
    pub role: Role,
}

/// A signed-in person with all that they may see: what the frame of the dashboard shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    pub user: User,
    pub memberships: Vec<Membership>,
    /// Of all organizations of the person, oldest first.
    pub projects: Vec<Environment>,
}

impl Viewer {
    /// The role of the person in the organization of `project`.
    #[must_use]
    pub fn role_in(&self, project: &Environment) -> Option<Role> {
        self.memberships.iter().find(|membership| membership.org_id == project.org_id).map(|membership| membership.role)
    }
}

/// Who may make an account of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignUpOffer {
    Anybody,
    /// Who has an invitation.
    Invited,
    Nobody,
}

/// A person's own account as its page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub user: User,
    /// Whether letters to the address were shown to reach the person.
    pub email_verified: bool,
    /// Whether letters can be sent at all.
    pub has_mail: bool,
    /// How many recovery codes are left, where there is a second factor.
    pub recovery_codes: Option<u32>,
    /// The provider that people can sign in with, where there is one.
    pub provider: Option<ProviderLink>,
}

/// A provider that people can sign in with, as somebody's account shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderLink {
    pub name: String,
    /// Whether the account is connected with somebody there.
    pub is_connected: bool,
}

/// A second factor that is being set up.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactorSetup {
    /// The secret as people type it.
    pub key: String,
    /// What an app reads.
    pub uri: String,
    /// The dark modules of its QR code, as the path of an SVG of so many modules' width.
    pub path: String,
    pub size: usize,
    /// The provider that people can sign in with, where there is one.
    pub provider: Option<ProviderLink>,
}

impl std::fmt::Debug for SecondFactorSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactorSetup").finish_non_exhaustive()
    }
}

/// What a person types to sign up.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignUpInput {
    pub name: String,
    pub email: String,
    pub organization: String,
    pub password: String,
}

/// A sign-up that can be carried out. The password is whole, neither trimmed nor folded.
pub struct SignUp {
    pub name: String,
    pub email: Email,
    pub organization: String,
    pub password: String,
}

impl SignUpInput {
    /// # Errors
    /// Every field that is wrong.
    pub fn parse(self) -> Result<SignUp, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", parse_name(&self.name));
        let email = errors.check("email", self.email.parse());
        let organization = errors.check("organization", parse_name(&self.organization));
        errors.check("password", check_password(&self.password));
        match (name, email, organization) {
            (Some(name), Some(email), Some(organization)) if errors.is_empty() => {
                Ok(SignUp { name, email, organization, password: self.password })
            }
            _ => Err(errors),
        }
    }
}

/// # Errors
/// Says what is wanted of a password.
pub fn check_password(password: &str) -> Result<(), &'static str> {
    match password.chars().count() {
        0..10 => Err("must be at least 10 characters"),
        // Hashing works on every byte of it, so there is an end.
        10..=200 => Ok(()),
        _ => Err("must be at most 200 characters"),
    }
}

/// An e-mail address, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Email {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "must be an e-mail address such as ana@example.com";
        let text = text.trim();
        let (local, host) = text.rsplit_once('@').ok_or(WANTED)?;
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | ',' | ';' | '"');
        let well_formed = !local.is_empty()
            && text.len() <= 254
            && text.chars().all(plain)
            && !local.contains('@')
            && host.split('.').all(|label| !label.is_empty())
            && host.contains('.');
        if well_formed { Ok(Self(text.to_lowercase())) } else { Err(WANTED) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_are_folded_and_checked() {
        assert_eq!("  Ana@Example.COM ".parse::<Email>().map(|e| e.0), Ok("ana@example.com".to_owned()));
        for bad in ["", "ana", "@example.com", "ana@", "ana@x", "a b@x.com", "a@b@x.com", "ana@x..com"] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_wrong_field_of_a_sign_up_is_named() {
        let errors = SignUpInput::default().parse().err().expect("all empty");
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["name", "email", "organization", "password"]);
    }
}
