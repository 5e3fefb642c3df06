//! Removes what deleted organizations have left, once their projects are gone: their audit log a little at a time, then
//! themselves.

use std::time::Duration;

use store::Result;

use super::{Job, Progress, Turn};

pub(super) struct DeletedOrganizations;

impl Job for DeletedOrganizations {
    const NAME: &'static str = "deleted_organizations";
    const EVERY: Duration = Duration::from_mins(1);

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        let mut progress = Progress::Done;
        for org in turn.store.deleted_organizations().await? {
            if turn.is_over() {
                return Ok(Progress::More);
            }
            if turn.store.remove_organization(org).await? {
                tracing::info!(org.id = %org, "removed what a deleted organization had left");
            } else {
                progress = Progress::More;
            }
        }
        Ok(progress)
    }
}
