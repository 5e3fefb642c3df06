//! Where somebody is signed in.

use domain::session::Session;
use leptos::prelude::*;

use crate::{
    api::own_account::{EndSession, EndSessions, sessions},
    components::*,
    pages::{
        forms::{Hidden, Outcome, use_action},
        loaded::Loaded,
    },
};

#[component]
pub fn SessionsCard(
    /// Changes when sessions may have ended otherwise.
    #[prop(into)]
    changed: Signal<usize>,
) -> impl IntoView {
    let end = use_action::<EndSession>();
    let end_all = use_action::<EndSessions>();
    let ended = end.version();
    let sessions = Resource::new(move || (ended.get(), changed.get()), |_| sessions());
    view! {
        <Outcome action=end done="Session ended"/>
        <Outcome action=end_all done="Signed out everywhere"/>
        <Loaded
            load=move || async move { sessions.await }
            part=true
            skeleton=|| view! { <SkeletonTable/> }
            children={move |sessions: Vec<Session>| view! { <SessionTable sessions=sessions end=end end_all=end_all/> }.into_any()}
        />
    }
    .into_any()
}

#[component]
fn SessionTable(
    sessions: Vec<Session>,
    end: ServerAction<EndSession>,
    end_all: ServerAction<EndSessions>,
) -> impl IntoView {
    let columns = vec![
        Column::new("Device").grow(),
        Column::new("Address").fit(),
        Column::new("Signed in").fit(),
        Column::new("Last seen").fit(),
        Column::new("Actions").fit().unlabelled(),
    ];
    let rows: Vec<_> = sessions.into_iter().map(|session| session_row(session, end)).collect();
    view! {
        <Card
            flush=true
            title="Sessions"
            text="Where you are signed in. A session that is not used for 14 days ends by itself."
            actions=move || {
                view! {
                    <ActionForm action=end_all>
                        <Confirm
                            id="sign-out-everywhere"
                            trigger="Sign out everywhere"
                            title="Sign out everywhere?"
                            action="Sign out everywhere"
                            icon=Icon::LogOut
                            kind=ButtonKind::Secondary
                            size=ButtonSize::Small
                            pending=end_all.pending()
                        >
                            <p>"All your sessions end at once, this one too."</p>
                        </Confirm>
                    </ActionForm>
                }
            }
        >
            <Table label="Sessions" columns=columns>{rows}</Table>
        </Card>
    }
    .into_any()
}

fn session_row(session: Session, end: ServerAction<EndSession>) -> impl IntoView {
    let Session { id, signed_in, is_this } = session;
    let action = (!is_this).then(|| {
        view! {
            <ActionForm action=end>
                <Hidden name="session" value=id/>
                <Button submit=true size=ButtonSize::Small icon=Icon::LogOut pending=end.pending()>"Sign out"</Button>
            </ActionForm>
        }
    });
    view! {
        <TableRow>
            <Cell label="Device" lead=true grow=true>
                {signed_in.device}
                " "
                {is_this.then(|| view! { <Tag tone=Tone::Received>"this one"</Tag> })}
            </Cell>
            <Cell label="Address" fit=true mono=true>{signed_in.address}</Cell>
            <Cell label="Signed in" fit=true><RelativeTime at=signed_in.at quiet=true/></Cell>
            <Cell label="Last seen" fit=true><RelativeTime at=signed_in.seen_at quiet=true/></Cell>
            <Cell label="Actions" fit=true>{action}</Cell>
        </TableRow>
    }
    .into_any()
}
