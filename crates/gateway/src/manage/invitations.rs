//! Invitations: a link that makes whoever has it, and the address that it is for, a member.

use std::net::IpAddr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{
    audit::{Action, Actor, Changes, Target},
    id::{EnvId, InvitationId, OrgId, UserId},
    org::Email,
    permission::Permission,
    team::{
        INVITATION_HOLDS, INVITATIONS_AN_HOUR, Invitation, InvitationInput, InvitationStatus, InvitedInput,
        MAX_INVITATIONS, MAX_MEMBERS, MAX_ORGANIZATIONS, Offer, may_invite,
    },
};
use serde_json::json;
use sha2::{Digest, Sha256};
use store::{
    StoreError,
    invitations::{Accepted, InvitedUser, Sent},
};

use super::{
    Caller, Error, OrgAccess, Result, Who,
    audit::{Note, entry},
};
use crate::{Gateway, SignupPolicy, auth, clock, mail::Letter};

/// An invitation that was sent, with its link, which is kept nowhere.
pub struct SentInvitation {
    pub invitation: Invitation,
    pub link: String,
    /// Whether it also goes by e-mail.
    pub is_mailed: bool,
}

impl Gateway {
    /// Those that nobody has answered, newest first.
    pub async fn invitations(&self, access: &OrgAccess) -> Result<Vec<Invitation>> {
        access.require(Permission::ManageMembers)?;
        Ok(self.inner.store.invitations(access.org().id).await?)
    }

    pub async fn invite(&self, access: &OrgAccess, input: &InvitationInput) -> Result<SentInvitation> {
        access.require(Permission::ManageMembers)?;
        let (email, role) = input.parse()?;
        if !may_invite(access.role(), role) {
            return Err(Error::invalid("role", "must not be owner: only owners make owners"));
        }
        let now = clock::now();
        let invitation = Invitation {
            id: InvitationId::new(now, clock::id_bits()),
            org_id: access.org().id,
            email: email.as_str().to_owned(),
            role,
            invited_by: self.name_of(access).await?,
            sent_at: now,
            expires_at: now.plus(INVITATION_HOLDS),
            accepted_at: None,
            revoked_at: None,
        };
        let changes =
            Changes::to(json!({ "email": invitation.email, "role": role, "expires_at": invitation.expires_at }));
        let note = Note::new(Action::InvitationCreate, target(&invitation), changes);
        let entry = self.org_entry(access.caller(), access.org().id, None, note).await?;
        let token = new_token();
        sent(self.inner.store.insert_invitation(&invitation, &hash(&token), &entry).await?)?;
        Ok(self.send(access, invitation, &token))
    }

    /// Sends an invitation once more, by another link; the former one ends.
    pub async fn resend_invitation(&self, access: &OrgAccess, id: InvitationId) -> Result<SentInvitation> {
        access.require(Permission::ManageMembers)?;
        let former = self.inner.store.invitation(access.org().id, id).await?.ok_or(Error::NotFound)?;
        if !may_invite(access.role(), former.role) {
            return Err(Error::Forbidden);
        }
        let now = clock::now();
        let (invited_by, expires_at) = (self.name_of(access).await?, now.plus(INVITATION_HOLDS));
        let changes =
            Changes::between(&json!({ "expires_at": former.expires_at }), json!({ "expires_at": expires_at }));
        let invitation = Invitation { invited_by, sent_at: now, expires_at, ..former };
        let note = Note::new(Action::InvitationResend, target(&invitation), changes);
        let entry = self.org_entry(access.caller(), access.org().id, None, note).await?;
        let token = new_token();
        sent(self.inner.store.renew_invitation(&invitation, &hash(&token), &entry).await?)?;
        Ok(self.send(access, invitation, &token))
    }

    pub async fn revoke_invitation(&self, access: &OrgAccess, id: InvitationId) -> Result<()> {
        access.require(Permission::ManageMembers)?;
        let org = access.org().id;
        let invitation = self.inner.store.invitation(org, id).await?.ok_or(Error::NotFound)?;
        let note = Note::of(Action::InvitationRevoke, target(&invitation));
        let entry = self.org_entry(access.caller(), org, None, note).await?;
        if !self.inner.store.revoke_invitation(org, id, clock::now(), &entry).await? {
            return Err(Error::Conflict(OVER.into()));
        }
        Ok(())
    }

    /// What a link offers.
    pub async fn offer(&self, token: &str) -> Result<Offer> {
        let invitation = self.invitation_of(token).await?;
        let organization = self.inner.store.organization(invitation.org_id).await?.ok_or(Error::NotFound)?;
        let email: Option<Email> = invitation.email.parse().ok();
        let has_account = match &email {
            Some(email) => self.inner.store.user_by_email(email).await?.is_some(),
            None => false,
        };
        Ok(Offer {
            organization: organization.name,
            status: invitation.status(clock::now()),
            may_sign_up: !has_account && self.inner.settings.signup != SignupPolicy::Closed,
            email: invitation.email,
            role: invitation.role,
            invited_by: invitation.invited_by,
        })
    }

