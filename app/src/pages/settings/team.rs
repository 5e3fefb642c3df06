//! Who belongs to the organization, and who is invited.

use domain::{
    permission::{Permission, Role},
    team::{Invitation, InvitationStatus, Member, may_change, may_invite},
    time::Timestamp,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::SettingsHeader;
use crate::{
    api::{
        once::shown_once,
        team::{ChangeRole, Invite, RemoveMember, ResendInvitation, RevokeInvitation, Team, list_team},
    },
    components::*,
    pages::{
        forms::{FormState, Hidden, Outcome, use_action, use_form},
        loaded::Loaded,
        project::{Project, use_project, use_viewer},
    },
};

#[component]
pub fn TeamPage() -> impl IntoView {
    let project = use_project();
    let query = use_query_map();
    let new = move || query.with(|query| query.get("new"));
    let role = use_action::<ChangeRole>();
    let remove = use_action::<RemoveMember>();
    let revoke = use_action::<RevokeInvitation>();
    let resend = use_action::<ResendInvitation>();
    // One's own role may be among what changed.
    use_viewer().after(role);
    let found = Resource::new(
        move || (new(), role.version().get(), remove.version().get(), revoke.version().get(), resend.version().get()),
        move |_| list_team(project.org()),
    );
    let link = Resource::new(
        move || (new(), resend.version().get()),
        |(new, _)| async move {
            match new {
                Some(id) => shown_once(id).await,
                None => Ok(None),
            }
        },
    );
    let invites = project.may(Permission::ManageMembers);
    view! {
        <SettingsHeader current="team"/>
        <Outcome action=role done="Role changed"/>
        <Outcome action=remove done="Member removed"/>
        <Outcome action=revoke done="Invitation revoked"/>
        <Outcome action=resend done="Invitation sent again"/>
        <Loaded
            load=move || async move { Ok((found.await?, link.await?)) }
            skeleton=|| view! { <SkeletonTable/> }
            children={move |(team, link): (Team, Option<String>)| {
                let Team { members, invitations, me, is_mailed, as_of } = team;
                let rows: Vec<_> = members
                    .into_iter()
                    .map(|member| {
                        let is_me = member.user_id == me;
                        member_row(project, member, is_me, role, remove)
                    })
                    .collect();
                view! {
                    {link.map(|link| view! { <NewLink link=link is_mailed=is_mailed/> })}
                    <Card title="Members" flush=true>
                        <Table label="Members" columns=member_columns()>{rows}</Table>
                    </Card>
                    {(!invitations.is_empty())
                        .then(|| view! { <Invitations project=project invitations=invitations as_of=as_of revoke=revoke resend=resend/> })}
                }
                .into_any()
            }}
        />
        // Once one is sent the form is another one, for the next.
        <For each=move || invites.then(new) key=Clone::clone let:_sent>
            <InviteCard/>
        </For>
    }
    .into_any()
}

#[component]
fn NewLink(link: String, is_mailed: bool) -> impl IntoView {
    let (title, help) = if is_mailed {
        (
            "The invitation is on its way",
            "It goes by e-mail. You can give the link yourself as well; it is shown this once.",
        )
    } else {
        (
            "The invitation is ready",
            "No e-mail is sent from this server: give the link to whom you invite. It is shown this once.",
        )
    };
    view! {
        <Alert tone=AlertTone::Success title=title>
            <CopyField label="Link" value=link help=help/>
        </Alert>
    }
    .into_any()
}

fn member_columns() -> Vec<Column> {
    vec![
        Column::new("Name").grow(),
        Column::new("Role").fit(),
        Column::new("Joined").fit().wide_only(),
        Column::new("Actions").fit().unlabelled(),
    ]
}

fn member_row(
    project: Project,
    member: Member,
    is_me: bool,
    role: ServerAction<ChangeRole>,
    remove: ServerAction<RemoveMember>,
) -> impl IntoView {
    let Member { user_id, name, email, role: now, joined_at } = member;
    let id = StoredValue::new(user_id.to_string());
    let choices: Vec<_> = Role::ALL
        .into_iter()
        .filter(|to| *to != now && may_change(project.role(), now, Some(*to)))
        .map(|to| view! { <MenuButton submit=true name="role" value=to.as_str()>{role_words(to)}</MenuButton> })
        .collect();
    let role_cell = if choices.is_empty() {
        view! { {role_words(now)} }.into_any()
    } else {
        view! {
            <ActionForm action=role>
                <Hidden name="org" value=project.org()/>
                <Hidden name="member" value=id.get_value()/>
                <Menu label=role_words(now) size=ButtonSize::Small align_end=true>{choices}</Menu>
            </ActionForm>
        }
        .into_any()
    };
    let may_remove = !is_me && may_change(project.role(), now, None);
    let shown = name.clone();
    view! {
        <TableRow>
            <Cell label="Name" lead=true grow=true>
                <span class="member-name">{shown} {is_me.then(|| view! { <Tag>"you"</Tag> })}</span>
                <span class="member-email">{email}</span>
            </Cell>
            <Cell label="Role" fit=true>{role_cell}</Cell>
            <Cell label="Joined" fit=true wide_only=true><RelativeTime at=joined_at quiet=true/></Cell>
            <Cell label="Actions" fit=true>
                {may_remove
                    .then(|| {
                        view! {
                            <ActionForm action=remove>
                                <Confirm
                                    id=format!("remove-{user_id}")
                                    trigger="Remove"
                                    title=format!("Remove {name}?")
                                    action="Remove member"
                                    kind=ButtonKind::Secondary
                                    size=ButtonSize::Small
                                    pending=remove.pending()
                                >
                                    <Hidden name="org" value=project.org()/>
                                    <Hidden name="member" value=id.get_value()/>
                                    <p>"They see nothing of the organization any more, from now on. API keys that they have made stay: revoke those that they know."</p>
                                </Confirm>
                            </ActionForm>
                        }
                    })}
            </Cell>
        </TableRow>
    }
    .into_any()
}

#[component]
fn Invitations(
    project: Project,
    invitations: Vec<Invitation>,
    as_of: Timestamp,
    revoke: ServerAction<RevokeInvitation>,
    resend: ServerAction<ResendInvitation>,
) -> impl IntoView {
    let columns = vec![
        Column::new("E-mail").grow(),
        Column::new("Role").fit(),
        Column::new("Invited by").fit().wide_only(),
        Column::new("Status").fit(),
        Column::new("Ends").fit().wide_only(),
        Column::new("Actions").fit().unlabelled(),
    ];
    let rows: Vec<_> = invitations
        .into_iter()
        .map(|invitation| {
            let status = match invitation.status(as_of) {
                InvitationStatus::Pending => Status::Pending,
                InvitationStatus::Expired => Status::Expired,
                InvitationStatus::Accepted => Status::Completed,
                InvitationStatus::Revoked => Status::Revoked,
            };
            let id = Signal::stored(invitation.id.to_string());
            view! {
                <TableRow>
                    <Cell label="E-mail" lead=true grow=true>{invitation.email}</Cell>
                    <Cell label="Role" fit=true>{role_words(invitation.role)}</Cell>
                    <Cell label="Invited by" fit=true wide_only=true>{invitation.invited_by}</Cell>
                    <Cell label="Status" fit=true><StatusBadge status=status plain=true/></Cell>
                    <Cell label="Ends" fit=true wide_only=true><RelativeTime at=invitation.expires_at quiet=true/></Cell>
                    <Cell label="Actions" fit=true>
                        <div class="row key-actions">
                            <ActionForm action=resend>
                                <Hidden name="org" value=project.org()/>
                                <Hidden name="env" value=project.id()/>
                                <Hidden name="invitation" value=id/>
                                <Button submit=true size=ButtonSize::Small icon=Icon::RefreshCw pending=resend.pending()>"Resend"</Button>
                            </ActionForm>
                            <ActionForm action=revoke>
                                <Hidden name="org" value=project.org()/>
                                <Hidden name="invitation" value=id/>
                                <Button submit=true size=ButtonSize::Small icon=Icon::Ban pending=revoke.pending()>"Revoke"</Button>
                            </ActionForm>
                        </div>
                    </Cell>
                </TableRow>
            }
            .into_any()
        })
        .collect();
    view! {
        <Card title="Invitations" flush=true>
            <Table label="Invitations" columns=columns keys=false>{rows}</Table>
        </Card>
    }
    .into_any()
}

#[component]
fn InviteCard() -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<Invite>();
    let roles: Vec<_> = Role::ALL
        .into_iter()
        .filter(|role| may_invite(project.role(), *role))
        .map(|role| RadioCard::new(role.as_str(), role_words(role)).text(role_help(role)))
        .collect();
    view! {
        <Card title="Invite somebody" text="The invitation holds for 7 days and works once, for the person with this address.">
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="org" value=project.org()/>
                    <Hidden name="env" value=project.id()/>
                    <Field name="email" label="E-mail" required=true>
                        <TextInput kind="email" value=typed.text("email", "") placeholder="ana@example.com"/>
                    </Field>
                    <RadioCards name="role" label="Role" options=roles value=typed.text("role", Role::Member.as_str()) compact=true/>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Send invitation"</Button>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}

const fn role_words(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Member => "Member",
        Role::Viewer => "Viewer",
    }
}

const fn role_help(role: Role) -> &'static str {
    match role {
        Role::Owner => "Everything, also making owners and deleting the organization.",
        Role::Admin => "Also projects, members and the audit log.",
        Role::Member => "Change sources, destinations and connections; retry; API keys.",
        Role::Viewer => "See everything in the projects, change nothing.",
    }
}
