//! Another organization.

use leptos::prelude::*;

use super::{
    forms::{FormState, use_form},
    project::FrameWithoutProject,
};
use crate::{api::organizations::CreateOrganization, components::*, paths};

#[component]
pub fn NewOrganizationPage() -> impl IntoView {
    view! {
        <FrameWithoutProject>
            <NewOrganization/>
        </FrameWithoutProject>
    }
    .into_any()
}

#[component]
fn NewOrganization() -> impl IntoView {
    let FormState { action, problem, typed } = use_form::<CreateOrganization>();
    view! {
        <PageHeader title="New organization" subtitle="It begins with a project called production, and with you as its owner."/>
        <Card>
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Field name="organization" label="Name" help="Your company or team." required=true>
                        <TextInput value=typed.text("organization", "")/>
                    </Field>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Create organization"</Button>
                        <ButtonLink href=paths::HOME kind=ButtonKind::Ghost>"Cancel"</ButtonLink>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}
