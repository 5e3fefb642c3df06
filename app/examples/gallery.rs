//! Writes pages made of the component kit, with made-up data, as HTML files: to look at the kit without a server.
//!
//! `cargo run -p app --features ssr --example gallery -- target/gallery`, then serve that folder together with
//! `public/` and the bundled style sheet as `app.css`.

#![expect(clippy::wildcard_imports, reason = "it shows all of the kit")]

use std::{env, fs, path::Path, time::Duration};

use app::{
    components::*,
    layout::*,
    shell::{Assets, Theme, shell},
};
use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::{components::Router, location::RequestUrl};

fn main() -> std::io::Result<()> {
    let folder = env::args().nth(1).unwrap_or_else(|| "target/gallery".to_owned());
    fs::create_dir_all(&folder)?;
    for theme in [Theme::Light, Theme::Dark] {
        write(&folder, "overview", theme, || view! { <Framed path="/overview"><Overview/></Framed> }.into_any())?;
        write(&folder, "events", theme, || view! { <Framed path="/events"><Events/></Framed> }.into_any())?;
        write(&folder, "event", theme, || view! { <Framed path="/events"><Inspector/></Framed> }.into_any())?;
        write(&folder, "new-source", theme, || view! { <Framed path="/sources"><NewSource/></Framed> }.into_any())?;
        write(&folder, "start", theme, || view! { <Framed path="/overview"><Start/></Framed> }.into_any())?;
        write(&folder, "kit", theme, || view! { <Framed path="/settings"><Kit/></Framed> }.into_any())?;
        write(&folder, "sign-in", theme, || view! { <SignIn/> }.into_any())?;
        write(&folder, "not-found", theme, || view! { <Framed path="/"><NotFound home="/"/></Framed> }.into_any())?;
    }
    Ok(())
}

fn write(folder: &str, name: &str, theme: Theme, page: fn() -> AnyView) -> std::io::Result<()> {
    let assets = Assets {
        boot: "/boot.js".to_owned(),
        js: "/app.js".to_owned(),
        wasm: "/app.wasm".to_owned(),
        css: "/app.css".to_owned(),
    };
    let html = Owner::new().with(|| {
        provide_context(RequestUrl::new("/"));
        provide_context(ServerNow(now()));
        provide_context(theme);
        provide_meta_context();
        provide_clock();
        provide_toasts();
        shell(&assets, theme, view! { <Router>{page()}</Router> <Toaster/> }).to_html()
    });
    fs::write(Path::new(folder).join(format!("{name}.{}.html", theme.as_str())), html)
}

fn now() -> Timestamp {
    Timestamp::from_micros(1_795_458_600_000_000)
}

fn ago(seconds: u64) -> Timestamp {
    now().minus(Duration::from_secs(seconds))
}

fn acme() -> (String, String) {
    ("acme".to_owned(), "Acme".to_owned())
}

#[component]
fn Framed(path: &'static str, children: Children) -> impl IntoView {
    let projects = vec![
        ProjectLink {
            id: "live".into(),
            name: "production".into(),
            organization: acme(),
            test: false,
            href: "#".into(),
        },
        ProjectLink { id: "test".into(), name: "staging".into(), organization: acme(), test: true, href: "#".into() },
    ];
    let item = |label: &str, icon, href: &str| NavItem::new(label, icon, href);
    let sections = vec![
        NavSection {
            items: vec![
                item("Overview", Icon::House, "/overview"),
                item("Events", Icon::Activity, "/events"),
                item("Issues", Icon::CircleAlert, "/issues").count("3"),
            ],
        },
        NavSection {
            items: vec![
                item("Sources", Icon::Webhook, "/sources"),
                item("Destinations", Icon::Send, "/destinations"),
                item("Connections", Icon::Route, "/connections"),
            ],
        },
        NavSection {
            items: vec![item("Replays", Icon::RotateCcw, "/replays"), item("Metrics", Icon::ChartLine, "/metrics")],
        },
        NavSection { items: vec![item("Settings", Icon::Settings, "/settings")] },
    ];
    let person = Person { name: "Ada Okafor".into(), email: "ada@example.com".into() };
    view! {
        <AppFrame
            projects=projects
            current="live"
            sections=sections
            path=path
            organization="Northwind"
            person=person
            new_project="#"
            account=|| view! { <MenuLink href="#" icon=Icon::User>"Account"</MenuLink> }
            sign_out=|| view! { <form><MenuButton icon=Icon::LogOut submit=true>"Sign out"</MenuButton></form> }
        >
            {children()}
        </AppFrame>
    }
}

