//! Who may do what: roles of people in an organization, scopes of API keys in a project.

use serde::{Deserialize, Serialize};

/// What a member of an organization is, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Viewer,
    Member,
    Admin,
    Owner,
}

/// What a use case needs of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// See everything in a project.
    Read,
    /// Change sources, destinations and connections; retry; replay.
    Write,
    /// Make and revoke API keys.
    ManageKeys,
    /// Make, rename and delete projects.
    ManageProjects,
    /// Invite people, change their roles up to admin, and remove them.
    ManageMembers,
    /// Make owners, rename and delete the organization.
    ManageOrganization,
    /// See who changed what.
    ReadAuditLog,
}

impl Role {
    /// From most to least.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Member, Self::Viewer];

    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::Read => true,
            Permission::Write | Permission::ManageKeys => matches!(self, Self::Member | Self::Admin | Self::Owner),
            Permission::ManageProjects | Permission::ManageMembers | Permission::ReadAuditLog => {
                matches!(self, Self::Admin | Self::Owner)
            }
            Permission::ManageOrganization => matches!(self, Self::Owner),
        }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Viewer, Self::Member, Self::Admin, Self::Owner]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or("must be owner, admin, member or viewer")
    }
}

/// What an API key may do in its project. A wider scope includes the narrower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ApiKeyScope"))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Read,
    Write,
    Admin,
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::Read => true,
            Permission::Write => matches!(self, Self::Write | Self::Admin),
            Permission::ManageKeys | Permission::ManageProjects | Permission::ReadAuditLog => {
                matches!(self, Self::Admin)
            }
            // People do that.
            Permission::ManageMembers | Permission::ManageOrganization => false,
        }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or("must be read, write or admin")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles() {
        use Permission::{ManageKeys, ManageMembers, ManageOrganization, ManageProjects, Read, ReadAuditLog, Write};
        let columns = [Read, Write, ManageKeys, ManageProjects, ManageMembers, ReadAuditLog, ManageOrganization];
        let table = |role: Role| columns.map(|permission| role.may(permission));
        assert_eq!(table(Role::Viewer), [true, false, false, false, false, false, false]);
        assert_eq!(table(Role::Member), [true, true, true, false, false, false, false]);
        assert_eq!(table(Role::Admin), [true, true, true, true, true, true, false]);
        assert_eq!(table(Role::Owner), [true; 7]);
        assert!(!Scope::Admin.may(ManageMembers) && !Scope::Admin.may(ManageOrganization));
        assert!(Scope::Admin.may(ReadAuditLog) && !Scope::Write.may(ReadAuditLog));
        assert!(!Scope::Read.may(Write) && !Scope::Write.may(ManageKeys) && Scope::Admin.may(ManageProjects));
    }
}