    /// Makes the caller a member. Returns a project to begin with, where there is one.
    pub async fn accept_invitation(&self, caller: &Caller, token: &str) -> Result<Option<EnvId>> {
        let Who::User(user) = caller.who else { return Err(Error::Forbidden) };
        let user = self.inner.store.user(user).await?.ok_or(Error::Unauthenticated)?;
        let invitation = self.holding(token).await?;
        if user.email != invitation.email {
            return Err(Error::Conflict(format!(
                "this invitation is for {}; sign in with that account to accept it",
                invitation.email
            )));
        }
        if self.inner.store.memberships(user.id).await?.len() >= MAX_ORGANIZATIONS as usize {
            return Err(Error::Conflict(format!("you belong to {MAX_ORGANIZATIONS} organizations; leave one first")));
        }
        let actor = Actor::user(user.id, &user.name, &user.email);
        self.join((&invitation, token), (user.id, None), (actor, caller.address)).await?;
        self.project_of(invitation.org_id).await
    }

    /// The same for somebody who has no account yet. The address is that of the invitation.
    pub async fn accept_as_new(
        &self,
        token: &str,
        input: InvitedInput,
        address: Option<IpAddr>,
    ) -> Result<(UserId, Option<EnvId>)> {
        let invitation = self.holding(token).await?;
        if self.inner.settings.signup == SignupPolicy::Closed {
            return Err(Error::Forbidden);
        }
        let (name, password) = input.parse()?;
        let email: Email = invitation.email.parse().map_err(|_| Error::Internal)?;
        auth::strength::check_for(&password, &email, &name).map_err(|message| Error::invalid("password", message))?;
        let password_hash = auth::password::hash(password).await?;
        let id = UserId::new(clock::now(), clock::id_bits());
        let new = InvitedUser { id, email: &email, name: &name, password_hash: &password_hash };
        let actor = Actor::user(id, &name, email.as_str());
        self.join((&invitation, token), (id, Some(new)), (actor, address)).await?;
        Ok((id, self.project_of(invitation.org_id).await?))
    }

    async fn join(
        &self,
        (invitation, token): (&Invitation, &str),
        (user, new): (UserId, Option<InvitedUser<'_>>),
        by: (Actor, Option<IpAddr>),
    ) -> Result<()> {
        let changes = Changes::to(json!({ "role": invitation.role, "invitation": invitation.id }));
        let target = Target::new("member", user, &invitation.email);
        let entry = entry(invitation.org_id, None, by, Note::new(Action::MemberJoin, target, changes));
        let accepted =
            self.inner.store.accept_invitation((invitation, &hash(token)), user, new, clock::now(), &entry).await;
        match accepted {
            Ok(Accepted::Done) => Ok(()),
            Ok(Accepted::Ended) => Err(Error::Conflict(OVER.into())),
            Ok(Accepted::IsMember) => Err(Error::Conflict("you belong to this organization already".into())),
            Ok(Accepted::Full) => {
                Err(Error::Conflict(format!("the organization has {MAX_MEMBERS} members, and takes no more")))
            }
            Err(StoreError::Conflict(_)) => {
                Err(Error::Conflict("there is an account with this address already; sign in to accept".into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The invitation that a link leads to, as long as it holds.
    async fn holding(&self, token: &str) -> Result<Invitation> {
        let invitation = self.invitation_of(token).await?;
        match invitation.status(clock::now()) {
            InvitationStatus::Pending => Ok(invitation),
            _ => Err(Error::Conflict(OVER.into())),
        }
    }

    async fn invitation_of(&self, token: &str) -> Result<Invitation> {
        self.inner.store.invitation_by_token(&hash(token)).await?.ok_or(Error::NotFound)
    }

    async fn project_of(&self, org: OrgId) -> Result<Option<EnvId>> {
        Ok(self.inner.store.environments(&[org]).await?.first().map(|project| project.id))
    }

    async fn name_of(&self, access: &OrgAccess) -> Result<String> {
        Ok(self.inner.store.user(access.user()).await?.ok_or(Error::Unauthenticated)?.name)
    }

    fn send(&self, access: &OrgAccess, invitation: Invitation, token: &str) -> SentInvitation {
        let link = format!("{}/invitation/{token}", self.public_url());
        let is_mailed = self.mailer().is_configured();
        if is_mailed && let Ok(to) = invitation.email.parse() {
            let organization = &access.org().name;
            let text = format!(
                "{} invites you to {organization} on hookstream, as {}.\n\n\
                 To accept, open this link:\n\n{link}\n\n\
                 It holds for 7 days and works once. If you do not know what this is about, you need not do anything.\n",
                invitation.invited_by,
                invitation.role.as_str(),
            );
            let subject = format!("{} invites you to {organization}", invitation.invited_by);
            self.mailer().send_later(Letter { to, subject, text });
        }
        SentInvitation { invitation, link, is_mailed }
    }
}

const OVER: &str = "the invitation does not hold any more: it was accepted, revoked or replaced, or has expired";

fn target(invitation: &Invitation) -> Target {
    Target::new("invitation", invitation.id, &invitation.email)
}

fn new_token() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(clock::secret_bytes::<32>())
}

/// It is long and random, so that a plain SHA-256 is enough to keep it by.
fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

fn sent(sent: Sent) -> Result<()> {
    match sent {
        Sent::Done => Ok(()),
        Sent::Gone => Err(Error::Conflict(OVER.into())),
        Sent::IsMember => Err(Error::invalid("email", "belongs to a member already")),
        Sent::IsInvited => Err(Error::invalid("email", "is invited already; send that invitation again, or revoke it")),
        Sent::TooMany => Err(Error::Conflict(format!(
            "{MAX_INVITATIONS} invitations wait for an answer; revoke those that are no longer needed"
        ))),
        Sent::TooOften => {
            Err(Error::Conflict(format!("{INVITATIONS_AN_HOUR} invitations were sent within an hour; try again later")))
        }
    }
}
