use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "destinations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub env_id: Uuid,
    pub name: String,
    pub slug: String,
    pub r#type: String,
    pub config: String,
    pub auth: String,
    pub headers: String,
    pub timeout_ms: i64,
    pub retry: String,
    pub circuit_breaker: String,
    pub rate_limit: Option<String>,
    pub ordering: String,
    pub signing: String,
    pub status: String,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub deleted_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
