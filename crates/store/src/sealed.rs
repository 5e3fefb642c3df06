//! Everything that holds sealed secrets, of all projects, to be sealed anew: sources and destinations, also deleted ones.

use domain::{
    destination::Destination,
    id::{DestinationId, SourceId},
    source::Source,
};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::{
    db::Store,
    entity::{destination, source},
    error::Result,
    row::{to_json, uuid},
};

impl Store {
    /// The next sources by their ids.
    pub async fn sealed_sources(&self, after: SourceId, limit: u64) -> Result<Vec<Source>> {
        let query = source::Entity::find().filter(source::Column::Id.gt(uuid(after.as_u128())));
        let rows = query.order_by_asc(source::Column::Id).limit(limit).all(self.reader()).await?;
        rows.into_iter().map(Source::try_from).collect()
    }

    /// The next destinations by their ids.
    pub async fn sealed_destinations(&self, after: DestinationId, limit: u64) -> Result<Vec<Destination>> {
        let query = destination::Entity::find().filter(destination::Column::Id.gt(uuid(after.as_u128())));
        let rows = query.order_by_asc(destination::Column::Id).limit(limit).all(self.reader()).await?;
        rows.into_iter().map(Destination::try_from).collect()
    }

    /// Writes the secrets of these sources as `seal` gives them back, in one transaction; none: it stays as it is. The version
    /// of the configuration stays as well, since what the secrets open to does. Returns how many were written.
    pub async fn reseal_sources(
        &self,
        ids: &[SourceId],
        mut seal: impl FnMut(Source) -> Option<Source> + Send,
    ) -> Result<usize> {
        let ids = ids.iter().map(|id| uuid(id.as_u128()));
        let transaction = self.begin().await?;
        let query = source::Entity::find().filter(source::Column::Id.is_in(ids)).order_by_asc(source::Column::Id);
        let mut written = 0;
        for row in query.lock_exclusive().all(&transaction).await? {
            let id = row.id;
            let Some(sealed) = seal(Source::try_from(row)?) else { continue };
            let verification = Set(to_json(&sealed.verification)?);
            let row = source::ActiveModel { id: Unchanged(id), verification, ..Default::default() };
            source::Entity::update(row).exec(&transaction).await?;
            written += 1;
        }
        self.commit(transaction).await?;
        Ok(written)
    }

    /// The same for destinations.
    pub async fn reseal_destinations(
        &self,
        ids: &[DestinationId],
        mut seal: impl FnMut(Destination) -> Option<Destination> + Send,
    ) -> Result<usize> {
        let ids = ids.iter().map(|id| uuid(id.as_u128()));
        let transaction = self.begin().await?;
        let query = destination::Entity::find()
            .filter(destination::Column::Id.is_in(ids))
            .order_by_asc(destination::Column::Id);
        let mut written = 0;
        for row in query.lock_exclusive().all(&transaction).await? {
            let id = row.id;
            let Some(sealed) = seal(Destination::try_from(row)?) else { continue };
            let row = destination::ActiveModel {
                id: Unchanged(id),
                config: Set(to_json(&sealed.config.settings())?),
                auth: Set(to_json(&sealed.auth)?),
                signing: Set(to_json(&sealed.signing)?),
                ..Default::default()
            };
            destination::Entity::update(row).exec(&transaction).await?;
            written += 1;
        }
        self.commit(transaction).await?;
        Ok(written)
    }
}
