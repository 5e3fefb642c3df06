//! The inside of one project. Every query for something of a project starts here, so that none can reach another's.

use std::sync::Arc;

use domain::{audit::AuditEntry, id::EnvId, page::PageRequest, time::Timestamp};
use sea_orm::prelude::Uuid;

use crate::{
    db::Store,
    error::{Result, StoreError},
    row::uuid,
};

/// One project's rows.
#[derive(Clone)]
pub struct Scope {
    pub(crate) store: Store,
    pub(crate) env_id: EnvId,
    /// What the next change of the configuration is noted as.
    pub(crate) note: Option<Arc<AuditEntry>>,
    /// What is changed has to be in one of these states, by when it was last changed.
    pub(crate) states: Option<Vec<Timestamp>>,
}

impl Store {
    pub fn scope(&self, env_id: EnvId) -> Scope {
        Scope { store: self.clone(), env_id, note: None, states: None }
    }
}

impl Scope {
    /// The same, which changes things in these states alone.
    #[must_use]
    pub fn if_in(self, states: Vec<Timestamp>) -> Self {
        Self { states: Some(states), ..self }
    }

    /// # Errors
    /// [`StoreError::Stale`] when what was last changed at this time is not to be changed.
    pub fn check_state(&self, changed_at: Timestamp) -> Result<()> {
        match &self.states {
            Some(states) if !states.contains(&changed_at) => Err(StoreError::Stale),
            _ => Ok(()),
        }
    }

    pub(crate) fn has_states(&self) -> bool {
        self.states.is_some()
    }

    pub(crate) fn env_uuid(&self) -> Uuid {
        uuid(self.env_id.as_u128())
    }
}

/// Keyset paging for sea-orm selects: newest first, one row more than asked for.
macro_rules! page_query {
    ($query:expr, $id:expr, $page:expr) => {{
        use sea_orm::{QueryFilter, QueryOrder, QuerySelect};
        let page: &domain::page::PageRequest = &$page;
        let mut query = $query.order_by_desc($id).limit(crate::scope::rows_wanted(page));
        if let Some(cursor) = page.after {
            query = query.filter(sea_orm::ColumnTrait::lt(&$id, crate::row::uuid(cursor.0)));
        }
        query
    }};
}
pub(crate) use page_query;

pub(crate) fn rows_wanted(page: &PageRequest) -> u64 {
    u64::from(page.limit) + 1
}