#[component]
fn Overview() -> impl IntoView {
    let hours: Vec<Timestamp> = (0..48).rev().map(|hour| ago(hour * 3_600)).collect();
    let wave = |base: f64, swing: f64, shift: f64| -> Vec<f64> {
        (0..48).map(|hour| (base + swing * ((f64::from(hour) + shift) / 3.8).sin()).max(0.0).round()).collect()
    };
    let failed = (0..48).map(|hour| if (29..35).contains(&hour) { f64::from(hour - 27) * 9.0 } else { 4.0 }).collect();
    let volume = vec![
        Series { label: "delivered".into(), tone: Tone::Delivered, values: wave(420.0, 180.0, 0.0) },
        Series { label: "waiting".into(), tone: Tone::Waiting, values: wave(18.0, 12.0, 3.0) },
        Series { label: "failed".into(), tone: Tone::Failed, values: failed },
    ];
    let latency = vec![
        Series { label: "p50".into(), tone: Tone::Accent, values: wave(64.0, 14.0, 1.0) },
        Series { label: "p95".into(), tone: Tone::Held, values: wave(210.0, 60.0, 4.0) },
        Series { label: "p99".into(), tone: Tone::Neutral, values: wave(430.0, 140.0, 6.0) },
    ];
    let (days, others) = (hours.clone(), hours);
    view! {
        <PageHeader
            title="Overview"
            subtitle="The last 48 hours of production"
            actions=|| {
                view! {
                    <Menu label="48 hours" icon=Icon::Calendar align_end=true>
                        <MenuLink href="#">"24 hours"</MenuLink>
                        <MenuLink href="#" active=true>"48 hours"</MenuLink>
                        <MenuLink href="#">"7 days"</MenuLink>
                    </Menu>
                    <ButtonLink href="#" kind=ButtonKind::Primary icon=Icon::Plus>"New source"</ButtonLink>
                }
            }
        />
        <Alert
            tone=AlertTone::Warning
            title="crm.internal has been failing for 26 minutes"
            actions=|| view! { <ButtonLink href="#" size=ButtonSize::Small>"Open the issue"</ButtonLink> }
        >
            "Its breaker is open after 5 timeouts; 112 deliveries wait and will drain when it answers again."
        </Alert>
        <Stats>
            <Stat label="Events" value="20,418" note="8 % more than the 48 hours before" href="#"/>
            <Stat label="Delivered" value="98.9" unit="%" note="224 failed" tone=Tone::Failed href="#"/>
            <Stat label="Latency, p95" value="212" unit="ms" note="12 ms faster" tone=Tone::Delivered/>
            <Stat label="Waiting" value="112" note="oldest 26 min" tone=Tone::Waiting/>
            <Stat label="Dead letters" value="37" note="3 open issues" href="#"/>
        </Stats>
        <Card>
            <TimeChart title="Deliveries" times=days series=volume/>
        </Card>
        <div class="columns-2">
            <Card>
                <TimeChart title="Delivery latency" unit=ChartUnit::Millis kind=ChartKind::Lines times=others series=latency/>
            </Card>
            <Card title="Destinations" flush=true actions=|| view! { <ButtonLink href="#" size=ButtonSize::Small kind=ButtonKind::Ghost>"All 6"</ButtonLink> }>
                <Table
                    label="Destinations by failures"
                    columns=vec![Column::new("Name").grow(), Column::new("State").fit(), Column::new("Success").end(), Column::new("p95").end()]
                >
                    {[
                        ("crm.internal", Status::BreakerOpen, "71.2 %", "30 s"),
                        ("billing-worker", Status::Active, "99.8 %", "184 ms"),
                        ("analytics-queue", Status::Active, "100 %", "12 ms"),
                        ("audit-bucket", Status::Paused, "100 %", "96 ms"),
                    ]
                        .map(|(name, status, success, latency)| {
                            view! {
                                <TableRow>
                                    <Cell grow=true lead=true><RowLink href="#">{name}</RowLink></Cell>
                                    <Cell fit=true label="State"><StatusBadge status=status plain=true/></Cell>
                                    <Cell end=true label="Success">{success}</Cell>
                                    <Cell end=true label="p95">{latency}</Cell>
                                </TableRow>
                            }
                        })
                        .into_iter()
                        .collect_view()}
                </Table>
            </Card>
        </div>
    }
}

