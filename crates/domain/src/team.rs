//! Who belongs to an organization, and who is invited into it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    field::{FieldErrors, parse_name},
    id::{InvitationId, OrgId, UserId},
    org::{Email, check_password},
    permission::{Permission, Role},
    time::Timestamp,
};

/// For how long an invitation holds.
pub const INVITATION_HOLDS: Duration = Duration::from_hours(7 * 24);
/// People of one organization, and organizations of one person.
pub const MAX_MEMBERS: u32 = 500;
pub const MAX_ORGANIZATIONS: u32 = 50;
/// Invitations of an organization that nobody has answered.
pub const MAX_INVITATIONS: u32 = 100;
/// Invitations that an organization sends in an hour, those sent again among them.
pub const INVITATIONS_AN_HOUR: u32 = 50;

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    pub id: OrgId,
    pub name: String,
    pub created_at: Timestamp,
}

/// A person in an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub joined_at: Timestamp,
}

/// An invitation. The text of its link is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    pub id: InvitationId,
    pub org_id: OrgId,
    pub email: String,
    pub role: Role,
    /// The name of whoever sent it.
    pub invited_by: String,
    pub sent_at: Timestamp,
    pub expires_at: Timestamp,
    pub accepted_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    Pending,
    Expired,
    Accepted,
    Revoked,
}

impl Invitation {
    #[must_use]
    pub fn status(&self, now: Timestamp) -> InvitationStatus {
        match self {
            Self { accepted_at: Some(_), .. } => InvitationStatus::Accepted,
            Self { revoked_at: Some(_), .. } => InvitationStatus::Revoked,
            Self { expires_at, .. } if *expires_at <= now => InvitationStatus::Expired,
            _ => InvitationStatus::Pending,
        }
    }
}

/// What whoever has the link of an invitation sees of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub organization: String,
    pub email: String,
    pub role: Role,
    pub invited_by: String,
    pub status: InvitationStatus,
    /// Whether somebody without an account may make one for it.
    pub may_sign_up: bool,
}

/// Who is to be invited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvitationInput {
    pub email: String,
    pub role: String,
}

impl InvitationInput {
    /// # Errors
    /// Every field that is wrong.
    pub fn parse(&self) -> Result<(Email, Role), FieldErrors> {
        let mut errors = FieldErrors::default();
        let email = errors.check("email", self.email.parse::<Email>());
        let role = errors.check("role", self.role.parse::<Role>());
        match (email, role) {
            (Some(email), Some(role)) => Ok((email, role)),
            _ => Err(errors),
        }
    }
}

/// What somebody types who makes an account for an invitation. The address is that of the invitation.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct InvitedInput {
    pub name: String,
    pub password: String,
}

impl InvitedInput {
    /// The name and the password, which is whole, neither trimmed nor folded.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn parse(self) -> Result<(String, String), FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", parse_name(&self.name));
        errors.check("password", check_password(&self.password));
        match name {
            Some(name) if errors.is_empty() => Ok((name, self.password)),
            _ => Err(errors),
        }
    }
}

/// Whether somebody who is `by` may make a member what they are to be (`to`; `None` for no member any more), who is `from` now.
/// Nobody touches what is above them, and only owners make owners.
#[must_use]
pub const fn may_change(by: Role, from: Role, to: Option<Role>) -> bool {
    let concerns_owners = matches!(from, Role::Owner) || matches!(to, Some(Role::Owner));
    let needed = if concerns_owners { Permission::ManageOrganization } else { Permission::ManageMembers };
    by.may(needed)
}

/// Whether somebody who is `by` may invite somebody to be `role`.
#[must_use]
pub const fn may_invite(by: Role, role: Role) -> bool {
    may_change(by, Role::Viewer, Some(role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_touches_what_is_above_them() {
        use Role::{Admin, Member, Owner, Viewer};
        for from in [Viewer, Member, Admin, Owner] {
            for to in [Some(Viewer), Some(Member), Some(Admin), Some(Owner), None] {
                let concerns_owners = from == Owner || to == Some(Owner);
                assert!(may_change(Owner, from, to));
                assert_eq!(may_change(Admin, from, to), !concerns_owners, "{from:?} {to:?}");
                assert!(!may_change(Member, from, to) && !may_change(Viewer, from, to));
            }
        }
        assert!(may_invite(Admin, Admin) && !may_invite(Admin, Owner) && may_invite(Owner, Owner));
    }

    #[test]
    fn an_invitation_ends_once() {
        let at = Timestamp::from_micros;
        let sent = Invitation {
            id: InvitationId::from_u128(1),
            org_id: OrgId::from_u128(1),
            email: "a@b.c".into(),
            role: Role::Member,
            invited_by: "Ana".into(),
            sent_at: at(0),
            expires_at: at(10),
            accepted_at: None,
            revoked_at: None,
        };
        assert_eq!(sent.status(at(9)), InvitationStatus::Pending);
        assert_eq!(sent.status(at(10)), InvitationStatus::Expired);
        let accepted = Invitation { accepted_at: Some(at(5)), ..sent.clone() };
        assert_eq!(accepted.status(at(20)), InvitationStatus::Accepted);
        assert_eq!(Invitation { revoked_at: Some(at(5)), ..sent }.status(at(6)), InvitationStatus::Revoked);
    }
}
