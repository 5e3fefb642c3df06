//! Who belongs to an organization, and as what.

use domain::{
    audit::{Action, Changes, Target},
    id::UserId,
    permission::{Permission, Role},
    team::{Member, may_change},
};
use serde_json::json;
use store::members::{MemberChange, MemberChanged};

use super::{Error, OrgAccess, Result, audit::Note};
use crate::Gateway;

/// How often a change is tried while others change roles as well.
const TRIES: u32 = 5;

impl Gateway {
    /// Everybody, owners first.
    pub async fn members(&self, access: &OrgAccess) -> Result<Vec<Member>> {
        access.require(Permission::Read)?;
        Ok(self.inner.store.members(access.org().id).await?)
    }

    pub async fn change_role(&self, access: &OrgAccess, member: UserId, role: Role) -> Result<()> {
        access.require(Permission::ManageMembers)?;
        self.change_member(access, member, Some(role), Action::MemberUpdate).await
    }

    /// Takes a member out. They see nothing of the organization any more, on any node.
    pub async fn remove_member(&self, access: &OrgAccess, member: UserId) -> Result<()> {
        access.require(Permission::ManageMembers)?;
        self.change_member(access, member, None, Action::MemberRemove).await
    }

    /// The caller goes.
    pub async fn leave_organization(&self, access: &OrgAccess) -> Result<()> {
        self.change_member(access, access.user(), None, Action::MemberLeave).await
    }

    async fn change_member(&self, access: &OrgAccess, user: UserId, to: Option<Role>, action: Action) -> Result<()> {
        let org = access.org().id;
        for _ in 0..TRIES {
            // Read anew each time: what the caller may do may just have changed.
            let by = self.inner.store.role(access.user(), org).await?.ok_or(Error::NotFound)?;
            let member = self.inner.store.member(org, user).await?.ok_or(Error::NotFound)?;
            let leaves = action == Action::MemberLeave;
            if !leaves && !may_change(by, member.role, to) {
                return Err(Error::Forbidden);
            }
            if to == Some(member.role) {
                return Ok(());
            }
            let changes = Changes::between(&json!({ "role": member.role }), json!({ "role": to }));
            let note = Note::new(action, Target::new("member", member.user_id, &member.email), changes);
            let entry = self.org_entry(access.caller(), org, None, note).await?;
            let change = MemberChange { org, by: (access.user(), by), member: (user, member.role), to };
            match self.inner.store.change_member(change, &entry).await? {
                MemberChanged::Done => return Ok(()),
                MemberChanged::LastOwner => {
                    return Err(Error::Conflict(
                        "an organization always has an owner; make somebody else one first, or delete the organization"
                            .into(),
                    ));
                }
                MemberChanged::Stale => {}
            }
        }
        Err(Error::Conflict("roles are being changed by others at this moment; try again".into()))
    }
}
