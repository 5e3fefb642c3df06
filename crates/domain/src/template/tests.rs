use std::collections::HashSet;

use super::*;
use crate::signed_content;
use crate::{field::FieldErrors, ip_rules::IpRules};

fn places(of: &[Place]) -> Vec<Place> {
    let inner = |place: &Place| match place {
        Place::Joined(inner) => inner.to_vec(),
        other => vec![*other],
    };
    of.iter().flat_map(inner).collect()
}

#[test]
fn every_template_is_whole() {
    let mut labels = HashSet::new();
    for id in TemplateId::ALL {
        let (about, template, name) = (id.about(), id.template(), id.as_str());
        assert_eq!(name.parse(), Ok(id));
        assert_eq!(serde_json::to_value(id).expect("a word"), name);
        assert!(labels.insert(about.label), "{name}: two of a label");
        assert!(about.summary.ends_with('.') && !about.search.is_empty(), "{name}");
        assert!(
            template.setup.len() >= 2 && template.setup.iter().all(|step| step.trim_end_matches(')').ends_with('.')),
            "{name}"
        );
        assert!(!template.secret_label.is_empty() && !template.schemes.is_empty(), "{name}");
        assert!(!template.event_type.is_empty() && !template.event_id.is_empty(), "{name}");
        let signs_time = template.schemes.iter().any(Scheme::signs_time);
        assert_eq!(
            template.tolerance_seconds.is_some(),
            signs_time,
            "{name}: a tolerance exactly where a time is signed"
        );
        let kinds: HashSet<_> = template.schemes.iter().map(Scheme::kind).collect();
        assert_eq!(kinds.len(), template.schemes.len(), "{name}: a scheme is found by its kind");
    }
    assert!("nobody".parse::<TemplateId>().is_err());
}

#[test]
fn every_suggestion_can_be_saved() {
    for id in TemplateId::ALL {
        let mut errors = crate::field::FieldErrors::default();
        id.template().dedup.input().parse(&mut errors);
        assert!(errors.is_empty(), "{}: {errors}", id.as_str());
    }
}

#[test]
fn every_pattern_covers_the_body_and_the_time() {
    for id in TemplateId::ALL {
        for scheme in id.template().schemes {
            let Scheme::Signed(signed) = scheme else { continue };
            let uses = signed_content::check(signed.content).unwrap_or_else(|why| panic!("{}: {why}", id.as_str()));
            // A time in the body is covered with it.
            let in_body = signed.time.is_some_and(|time| matches!(time.place, scheme::TimePlace::Body(_)));
            assert_eq!(uses.timestamp, signed.time.is_some() && !in_body, "{}", id.as_str());
            assert_eq!(uses.id, signed.id_header.is_some());
        }
    }
}

#[test]
fn every_sample_is_what_it_says() {
    for id in TemplateId::ALL {
        let template = id.template();
        assert!((1..=3).contains(&template.samples.len()), "{}", id.as_str());
        for sample in template.samples {
            match sample.content_type {
                "application/json" => {
                    serde_json::from_str::<serde_json::Value>(sample.body).expect("the sample is JSON");
                }
                "application/x-www-form-urlencoded" => {
                    assert!(url::form_urlencoded::parse(sample.body.as_bytes()).count() > 3);
                    let all = places(template.event_type);
                    assert!(all.iter().any(|place| matches!(place, Place::Form(_))), "{}", id.as_str());
                }
                other => panic!("{}: {other}", id.as_str()),
            }
        }
    }
}

#[test]
fn a_template_is_found_by_its_words() {
    let found = |text: &str| TemplateId::ALL.into_iter().filter(|id| id.about().is_found_by(text)).collect::<Vec<_>>();
    assert_eq!(found("").len(), TemplateId::ALL.len());
    assert_eq!(found("stripe"), [TemplateId::Stripe]);
    assert!(found("payments").contains(&TemplateId::Paddle));
    assert!(found("whatsapp").contains(&TemplateId::Meta));
    assert!(found("no such provider").is_empty());
}

#[test]
fn addresses_of_providers_are_ranges() {
    let mut known = 0;
    for addresses in TemplateId::ALL.into_iter().filter_map(|id| id.template().addresses) {
        let owned: Vec<String> = addresses.ranges.iter().map(|text| (*text).to_owned()).collect();
        let mut errors = FieldErrors::default();
        let rules = IpRules::parse(&mut errors, &owned, &[]);
        assert_eq!((errors.into_result(), rules.allow.len()), (Ok(()), owned.len()));
        assert!(addresses.page.starts_with("https://"));
        known += 1;
    }
    assert_eq!(known, 3);
}
