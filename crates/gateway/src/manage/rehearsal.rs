//! Trying a connection's rules out before they are saved.

use domain::{
    id::SourceId,
    permission::Permission,
    rehearsal::{InferredSchema, Preview, PreviewInput, SeenFields, TestInput, TestResult},
};

use super::{Access, Result};
use crate::Gateway;

impl Gateway {
    /// What rules make of one event, stored or given. Rules that could not be saved are refused as they would be then.
    pub async fn test_connection(&self, access: &Access, _input: TestInput) -> Result<TestResult> {
        access.require(Permission::Read)?;
        todo!()
    }

    /// What rules would have made of the last events of a source.
    pub async fn preview_connection(&self, access: &Access, _input: PreviewInput) -> Result<Preview> {
        access.require(Permission::Read)?;
        todo!()
    }

    /// A schema that the last `limit` events of a source fit, of one type or of all.
    pub async fn infer_schema(
        &self,
        access: &Access,
        _source: SourceId,
        _event_type: Option<&str>,
        _limit: Option<u32>,
    ) -> Result<InferredSchema> {
        access.require(Permission::Read)?;
        todo!()
    }

    /// Places in the last events of a source, of one type or of all, with examples of what stood there.
    pub async fn seen_fields(
        &self,
        access: &Access,
        _source: SourceId,
        _event_type: Option<&str>,
    ) -> Result<SeenFields> {
        access.require(Permission::Read)?;
        todo!()
    }
}
