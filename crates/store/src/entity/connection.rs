use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "connections")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub env_id: Uuid,
    pub source_id: Uuid,
    pub destination_id: Uuid,
    pub name: Option<String>,
    pub filter: Option<String>,
    pub transform: Option<String>,
    pub payload_schema: Option<String>,
    pub schema_action: String,
    pub delay_seconds: i64,
    pub status: String,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub deleted_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
