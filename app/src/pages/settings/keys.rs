//! API keys.

use domain::{
    api_key::ApiKey,
    permission::{Permission, Scope},
    time::Timestamp,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::SettingsHeader;
use crate::{
    api::{
        api_keys::{ApiAccess, CreateApiKey, RevokeApiKey, RotateApiKey, api_keys},
        once::shown_once,
    },
    components::*,
    pages::{
        counted,
        forms::{FormState, Hidden, Outcome, use_action, use_form},
        loaded::Loaded,
        project::{Project, use_project},
    },
    paths,
};

#[component]
pub fn ApiKeysPage() -> impl IntoView {
    let project = use_project();
    let query = use_query_map();
    let param = move |name| query.with(|query| query.get(name));
    let revoke = use_action::<RevokeApiKey>();
    let rotate = use_action::<RotateApiKey>();
    let keys = Resource::new(
        move || (param("cursor"), param("new"), revoke.version().get()),
        move |(cursor, ..)| api_keys(project.id(), cursor),
    );
    let secret = Resource::new(
        move || param("new"),
        |new| async move {
            match new {
                Some(id) => shown_once(id).await,
                None => Ok(None),
            }
        },
    );
    let manages = project.may(Permission::ManageKeys);
    view! {
        <SettingsHeader current="keys"/>
        <Outcome action=revoke done="API key revoked"/>
        <Outcome action=rotate done="API key rotated"/>
        <Loaded
            load=move || async move { Ok((keys.await?, secret.await?)) }
            skeleton=|| view! { <SkeletonTable/> }
            children={move |(access, secret): (ApiAccess, Option<String>)| {
                view! {
                    {secret.map(|key| view! { <NewKey key=key base_url=access.base_url.clone()/> })}
                    <KeyTable project=project access=access manages=manages revoke=revoke rotate=rotate/>
                }
                .into_any()
            }}
        />
        // Once a key is made the form is another one, for the next.
        <For each=move || manages.then(|| param("new")) key=Clone::clone let:_made>
            <CreateKey/>
        </For>
    }
    .into_any()
}

#[component]
fn NewKey(key: String, base_url: String) -> impl IntoView {
    let command = format!("curl {base_url}/events -H 'X-API-Key: {key}'");
    view! {
        <Alert tone=AlertTone::Success title="Your new API key">
            <CopyField label="API key" value=key help="It is shown this once, and kept as a hash: copy it now."/>
            <CodeBlock title="Terminal" code=command language=Language::Shell wrap=true/>
        </Alert>
    }
    .into_any()
}

#[component]
fn KeyTable(
    project: Project,
    access: ApiAccess,
    manages: bool,
    revoke: ServerAction<RevokeApiKey>,
    rotate: ServerAction<RotateApiKey>,
) -> impl IntoView {
    let ApiAccess { keys: page, base_url, as_of } = access;
    if page.data.is_empty() {
        return view! {
            <EmptyState
                icon=Icon::Key
                title="No API key yet"
                text="Programs use the REST API with a key of this project, in the header X-API-Key."
                command=format!("curl {base_url}/events -H \"X-API-Key: $HOOKSTREAM_API_KEY\"")
            />
        }
        .into_any();
    }
    let columns = vec![
        Column::new("Name").grow(),
        Column::new("Key").fit(),
        Column::new("Scopes").fit(),
        Column::new("Last used").fit(),
        Column::new("Ends").fit().wide_only(),
        Column::new("Actions").fit().unlabelled(),
    ];
    // The clock ticks from time to time; what was revoked since its last tick is revoked all the same.
    let clock = use_now();
    let now = Signal::derive(move || clock.get().map_or(as_of, |now| now.max(as_of)));
    let next = paths::after(&paths::api_keys(project.id()), page.next_cursor.as_deref());
    let shown = counted(page.data.len() as u64, "key");
    let rows: Vec<_> = page
        .data
        .into_iter()
        .map(|key| {
            let id = key.id.to_string();
            let is_live = key.is_live(now.get_untracked());
            let actions = move || (is_live && manages).then(|| key_actions(project, id.clone(), revoke, rotate));
            key_row(key, now, actions)
        })
        .collect();
    view! {
        <Card flush=true>
            <Table label="API keys" columns=columns>{rows}</Table>
            <LoadMore href=next has_more=page.has_more shown=shown/>
        </Card>
    }
    .into_any()
}

fn key_row(key: ApiKey, now: Signal<Timestamp>, actions: impl IntoView + 'static) -> impl IntoView {
    let scopes = key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
    let (revoked, expires) = (key.revoked_at, key.expires_at);
    let ends = move || {
        let past = |at: Timestamp| at <= now.get();
        match (revoked, expires) {
            (Some(at), _) if past(at) => view! { <StatusBadge status=Status::Revoked plain=true/> }.into_any(),
            (Some(at), _) => view! { <RelativeTime at=at quiet=true/> }.into_any(),
            (None, Some(at)) if past(at) => view! { <StatusBadge status=Status::Expired plain=true/> }.into_any(),
            (None, Some(at)) => view! { <RelativeTime at=at quiet=true/> }.into_any(),
            (None, None) => view! { <span class="muted">"never"</span> }.into_any(),
        }
    };
    view! {
        <TableRow>
            <Cell label="Name" lead=true grow=true>{key.name}</Cell>
            <Cell label="Key" fit=true mono=true>{format!("{}…", key.key_prefix)}</Cell>
            <Cell label="Scopes" fit=true>{scopes}</Cell>
            <Cell label="Last used" fit=true>
                {match key.last_used_at {
                    Some(at) => view! { <RelativeTime at=at quiet=true/> }.into_any(),
                    None => view! { <span class="muted">"never"</span> }.into_any(),
                }}
            </Cell>
            <Cell label="Ends" fit=true wide_only=true>{ends}</Cell>
            <Cell label="Actions" fit=true>{actions}</Cell>
        </TableRow>
    }
    .into_any()
}

fn key_actions(
    project: Project,
    id: String,
    revoke: ServerAction<RevokeApiKey>,
    rotate: ServerAction<RotateApiKey>,
) -> impl IntoView {
    let dialog = format!("revoke-{id}");
    let id = Signal::stored(id);
    view! {
        <div class="row key-actions">
            <ActionForm action=rotate>
                <Hidden name="env" value=project.id()/>
                <Hidden name="key" value=id/>
                <Button submit=true size=ButtonSize::Small icon=Icon::RefreshCw pending=rotate.pending()>"Rotate"</Button>
            </ActionForm>
            <ActionForm action=revoke>
                <Confirm
                    id=dialog
                    trigger="Revoke"
                    title="Revoke this API key?"
                    action="Revoke API key"
                    icon=Icon::Ban
                    kind=ButtonKind::Secondary
                    size=ButtonSize::Small
                    pending=revoke.pending()
                >
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="key" value=id/>
                    <p>"Programs that use it are refused from now on."</p>
                </Confirm>
            </ActionForm>
        </div>
    }
    .into_any()
}

#[component]
fn CreateKey() -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<CreateApiKey>();
    let scopes: Vec<_> = Scope::ALL
        .into_iter()
        .map(|scope| {
            let word = scope.as_str();
            let help = match scope {
                Scope::Read => "See everything in the project.",
                Scope::Write => "Also change sources, destinations and connections, and retry.",
                Scope::Admin => "Also make and revoke API keys.",
            };
            let checked = typed.checked("scopes", word, scope != Scope::Admin);
            view! { <Checkbox name="scopes[]" value=word label=word help=help checked=checked/> }
        })
        .collect();
    view! {
        <Card title="New API key">
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="env" value=project.id()/>
                    <FieldRow>
                        <Field name="name" label="Name" help="The program that will use it." required=true>
                            <TextInput value=typed.text("name", "") placeholder="deploy-pipeline"/>
                        </Field>
                        <Field name="expires_at" label="Ends after" help="Empty for never." optional_mark=true>
                            <NumberInput value=typed.number("expires_at", "") min=1 max=3_650 unit="days"/>
                        </Field>
                    </FieldRow>
                    <fieldset class="stack-s scopes">
                        <legend class="field-label">"Scopes"</legend>
                        {scopes}
                    </fieldset>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Create API key"</Button>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}
