//! Microsoft Graph: `clientState` in each notification, and a `validationToken` when a subscription is made.

use super::{
    About, Category, Dedup, Handshake, Sample, Template,
    place::Place,
    scheme::{Scheme, Special},
};

pub(super) const ABOUT: About = About {
    label: "Microsoft Graph",
    category: Category::Work,
    summary: "Compares the clientState of every notification with the secret. Answers the validationToken. Graph does not sign plain notifications.",
    search: &["office 365", "outlook", "teams", "onedrive", "sharepoint", "azure", "entra"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "Make up a long random client state (at most 128 characters), and enter it here.",
        "Save this source first: Graph asks the URL when the subscription is made.",
        "POST to https://graph.microsoft.com/v1.0/subscriptions: notificationUrl (and lifecycleNotificationUrl) is the ingest URL of this source, clientState is the same text.",
    ],
    secret_label: "Client state",
    secret_placeholder: "the clientState of the subscription",
    schemes: &[Scheme::Special(Special::MicrosoftGraph)],
    event_type: &[Place::Json("value.0.changeType"), Place::Json("value.0.lifecycleEvent")],
    event_id: &[Place::Json("value.0.id"), Place::Json("value.0.resourceData.id")],
    dedup: Dedup::PayloadHash,
    handshake: Some(Handshake::MicrosoftGraph),
    samples: &[Sample::json("created", CREATED)],
    ..Template::DEFAULT
};

const CREATED: &str = r##"{
  "value": [
    {
      "id": "lsgTZMr9KwAAA",
      "subscriptionId": "76222963-cc7b-42d2-882d-8aaa69cb2ba3",
      "subscriptionExpirationDateTime": "2030-10-09T08:53:20+00:00",
      "clientState": "",
      "changeType": "created",
      "resource": "Users/ddfcd489-628b-40d7-b48b-57002df800e5/Messages/AAMkAGUwHOOKSTREAM",
      "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95",
      "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "@odata.id": "Users/ddfcd489-628b-40d7-b48b-57002df800e5/Messages/AAMkAGUwHOOKSTREAM", "id": "AAMkAGUwHOOKSTREAM"}
    }
  ]
}"##;
