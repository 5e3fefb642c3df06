//! The people of an organization, and who is invited into it.

use domain::{
    id::UserId,
    team::{Invitation, Member},
    time::Timestamp,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ApiError, Form};
#[cfg(feature = "ssr")]
use super::{
    caller::{form_in_org, id, in_org, now},
    form::read,
};
#[cfg(feature = "ssr")]
use crate::paths;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InviteForm {
    pub email: String,
    pub role: String,
}

impl Form for InviteForm {}

/// Who belongs to an organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Team {
    pub members: Vec<Member>,
    /// Those that nobody has answered, for whoever may invite.
    pub invitations: Vec<Invitation>,
    /// Who asks.
    pub me: UserId,
    /// Whether invitations go by e-mail.
    pub is_mailed: bool,
    pub as_of: Timestamp,
}

#[server(endpoint = "team/list")]
pub async fn list_team(org: String) -> Result<Team, ApiError> {
    in_org(&org, async |org| {
        let may_invite = org.access.require(domain::permission::Permission::ManageMembers).is_ok();
        let invitations = if may_invite { org.gateway.invitations(&org.access).await? } else { Vec::new() };
        Ok(Team {
            members: org.gateway.members(&org.access).await?,
            invitations,
            me: org.access.user(),
            is_mailed: org.gateway.mailer().is_configured(),
            as_of: now(),
        })
    })
    .await
}

#[server(endpoint = "team/invite")]
pub async fn invite(org: String, env: String, #[server(flatten)] form: InviteForm) -> Result<(), ApiError> {
    form_in_org(&org, &form, async |org| {
        let input = domain::team::InvitationInput { email: form.email.clone(), role: form.role.clone() };
        let sent = org.gateway.invite(&org.access, &input).await?;
        org.reply.show_once(sent.invitation.id, &sent.link);
        org.reply.go_to(&paths::new_invitation(id::<domain::id::EnvId>(&env)?, sent.invitation.id));
        Ok(())
    })
    .await
}

#[server(endpoint = "team/resend")]
pub async fn resend_invitation(org: String, env: String, invitation: String) -> Result<(), ApiError> {
    in_org(&org, async |org| {
        let sent = org.gateway.resend_invitation(&org.access, id(&invitation)?).await?;
        org.reply.show_once(sent.invitation.id, &sent.link);
        org.reply.go_to(&paths::new_invitation(id::<domain::id::EnvId>(&env)?, sent.invitation.id));
        Ok(())
    })
    .await
}

#[server(endpoint = "team/revoke")]
pub async fn revoke_invitation(org: String, invitation: String) -> Result<(), ApiError> {
    in_org(&org, async |org| Ok(org.gateway.revoke_invitation(&org.access, id(&invitation)?).await?)).await
}

#[server(endpoint = "team/role")]
pub async fn change_role(org: String, member: String, role: String) -> Result<(), ApiError> {
    in_org(&org, async |org| {
        org.access.require(domain::permission::Permission::ManageMembers)?;
        let mut errors = domain::field::FieldErrors::default();
        let role = read::word(&mut errors, "role", &role);
        errors.into_result()?;
        let role = role.ok_or_else(|| ApiError::field("role", "must be owner, admin, member or viewer"))?;
        Ok(org.gateway.change_role(&org.access, id(&member)?, role).await?)
    })
    .await
}

#[server(endpoint = "team/remove")]
pub async fn remove_member(org: String, member: String) -> Result<(), ApiError> {
    in_org(&org, async |org| Ok(org.gateway.remove_member(&org.access, id(&member)?).await?)).await
}

/// The caller leaves.
#[server(endpoint = "team/leave")]
pub async fn leave_organization(org: String) -> Result<(), ApiError> {
    in_org(&org, async |org| {
        org.gateway.leave_organization(&org.access).await?;
        org.reply.go_to(paths::HOME);
        Ok(())
    })
    .await
}
