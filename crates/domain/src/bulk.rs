//! Bulk operations: what is done to all deliveries that match, a few at a time, however many they are.

use serde::{Deserialize, Serialize};

use crate::{
    delivery::{DeliveryFilter, DeliveryStatus},
    field::FieldErrors,
    id::{BulkOperationId, DeliveryId, EnvId, IssueId},
    time::Timestamp,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BulkKind {
    /// Each is tried once more.
    Retry,
    /// Each is taken off the dead letter queue for good.
    Purge,
}

impl BulkKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Purge => "purge",
        }
    }
}

impl std::str::FromStr for BulkKind {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Retry, Self::Purge].into_iter().find(|kind| kind.as_str() == text).ok_or("must be retry or purge")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BulkStatus {
    Running,
    Completed,
    /// Ended by a person; what was done stays done.
    Cancelled,
}

impl BulkStatus {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl std::str::FromStr for BulkStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Running, Self::Completed, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or("must be running, completed or cancelled")
    }
}

/// What an operation takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "BulkSelection"))]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Those that match when their turn comes, of those made before the operation began.
    Filter(DeliveryFilter),
    /// These, oldest first.
    Ids(Vec<DeliveryId>),
}

impl Selection {
    /// Named one by one, no more than this.
    pub const MAX_IDS: usize = 1000;

    /// The issue whose deliveries it takes.
    #[must_use]
    pub const fn issue(&self) -> Option<IssueId> {
        match self {
            Self::Filter(filter) => filter.issue_id,
            Self::Ids(_) => None,
        }
    }
}

/// What starts an operation: either `filter` or `ids`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BulkInput {
    #[serde(default)]
    pub filter: Option<DeliveryFilter>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1, "maxItems" = Selection::MAX_IDS)))]
    pub ids: Option<Vec<DeliveryId>>,
}

impl BulkInput {
    /// # Errors
    /// Every field that is wrong.
    pub fn parse(self, kind: BulkKind) -> Result<Selection, FieldErrors> {
        match (self.filter, self.ids) {
            (Some(filter), None) => parse_filter(filter, kind).map(Selection::Filter),
            (None, Some(ids)) => parse_ids(ids).map(Selection::Ids),
            (Some(_), Some(_)) => Err(FieldErrors::one("ids", "must not stand beside a filter")),
            (None, None) => Err(FieldErrors::one("filter", "is missing: name a filter, or ids")),
        }
    }
}

fn parse_filter(mut filter: DeliveryFilter, kind: BulkKind) -> Result<DeliveryFilter, FieldErrors> {
    let mut errors = FieldErrors::default();
    match (kind, filter.status) {
        (BulkKind::Retry, Some(DeliveryStatus::Pending | DeliveryStatus::InFlight)) => {
            errors.push("filter.status", "such deliveries are being made already");
        }
        (BulkKind::Retry, Some(DeliveryStatus::Succeeded)) => {
            errors.push("filter.status", "must not be succeeded: what was delivered is sent again by a replay");
        }
        (BulkKind::Purge, Some(status)) if status != DeliveryStatus::Failed => {
            errors.push("filter.status", "must be failed: nothing else is in the dead letter queue");
        }
        _ => {}
    }
    if kind == BulkKind::Purge && filter.is_dlq == Some(false) {
        errors.push("filter.is_dlq", "must be true: nothing else can be purged");
    }
    if let (Some(after), Some(before)) = (filter.after, filter.before)
        && after >= before
    {
        errors.push("filter.before", "must be later than after");
    }
    errors.into_result()?;
    // Whoever says nothing of it means the dead letter queue.
    if kind == BulkKind::Purge || (filter.status.is_none() && filter.is_dlq.is_none()) {
        filter.is_dlq = Some(true);
    }
    Ok(filter)
}

fn parse_ids(mut ids: Vec<DeliveryId>) -> Result<Vec<DeliveryId>, FieldErrors> {
    if ids.is_empty() {
        return Err(FieldErrors::one("ids", "must name at least one delivery"));
    }
    if ids.len() > Selection::MAX_IDS {
        return Err(FieldErrors::one("ids", "must be at most 1000; use a filter for more"));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BulkOperation {
    pub id: BulkOperationId,
    pub env_id: EnvId,
    pub kind: BulkKind,
    pub status: BulkStatus,
    /// `{"filter": {…}}` or `{"ids": […]}`.
    pub selection: Selection,
    /// How many there were to take in the beginning; `None` when more than [`BulkOperation::COUNTED`].
    pub total: Option<u64>,
    /// How many it has taken.
    pub done: u64,
    /// How many were not as the operation wants them any more when their turn came.
    pub skipped: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

impl BulkOperation {
    pub const COUNTED: u32 = 100_000;

    /// How far it has come, in hundredths, where that can be known.
    #[must_use]
    pub fn percent(&self) -> Option<u8> {
        if self.status == BulkStatus::Completed {
            return Some(100);
        }
        let total = self.total?.max(1);
        u8::try_from(((self.done + self.skipped) * 100 / total).min(100)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_filter_means_the_dead_letter_queue() {
        let of = |filter| BulkInput { filter: Some(filter), ids: None };
        for kind in [BulkKind::Retry, BulkKind::Purge] {
            let Ok(Selection::Filter(filter)) = of(DeliveryFilter::default()).parse(kind) else { panic!("a filter") };
            assert_eq!(filter.is_dlq, Some(true));
        }
        let cancelled = DeliveryFilter { status: Some(DeliveryStatus::Cancelled), ..DeliveryFilter::default() };
        assert_eq!(of(cancelled.clone()).parse(BulkKind::Retry), Ok(Selection::Filter(cancelled.clone())));
        assert!(of(cancelled).parse(BulkKind::Purge).expect_err("is refused").at("filter.status").is_some());
    }

    #[test]
    fn what_is_being_made_or_was_delivered_is_not_retried() {
        for status in [DeliveryStatus::Pending, DeliveryStatus::InFlight, DeliveryStatus::Succeeded] {
            let filter = DeliveryFilter { status: Some(status), ..DeliveryFilter::default() };
            let errors = BulkInput { filter: Some(filter), ids: None }.parse(BulkKind::Retry).expect_err("is refused");
            assert!(errors.at("filter.status").is_some(), "{status:?}");
        }
    }

    #[test]
    fn ids_are_few_and_each_once() {
        let ids =
            |count: u128| BulkInput { filter: None, ids: Some((0..count).rev().map(DeliveryId::from_u128).collect()) };
        assert_eq!(
            BulkInput {
                filter: None,
                ids: Some(vec![DeliveryId::from_u128(2), DeliveryId::from_u128(1), DeliveryId::from_u128(2)])
            }
            .parse(BulkKind::Retry),
            Ok(Selection::Ids(vec![DeliveryId::from_u128(1), DeliveryId::from_u128(2)]))
        );
        assert!(ids(1000).parse(BulkKind::Purge).is_ok());
        assert!(ids(1001).parse(BulkKind::Purge).expect_err("is refused").at("ids").is_some());
        assert!(ids(0).parse(BulkKind::Purge).is_err());
        assert!(BulkInput::default().parse(BulkKind::Retry).is_err());
        assert!(BulkInput { filter: Some(DeliveryFilter::default()), ..ids(1) }.parse(BulkKind::Retry).is_err());
    }
}