const EVENTS: [(Status, &str, &str, &str, u64, &str); 10] = [
    (
        Status::Processing,
        "payment_intent.succeeded",
        "stripe-live",
        "evt_0192f3a4b5c6d7e8f90a1b2c3d4e5f60",
        3,
        "4.1 kB",
    ),
    (Status::Delivered, "push", "github", "evt_0192f3a4b5c6d7e8f90a1b2c3d4e5f61", 14, "11 kB"),
    (
        Status::Delivered,
        "customer.subscription.updated",
        "stripe-live",
        "evt_0192f3a4b5c6d7e8f90a1b2c3d4e5f62",
        48,
        "6.2 kB",
    ),
    (Status::Failed, "contact.created", "hubspot", "evt_0192f3a4b5c6d7e8f90a1b2c3d4e5f63", 97, "1.3 kB"),
    (Status::Delivered, "pull_request.opened", "github", "evt_0192f3a4b5c6d7e8f90a1b2c3d4e5f64", 140, "21 kB"),
    (Status::Received, "charge.refunded", "stripe-live", "evt_0192f3a4b5c6d7e8f90a1b2c3d4e5f65", 300, "3.8 kB"),
    (Status::NoRoute, "ping", "github", "evt_0192f3a4b5c6d7e8f90a1b2c3d4e5f66", 660, "412 B"),
    (Status::Delivered, "invoice.paid", "stripe-live", "evt_0192f3a4b5c6d7e8f90a1b2c3d4e5f67", 1_200, "5.6 kB"),
    (Status::Delivered, "orders/create", "shopify", "evt_0192f3a4b5c6d7e8f90a1b2c3d4e5f68", 4_000, "8.8 kB"),
    (Status::Delivered, "invoice.finalized", "stripe-live", "evt_0192f3a4b5c6d7e8f90a1b2c3d4e5f69", 93_000, "5.5 kB"),
];

