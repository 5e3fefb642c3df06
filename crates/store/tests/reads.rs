//! Events are read by their keys, and none but those that were asked for, however little PostgreSQL knows of its tables.

#[path = "model/database.rs"]
mod database;

use std::time::Duration;

use domain::{
    id::{EnvId, EventId},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use store::Store;

use self::database::Database;

const ENV: EnvId = EnvId::from_u128(1);
const EVENTS: u32 = 20_000;
const BODY_BYTES: usize = 1000;
/// Often enough that PostgreSQL settles on one plan for all values.
const TIMES: u32 = 10;

/// Stores so many events, whose ids are 1, 2, 3 and so on.
async fn fill(look: &DatabaseConnection) {
    let [id, env, source, body] = match look.get_database_backend() {
        DbBackend::Postgres => [
            "lpad(to_hex(n), 32, '0')::uuid",
            "lpad('1', 32, '0')::uuid",
            "lpad('2', 32, '0')::uuid",
            "decode(repeat('78', 1000), 'hex')",
        ],
        _ => [
            "unhex(printf('%032x', n))",
            "unhex(printf('%032x', 1))",
            "unhex(printf('%032x', 2))",
            "CAST(printf('%01000d', 0) AS BLOB)",
        ],
    };
    let numbers =
        format!("WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {EVENTS})");
    let sql = format!(
        "INSERT INTO events (env_id, id, source_id, status, method, path, content_length, received_at, verification_status,
             dedup_status)
         {numbers} SELECT {env}, {id}, {source}, 'received', 'POST', '/', {BODY_BYTES}, n, 'none', 'unique' FROM numbers;
         INSERT INTO event_bodies (env_id, event_id, headers, body) {numbers} SELECT {env}, {id}, '[]', {body} FROM numbers"
    );
    look.execute_unprepared(&sql).await.expect("fills");
}

#[tokio::test]
async fn what_is_asked_for_comes_back_and_nothing_else() {
    for database in [Database::sqlite(), Database::postgres().await] {
        let store = database.store().await;
        fill(&database.look().await).await;
        let wanted = [7, 20_000, 20_001].map(EventId::from_u128);
        let contents = store.scope(ENV).contents(&wanted, BODY_BYTES).await.expect("reads");
        let mut found: Vec<_> = contents.into_iter().map(|(id, content)| (id, content.body.len())).collect();
        found.sort_unstable();
        assert_eq!(found, [(wanted[0], BODY_BYTES), (wanted[1], BODY_BYTES)]);
        let too_large = store.scope(ENV).contents(&wanted, BODY_BYTES - 1).await.expect("reads");
        assert!(too_large.is_empty());
        let foreign = store.scope(EnvId::from_u128(2)).contents(&wanted, BODY_BYTES).await.expect("reads");
        assert!(foreign.is_empty());
        store.close().await;
    }
}

/// A database with events whose tables PostgreSQL has never analysed, and will not.
async fn unknown_to_postgres() -> (Database, Store, DatabaseConnection) {
    let database = Database::postgres().await;
    let (store, look) = (database.store().await, database.look().await);
    let unwatched = "ALTER TABLE events SET (autovacuum_enabled = false); \
        ALTER TABLE event_bodies SET (autovacuum_enabled = false)";
    look.execute_unprepared(unwatched).await.expect("alters");
    fill(&look).await;
    (database, store, look)
}

/// How many rows of events and bodies PostgreSQL has read, by its own counters.
async fn rows_read(store: Store, look: &DatabaseConnection) -> i64 {
    // A connection tells what it has read when it ends, if not before.
    store.close().await;
    let sql = "SELECT (sum(seq_tup_read) + sum(idx_tup_fetch))::bigint AS rows, \
        (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' \
        AND pid <> pg_backend_pid()) AS others \
        FROM pg_stat_user_tables WHERE relname IN ('events', 'event_bodies')";
    let counted = async {
        loop {
            let found = look.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("asks");
            let found = found.expect("a row");
            if found.try_get::<i64>("", "others").expect("a number") == 0 {
                break found.try_get::<i64>("", "rows").expect("a number");
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), counted).await.expect("its connections end")
}

#[tokio::test]
async fn postgres_reads_nothing_but_what_is_asked_for() {
    let (_database, store, look) = unknown_to_postgres().await;
    let wanted: Vec<_> = (1..=100_u128).map(|number| EventId::from_u128(number * 150)).collect();
    for _ in 0..TIMES {
        let contents = store.scope(ENV).contents(&wanted, BODY_BYTES).await.expect("reads");
        assert_eq!(contents.len(), wanted.len());
    }
    let asked = i64::from(TIMES) * i64::try_from(2 * wanted.len()).expect("a number");
    let read = rows_read(store, &look).await;
    assert!((asked..2 * asked).contains(&read), "{read} rows were read, and {asked} asked for");
}

#[tokio::test]
async fn postgres_reads_nothing_that_came_before() {
    let (_database, store, look) = unknown_to_postgres().await;
    // The ids of all events lie before this.
    let now = Timestamp::from_micros(0);
    for _ in 0..TIMES {
        let place = store.scope(ENV).place_at(now, now).await.expect("a place");
        let arrivals = store.scope(ENV).arrivals(&place, None, 50, now).await.expect("reads");
        assert!(arrivals.list.is_empty());
    }
    let read = rows_read(store, &look).await;
    assert_eq!(read, 0);
}

/// A young table's plans are chosen by numbers that say little, and kept: where two indexes know the columns of a key, either
/// may be taken, also the one that has to be read from end to end.
#[tokio::test]
async fn only_its_key_leads_to_a_row_by_project_and_id() {
    let database = Database::postgres().await;
    let (_store, look) = (database.store().await, database.look().await);
    let sql = "SELECT i.indexrelid::regclass::text AS name FROM pg_index i \
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
        WHERE i.indrelid IN ('events'::regclass, 'event_bodies'::regclass, 'deliveries'::regclass, 'attempts'::regclass) \
        AND i.indpred IS NULL AND a.attname = 'env_id' ORDER BY 1";
    let rows = look.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("asks");
    let names: Vec<String> = rows.iter().map(|row| row.try_get("", "name").expect("a name")).collect();
    assert_eq!(names, ["attempts_pkey", "deliveries_pkey", "event_bodies_pkey", "events_pkey"]);
}
