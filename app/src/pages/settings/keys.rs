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
        api_keys::{ApiAccess, CreateApiKey, RenameApiKey, RevokeApiKey, RotateApiKey, api_keys},
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

/// What can be done with a key.
#[derive(Clone, Copy)]
struct Actions {
    rename: ServerAction<RenameApiKey>,
    rotate: ServerAction<RotateApiKey>,
    revoke: ServerAction<RevokeApiKey>,
}

/// After how many days a key ends.
const EXPIRIES: [(&str, &str); 6] =
    [("", "Never"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("180", "180 days"), ("365", "A year")];
/// How many hours a key works beside the one that replaces it.
const OVERLAPS: [(&str, &str); 5] =
    [("0", "At once"), ("1", "In an hour"), ("24", "In a day"), ("72", "In 3 days"), ("168", "In a week")];

fn choices(of: &[(&str, &str)]) -> Vec<Choice> {
    of.iter().map(|(value, label)| Choice::new(*value, *label)).collect()
}

#[component]
pub fn ApiKeysPage() -> impl IntoView {
    let project = use_project();
    let query = use_query_map();
    let param = move |name| query.with(|query| query.get(name));
    let revoke = use_action::<RevokeApiKey>();
    let rotate = use_action::<RotateApiKey>();
    let rename = use_action::<RenameApiKey>();
    let actions = Actions { rename, rotate, revoke };
    let keys = Resource::new(
        move || (param("cursor"), param("new"), revoke.version().get(), rename.version().get()),
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
        <p class="muted">
            "Programs use the REST API with a key of this project. "
            <a href="/docs" rel="external">"What it can do"</a>
        </p>
        <Outcome action=revoke done="API key revoked"/>
        <Outcome action=rotate done="API key rotated"/>
        <Outcome action=rename done="API key renamed"/>
        <Loaded
            load=move || async move { Ok((keys.await?, secret.await?)) }
            skeleton=|| view! { <SkeletonTable/> }
            children={move |(access, secret): (ApiAccess, Option<String>)| {
                view! {
                    {secret.map(|key| view! { <NewKey key=key base_url=access.base_url.clone()/> })}
                    <KeyTable project=project access=access manages=manages actions=actions/>
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
fn KeyTable(project: Project, access: ApiAccess, manages: bool, actions: Actions) -> impl IntoView {
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
        Column::new("Status").fit(),
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
            let is_rotating = key.revoked_at.is_some();
            let name = key.name.clone();
            let shown = move || {
                (is_live && manages).then(|| key_actions(project, id.clone(), name.clone(), is_rotating, actions))
            };
            key_row(key, now, shown)
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
    // A key that was rotated has a time at which it will have been revoked.
    let status = move || {
        let past = |at: Timestamp| at <= now.get();
        match (revoked, expires) {
            (Some(at), _) if past(at) => view! { <StatusBadge status=Status::Revoked plain=true/> }.into_any(),
            (_, Some(at)) if past(at) => view! { <StatusBadge status=Status::Expired plain=true/> }.into_any(),
            (Some(at), _) => {
                view! { <span class="muted">"rotating, ends "<RelativeTime at=at quiet=true/></span> }.into_any()
            }
            (None, Some(at)) => {
                view! { <span class="muted">"expires "<RelativeTime at=at quiet=true/></span> }.into_any()
            }
            (None, None) => view! { <StatusBadge status=Status::Active plain=true/> }.into_any(),
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
            <Cell label="Status" fit=true>{status}</Cell>
            <Cell label="Actions" fit=true>{actions}</Cell>
        </TableRow>
    }
    .into_any()
}

fn key_actions(
    project: Project,
    id: String,
    name: String,
    is_rotating: bool,
    Actions { rename, rotate, revoke }: Actions,
) -> impl IntoView {
    let dialog = format!("revoke-{id}");
    let rename_dialog = format!("rename-{id}");
    let rotate_dialog = format!("rotate-{id}");
    let (new_name, overlap) = (format!("new-name-{id}"), format!("overlap-{id}"));
    let id = Signal::stored(id);
    // What has been replaced already is not replaced once more.
    let rotating = (!is_rotating).then(|| {
        view! {
            <ActionForm action=rotate>
                <Confirm
                    id=rotate_dialog
                    trigger="Rotate"
                    title="Rotate this API key?"
                    action="Rotate API key"
                    icon=Icon::RefreshCw
                    kind=ButtonKind::Secondary
                    size=ButtonSize::Small
                    pending=rotate.pending()
                >
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="key" value=id/>
                    <p>"A new key is made that can do the same. Until the old one ends, both work."</p>
                    <Field name="overlap_hours" id=overlap label="The old key ends">
                        <Select options=choices(&OVERLAPS) value="24"/>
                    </Field>
                </Confirm>
            </ActionForm>
        }
    });
    view! {
        <div class="row key-actions">
            <ActionForm action=rename>
                <Dialog id=rename_dialog trigger="Rename" title="Rename this API key" icon=Icon::Pencil size=ButtonSize::Small>
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="key" value=id/>
                    <Field name="new_name" id=new_name label="New name" required=true>
                        <TextInput value=name/>
                    </Field>
                    <footer class="dialog-foot">
                        <Button kind=ButtonKind::Primary submit=true pending=rename.pending()>"Rename API key"</Button>
                    </footer>
                </Dialog>
            </ActionForm>
            {rotating}
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
                        <Field name="expires_at" label="Expires after">
                            <Select options=choices(&EXPIRIES) value=typed.text("expires_at", "")/>
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