#[component]
fn Events() -> impl IntoView {
    view! {
        <PageHeader
            title="Events"
            subtitle="Everything that arrived in production, newest first"
            actions=|| {
                view! {
                    <Button icon=Icon::Radio>"Live"</Button>
                    <ButtonLink href="#" icon=Icon::RotateCcw>"Replay"</ButtonLink>
                }
            }
        />
        <div class="row-between">
            <SearchBox label="Search headers and bodies"/>
            <Chips label="Filters">
                <ChipMenu label="Source" value="stripe-live" clear="#"><MenuLink href="#">"github"</MenuLink></ChipMenu>
                <Chip href="#" active=true>"All"</Chip>
                <Chip href="#" tone=Tone::Delivered>"delivered"</Chip>
                <Chip href="#" tone=Tone::Waiting>"processing"</Chip>
                <Chip href="#" tone=Tone::Failed count="37">"failed"</Chip>
                <Chip href="#" tone=Tone::Neutral>"no route"</Chip>
                <ChipMenu label="Last 7 days"><MenuLink href="#">"Last hour"</MenuLink></ChipMenu>
            </Chips>
        </div>
        <form>
            <Card flush=true>
                <Table
                    label="Events"
                    columns=vec![
                        Column::new("Select").unlabelled().fit(),
                        Column::new("Status").fit(),
                        Column::new("Type").grow(),
                        Column::new("Source").fit(),
                        Column::new("Id").fit().wide_only(),
                        Column::new("Size").end().wide_only(),
                        Column::new("Received").end(),
                    ]
                >
                    {EVENTS
                        .map(|(status, kind, source, id, age, size)| {
                            view! {
                                <TableRow>
                                    <Cell fit=true><RowCheck name="id" value=id label=format!("Select {id}")/></Cell>
                                    <Cell fit=true beside=true><StatusBadge status=status/></Cell>
                                    <Cell grow=true lead=true><RowLink href="#">{kind}</RowLink></Cell>
                                    <Cell fit=true label="Source">{source}</Cell>
                                    <Cell fit=true wide_only=true><Id value=id/></Cell>
                                    <Cell end=true wide_only=true>{size}</Cell>
                                    <Cell end=true label="Received"><RelativeTime at=ago(age) quiet=true/></Cell>
                                </TableRow>
                            }
                        })
                        .into_iter()
                        .collect_view()}
                </Table>
                <LoadMore href="#" has_more=true shown="10 of many"/>
            </Card>
            <BulkBar>
                <Button submit=true size=ButtonSize::Small icon=Icon::RefreshCw>"Retry"</Button>
                <Button size=ButtonSize::Small icon=Icon::Download>"Export"</Button>
            </BulkBar>
        </form>
    }
}

const BODY: &str = r#"{"id":"evt_3OqX2eLkdIwHu7ix","object":"event","api_version":"2026-06-20","created":1795458597,"livemode":true,"pending_webhooks":2,"type":"payment_intent.succeeded","data":{"object":{"id":"pi_3OqX2eLkdIwHu7ix0Z8","object":"payment_intent","amount":12900,"currency":"eur","status":"succeeded","customer":"cus_PfK2s9","receipt_email":null,"charges":["ch_3OqX2e"],"metadata":{"order":"A-20418","channel":"web"}}},"request":{"id":"req_9fK","idempotency_key":"8f0c"}}"#;

fn attempts() -> Vec<AttemptMark> {
    let failure = |number, trigger: &str, age, latency, status: Option<u16>, error: &str| AttemptMark {
        number,
        trigger: trigger.into(),
        started_at: ago(age),
        latency_ms: Some(latency),
        succeeded: false,
        response_status: status,
        error: Some(error.into()),
    };
    vec![
        failure(1, "initial", 2_140, 412, Some(503), "503 Service Unavailable"),
        failure(2, "retry", 2_108, 30_000, None, "No answer within 30 s"),
        failure(3, "retry", 1_806, 1_204, Some(502), "502 Bad Gateway"),
    ]
}

