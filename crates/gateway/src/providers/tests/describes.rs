//! What is found of an event's type and id, and what is not.

use super::*;

fn found(id: TemplateId, headers: &[(&str, &str)], body: &str) -> (Option<String>, Option<String>) {
    let headers = header_map(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let described = describe(Some(id), &headers, body.as_bytes());
    (described.event_type, described.provider_event_id)
}

fn both(event_type: &str, id: &str) -> (Option<String>, Option<String>) {
    (Some(event_type.to_owned()), Some(id.to_owned()))
}

#[test]
fn types_and_ids_stand_where_the_provider_puts_them() {
    for (id, headers, body, wanted) in [
        (TemplateId::Stripe, &[][..], r#"{"id":"evt_1","type":"invoice.paid"}"#, both("invoice.paid", "evt_1")),
        (TemplateId::Github, &[("x-github-event", "push"), ("x-github-delivery", "1")], "{}", both("push", "1")),
        (TemplateId::Gitlab, &[("webhook-id", "2")], r#"{"object_kind":"push"}"#, both("push", "2")),
        (
            TemplateId::Slack,
            &[],
            r#"{"type":"event_callback","event_id":"Ev1","event":{"type":"message"}}"#,
            both("message", "Ev1"),
        ),
        (
            TemplateId::Twilio,
            &[("content-type", "application/x-www-form-urlencoded; charset=UTF-8")],
            "MessageSid=SM1&SmsStatus=received",
            both("received", "SM1"),
        ),
        (
            TemplateId::Sendgrid,
            &[],
            r#"[{"event":"open","sg_event_id":"a"},{"event":"click","sg_event_id":"b"}]"#,
            both("open", "a"),
        ),
        (
            TemplateId::Hubspot,
            &[],
            r#"[{"eventId":100,"subscriptionType":"deal.creation"}]"#,
            both("deal.creation", "100"),
        ),
        (
            TemplateId::Linear,
            &[("linear-delivery", "d")],
            r#"{"action":"create","type":"Issue"}"#,
            both("Issue.create", "d"),
        ),
        (TemplateId::Linear, &[("linear-delivery", "d")], r#"{"type":"Issue"}"#, both("Issue", "d")),
        (
            TemplateId::Adyen,
            &[],
            r#"{"notificationItems":[{"NotificationRequestItem":{"eventCode":"CAPTURE","pspReference":"P"}}]}"#,
            both("CAPTURE", "P.CAPTURE"),
        ),
        (
            TemplateId::Meta,
            &[],
            r#"{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"statuses":[{"id":"w"}]}}]}]}"#,
            both("whatsapp_business_account.messages", "w"),
        ),
        (TemplateId::X, &[], r#"{"for_user_id":"1","favorite_events":[{"id":"f"}]}"#, both("favorite_events", "f")),
        (TemplateId::Custom, &[], r#"{"event":"made","id":7}"#, both("made", "7")),
    ] {
        assert_eq!(found(id, headers, body), wanted, "{}", id.as_str());
    }
    assert_eq!(describe(None, &HeaderMap::new(), br#"{"type":"t","id":"i"}"#), {
        let (event_type, provider_event_id) = both("t", "i");
        Described { event_type, provider_event_id }
    });
}

#[test]
fn what_would_not_do_as_a_word_is_none() {
    let long = "x".repeat(201);
    for body in [
        r#"{"type":"","id":null}"#.to_owned(),
        r#"{"type":{"a":1},"id":[1]}"#.to_owned(),
        format!(r#"{{"type":"{long}","id":"{long}"}}"#),
        r#"{"type":"a\u0000b","id":"a\nb"}"#.to_owned(),
        "type=t&id=i".to_owned(),
        String::new(),
        "\"type\"".to_owned(),
    ] {
        assert_eq!(found(TemplateId::Stripe, &[], &body), (None, None), "{body}");
    }
    assert_eq!(found(TemplateId::Github, &[("x-github-event", &long)], ""), (None, None));
    // The fields of a form are none in a body that is called something else.
    assert_eq!(found(TemplateId::Twilio, &[("content-type", "text/plain")], "MessageSid=SM1"), (None, None));
}
