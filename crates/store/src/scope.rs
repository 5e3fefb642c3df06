//! The inside of one project. Every query for something of a project starts here, so that none can reach another's.

use std::sync::Arc;

use domain::{audit::AuditEntry, id::EnvId, page::PageRequest};
use sea_orm::prelude::Uuid;

use crate::{db::Store, row::uuid};

/// One project's rows.
#[derive(Clone)]
pub struct Scope {
    pub(crate) store: Store,
    pub(crate) env_id: EnvId,
    /// What the next change of the configuration is noted as.
    pub(crate) note: Option<Arc<AuditEntry>>,
}

impl Store {
    pub fn scope(&self, env_id: EnvId) -> Scope {
        Scope { store: self.clone(), env_id, note: None }
    }
}

impl Scope {
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