#[component]
fn Inspector() -> impl IntoView {
    let list = || {
        EVENTS
            .map(|(status, kind, source, _, age, _)| {
                view! {
                    <PaneItem href="#" selected=age == 3 title=kind note=source at=ago(age) status=status/>
                }
            })
            .into_iter()
            .collect_view()
    };
    let detail = || {
        let marks = attempts();
        let rows = attempts()
            .into_iter()
            .enumerate()
            .map(|(at, attempt)| {
                view! {
                    <AttemptRow attempt=attempt open=at == 2>
                        <Exchange
                            request=|| view! { <CodeBlock language=Language::Shell code="POST /hooks/orders HTTP/1.1\nhost: crm.internal\ncontent-type: application/json\nwebhook-id: dlv_0192f3a4b5c6\nwebhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN"/> }
                            answer=|| view! { <CodeBlock code="HTTP/1.1 502 Bad Gateway\ncontent-type: text/html\nserver: nginx\n\n<html><head><title>502 Bad Gateway</title></head>"/> }
                        />
                    </AttemptRow>
                }
            })
            .collect_view();
        view! {
            <PageHeader
                title="payment_intent.succeeded"
                crumbs=vec![Crumb::new("Events", "#")]
                badge=|| view! { <StatusBadge status=Status::Processing/> }
                actions=|| {
                    view! {
                        <CopyButton text="curl" label="Copy as cURL" word=true kind=ButtonKind::Secondary/>
                        <Button size=ButtonSize::Small kind=ButtonKind::Primary icon=Icon::RefreshCw>"Retry"</Button>
                    }
                }
            />
            <Facts columns=true>
                <Fact label="Event"><Id value="evt_0192f3a4b5c6d7e8f90a1b2c3d4e5f60"/></Fact>
                <Fact label="Source"><a class="link" href="#">"stripe-live"</a></Fact>
                <Fact label="Received"><RelativeTime at=ago(3)/></Fact>
                <Fact label="Size">"4.1 kB"</Fact>
                <Fact label="From"><span class="mono">"3.18.12.63"</span></Fact>
                <Fact label="Signature">"verified"</Fact>
            </Facts>
            <Card flush=true>
                <Tabs
                    label="Request"
                    tabs=vec![
                        Tab::new("body", "Body", || view! { <JsonView source=BODY/> }),
                        Tab::new("headers", "Headers", || ()).count("14"),
                        Tab::new("query", "Query", || ()).count("0"),
                        Tab::new("raw", "Raw", || ()),
                    ]
                />
            </Card>
            <Card
                title="crm.internal"
                text="Waiting after 3 of 6 attempts"
                actions=|| {
                    view! {
                        <StatusBadge status=Status::Waiting/>
                        <Button size=ButtonSize::Small icon=Icon::RefreshCw>"Retry now"</Button>
                        <Menu label="More" icon=Icon::Ellipsis icon_only=true size=ButtonSize::Small kind=ButtonKind::Ghost align_end=true>
                            <MenuButton danger=true icon=Icon::Ban>"Cancel"</MenuButton>
                        </Menu>
                    }
                }
            >
                <AttemptTimeline attempts=marks next_retry_at=Some(now().plus(Duration::from_secs(5_394)))/>
                {rows}
            </Card>
            <Card title="billing-worker" text="Delivered at the first attempt" actions=|| view! { <StatusBadge status=Status::Succeeded/> }>
                <AttemptRow
                    attempt=AttemptMark {
                        number: 1,
                        trigger: "initial".into(),
                        started_at: ago(3),
                        latency_ms: Some(84),
                        succeeded: true,
                        response_status: Some(200),
                        error: None,
                    }
                />
            </Card>
        }
    };
    view! { <TwoPane list=list detail=detail/> }
}

