//! Deleting a connection.

use domain::id::ConnectionId;
use leptos::prelude::*;

use crate::{
    api::connections::DeleteConnection,
    pages::{
        forms::{ConfirmDelete, DeleteCard, Hidden, Outcome, use_action},
        project::use_project,
    },
};

#[component]
pub fn DeleteConnectionCard(connection: ConnectionId) -> impl IntoView {
    let project = use_project();
    let action = use_action::<DeleteConnection>();
    let id = Signal::stored(connection.to_string());
    view! {
        <DeleteCard thing="connection" text="Deliveries that wait are cancelled; the source and the destination stay.">
            <Outcome action=action done="Connection deleted"/>
            <ActionForm action=action>
                <ConfirmDelete action=action thing="connection">
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="connection" value=id/>
                    <p>"Events of the source are not delivered to this destination any more."</p>
                </ConfirmDelete>
            </ActionForm>
        </DeleteCard>
    }
    .into_any()
}
