//! Events are read back one by one, by their keys, however little PostgreSQL knows of its tables.

#[path = "model/database.rs"]
mod database;

use domain::id::{EnvId, EventId};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use self::database::Database;

const ENV: EnvId = EnvId::from_u128(1);
const EVENTS: u32 = 20_000;
/// Often enough that PostgreSQL settles on one plan for all values.
const TIMES: u32 = 10;

#[tokio::test]
async fn nothing_but_what_was_asked_for_is_read() {
    let database = Database::postgres().await;
    let (store, look) = (database.store().await, database.look().await);
    let fill = format!(
        "ALTER TABLE events SET (autovacuum_enabled = false); ALTER TABLE event_bodies SET (autovacuum_enabled = false);
         INSERT INTO events (env_id, id, source_id, status, method, path, content_length, received_at,
             verification_status, dedup_status)
         SELECT lpad('1', 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, lpad('2', 32, '0')::uuid, 'received', 'POST', '/',
             1000, n, 'none', 'unique' FROM generate_series(1, {EVENTS}) AS n;
         INSERT INTO event_bodies (env_id, event_id, headers, body)
         SELECT lpad('1', 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, '[]', decode(repeat('78', 1000), 'hex')
             FROM generate_series(1, {EVENTS}) AS n"
    );
    look.execute_unprepared(&fill).await.expect("fills");
    let wanted: Vec<_> = (1..=100_u128).map(|number| EventId::from_u128(number * 150)).collect();
    for _ in 0..TIMES {
        let contents = store.scope(ENV).contents(&wanted, usize::MAX).await.expect("reads");
        assert_eq!(contents.len(), wanted.len());
        assert!(contents.values().all(|content| content.body.len() == 1000));
    }
    // A connection tells what it has read when it ends, if not before.
    store.close().await;
    let sql = "SELECT (sum(seq_tup_read) + sum(idx_tup_fetch))::bigint AS rows, \
        (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()) AS others \
        FROM pg_stat_user_tables WHERE relname IN ('events', 'event_bodies')";
    let read = loop {
        let row =
            look.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("asks").expect("a row");
        if row.try_get::<i64>("", "others").expect("a number") == 0 {
            break row.try_get::<i64>("", "rows").expect("a number");
        }
    };
    let asked = i64::from(TIMES) * i64::try_from(2 * wanted.len()).expect("a number");
    assert!((asked..2 * asked).contains(&read), "{read} rows were read, and {asked} asked for");
}