#[component]
fn NewSource() -> impl IntoView {
    let mut problem = Problem::of("The source was not created.");
    problem.fields.push("ip_allowlist", "has an address that is none: 10.0.0.0/33");
    let cards = vec![
        RadioCard::new("stripe", "Stripe").text("Signed with t= and v1=, five minutes of tolerance").icon(Icon::Zap),
        RadioCard::new("github", "GitHub").text("X-Hub-Signature-256").icon(Icon::GitBranch),
        RadioCard::new("shopify", "Shopify").text("HMAC of the body, base64").icon(Icon::Box),
        RadioCard::new("standard", "Standard Webhooks")
            .text("webhook-id, -timestamp and -signature")
            .icon(Icon::Webhook),
        RadioCard::new("slack", "Slack").text("Answers url_verification itself").icon(Icon::MessageSquare),
        RadioCard::new("generic", "Generic").text("Any sender, with or without a signature").icon(Icon::Globe),
    ];
    view! {
        <PageHeader title="New source" subtitle="A URL that a provider sends to" crumbs=vec![Crumb::new("Sources", "#")]/>
        <form>
            <FormBody problem=problem>
                <FormSection title="Provider" text="Decides how requests are verified and answered.">
                    <RadioCards name="template" label="Template" options=cards value="stripe"/>
                </FormSection>
                <FormSection title="Source" text="How it is called in lists, in the API and in the URL of its pages.">
                    <FieldRow>
                        <Field name="name" label="Name" required=true><TextInput value="Stripe, live account"/></Field>
                        <Field name="slug" label="Slug"><TextInput mono=true value="stripe-live-account"/></Field>
                    </FieldRow>
                    <Field name="description" label="Description" optional_mark=true><TextArea rows=2/></Field>
                </FormSection>
                <FormSection title="Verification" text="Requests that fail are refused with 401 and kept for a day.">
                    <Field name="secret" label="Signing secret" help="From Stripe, Developers, Webhooks. It is encrypted and never shown again." required=true>
                        <PasswordInput autocomplete="off"/>
                    </Field>
                    <FieldRow>
                        <Field name="tolerance" label="Tolerance"><NumberInput value=300 unit="s"/></Field>
                        <Field name="dedup" label="Deduplicate by">
                            <Select options=vec![Choice::new("payload_hash", "the whole body"), Choice::new("header", "a header")]/>
                        </Field>
                    </FieldRow>
                    <Field name="ip_allowlist" label="Allowed addresses" help="Addresses and networks, one a line. Empty allows all.">
                        <TextArea rows=2 mono=true value="3.18.12.63\n10.0.0.0/33"/>
                    </Field>
                    <Checkbox name="active" label="Accept requests at once" help="Otherwise it starts paused and answers 404." checked=true/>
                </FormSection>
                <FormActions>
                    <Button kind=ButtonKind::Primary submit=true>"Create source"</Button>
                    <ButtonLink href="#" kind=ButtonKind::Ghost>"Cancel"</ButtonLink>
                </FormActions>
            </FormBody>
        </form>
    }
}

const CURL: &str = "curl -X POST 'https://hooks.example.com/v1/ingest/src_0192f3a4b5c6d7e8' \\\n  -H 'content-type: application/json' \\\n  -d '{\"hello\": \"world\"}'";

#[component]
fn Start() -> impl IntoView {
    view! {
        <PageHeader title="From nothing to a delivered event" subtitle="Three steps, about two minutes"/>
        <div class="measure">
            <Steps>
                <Step number=1 title="Make a source" state=StepState::Done>()</Step>
                <Step number=2 title="Send it something" state=StepState::Current>
                    <div class="stack">
                        <CopyField label="Ingest URL" value="https://hooks.example.com/v1/ingest/src_0192f3a4b5c6d7e8" help="Paste it where the provider asks for a webhook URL."/>
                        <Waiting text="Waiting for the first event" hint="Or send one from a terminal." command=CURL/>
                    </div>
                </Step>
                <Step number=3 title="Connect a destination" state=StepState::Next>()</Step>
            </Steps>
        </div>
        <Card>
            <EmptyState icon=Icon::Send title="No destinations yet" text="A destination is where events go: a URL, a queue, a bucket, or your own machine." command="hookstream listen 3000">
                <ButtonLink href="#" kind=ButtonKind::Primary icon=Icon::Plus>"New destination"</ButtonLink>
                <ButtonLink href="#">"Read how"</ButtonLink>
            </EmptyState>
        </Card>
    }
}

