//! What listeners did with the event: `hookstream listen` forwards it to a server of somebody's own machine.

use domain::forward::Forward;
use leptos::prelude::*;

use crate::components::*;

#[component]
pub fn EventForwards(#[prop(into)] forwards: Signal<Vec<Forward>>) -> impl IntoView {
    let none = Memo::new(move |_| forwards.with(Vec::is_empty));
    let numbered = move || forwards.get().into_iter().zip(1_u32..).collect::<Vec<_>>();
    move || {
        (!none.get()).then(|| {
            view! {
                <section class="deliveries" aria-label="Forwarded to a local server">
                    <h2>"Forwarded to a local server"</h2>
                    <article class="delivery">
                        <For each=numbered key=|(forward, _)| forward.id let:row>
                            <Row forward=row.0 number=row.1/>
                        </For>
                    </article>
                </section>
            }
        })
    }
}

#[component]
fn Row(forward: Forward, number: u32) -> impl IntoView {
    let mark = AttemptMark {
        number,
        trigger: forward.listener.clone(),
        started_at: forward.started_at,
        latency_ms: Some(forward.latency_ms.into()),
        succeeded: forward.succeeded(),
        response_status: forward.response_status,
        error: forward.error.clone(),
    };
    let Forward { listener, target, response_status, response_headers, response_body, error, .. } = forward;
    let sent = move || {
        view! {
            <p class="exchange-line mono">{target}</p>
            <p class="muted">{format!("By hookstream listen on {listener}, as the event came.")}</p>
        }
    };
    let answered = move || {
        view! {
            {error.map(|error| view! { <p class="exchange-line">{error}</p> })}
            {response_status.map(|code| view! { <p class="exchange-line">"Status " <HttpCode code=code/></p> })}
            {response_headers.map(|headers| view! { <HeaderList headers=headers/> })}
            {response_body
                .map(|body| {
                    if body.is_empty() {
                        view! { <p class="muted">"The body is empty."</p> }.into_any()
                    } else {
                        view! { <CodeBlock title="Body" code=body bounded=true wrap=true/> }.into_any()
                    }
                })}
        }
    };
    view! {
        <AttemptRow attempt=mark>
            <Exchange request=sent answer=answered/>
        </AttemptRow>
    }
    .into_any()
}