#[component]
fn Kit() -> impl IntoView {
    let all = [
        Status::Received,
        Status::Processing,
        Status::Delivered,
        Status::Failed,
        Status::NoRoute,
        Status::Pending,
        Status::InFlight,
        Status::Waiting,
        Status::Succeeded,
        Status::Held,
        Status::Skipped,
        Status::Cancelled,
        Status::Active,
        Status::Paused,
        Status::Disabled,
        Status::Open,
        Status::Acknowledged,
        Status::Resolved,
    ];
    let badges =
        move |plain| all.map(|status| view! { <StatusBadge status=status plain=plain/> }).into_iter().collect_view();
    let buttons = |size| {
        view! {
            <Button size=size kind=ButtonKind::Primary icon=Icon::Plus>"Primary"</Button>
            <Button size=size>"Secondary"</Button>
            <Button size=size kind=ButtonKind::Ghost>"Ghost"</Button>
            <Button size=size kind=ButtonKind::Danger>"Danger"</Button>
            <Button size=size kind=ButtonKind::Primary pending=true>"Create source"</Button>
            <Button size=size disabled=true>"Disabled"</Button>
            <Button size=size icon=Icon::Trash2 label="Delete"/>
            <Menu label="Menu" size=size><MenuLink href="#">"Item"</MenuLink></Menu>
        }
    };
    view! {
        <PageHeader title="Settings"/>
        <TabLinks label="Settings" current="keys" items=vec![TabLink::new("project", "Project", "#"), TabLink::new("keys", "API keys", "#").count("2"), TabLink::new("team", "Team", "#"), TabLink::new("audit", "Audit log", "#")]/>
        <Card title="Buttons"><div class="stack"><div class="row">{buttons(ButtonSize::Medium)}</div><div class="row">{buttons(ButtonSize::Small)}</div></div></Card>
        <Card title="States"><div class="stack"><div class="row">{badges(false)}</div><div class="row">{badges(true)}</div>
            <div class="row"><Tag>"standard"</Tag><Tag tone=Tone::Waiting>"test"</Tag><Tag tone=Tone::Accent>"new"</Tag><HttpCode code=200/><HttpCode code=404/><HttpCode code=503/><Kbd>"j"</Kbd></div></div></Card>
        <div class="columns-2">
            <Card title="Facts"><Facts><Fact label="Timeout">"30 s"</Fact><Fact label="Id"><Id value="dst_0192f3a4b5c6d7e8f90a1b2c3d4e5f60"/></Fact><Fact label="Changed"><RelativeTime at=ago(9_000)/></Fact></Facts></Card>
            <Card title="Headers" flush=true><HeaderList headers=vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned()), ("stripe-signature".to_owned(), "t=1795458597,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd".to_owned()), ("user-agent".to_owned(), "Stripe/1.0 (+https://stripe.com/docs/webhooks)".to_owned())]/></Card>
            <Card title="Before and after the transform" flush=true><DiffView before=r#"{"id":"pi_3","amount":12900,"currency":"eur","status":"succeeded"}"# after=r#"{"order":"A-20418","amount":129.0,"currency":"eur","status":"succeeded"}"#/></Card>
            <Card title="Loading"><Skeleton/><Progress done=1_240_u64 total=4_000_u64 label="events"/></Card>
        </div>
        <div class="stack-s">
            <Alert title="Keys are shown once">"Copy it now; only its hash is kept."</Alert>
            <Alert tone=AlertTone::Success>"The destination answered 200 after 84 ms."</Alert>
            <Alert tone=AlertTone::Danger title="The project was not deleted">"Its name was not typed."</Alert>
        </div>
        <form><Confirm id="delete" trigger="Delete project" title="Delete production?" action="Delete project" typed="production"><p>"Its sources answer 410, and 20,418 events are removed."</p></Confirm></form>
        <Card flush=true><SkeletonTable rows=3/></Card>
    }
}

#[component]
fn SignIn() -> impl IntoView {
    view! {
        <AuthLayout title="Sign in" foot=|| view! { <p>"No account yet? " <a href="#">"Make one"</a></p> }>
            <form>
                <FormBody>
                    <Field name="email" label="E-mail"><TextInput kind="email" autocomplete="email" autofocus=true value="ada@example.com"/></Field>
                    <Field name="password" label="Password"><PasswordInput/></Field>
                    <FormActions><Button kind=ButtonKind::Primary submit=true>"Sign in"</Button></FormActions>
                </FormBody>
            </form>
        </AuthLayout>
    }
}
