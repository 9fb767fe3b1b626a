//! Tenants are kept apart by PostgreSQL itself, too: the role that serves sees the rows of one.

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use crate::support::*;
use fnvet::identity::Role;

const TABLES: [&str; 7] = ["heads", "functions", "versions", "decisions", "audit", "intents", "requests"];

async fn rows(connection: &mut AnyConnection, table: &str) -> i64 {
    let row = sqlx::query(AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"))).fetch_one(connection).await.unwrap();
    row.try_get(0).unwrap()
}

#[test]
fn the_role_that_serves_sees_one_tenant_and_can_only_add() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = created(&registry, "days_left").await.function.function_id;
        approved(&registry, &id).await.unwrap();
        registry.create(&caller("other", "zoe", &[Role::Author]), draft("days_left", DAYS), "k".parse().ok()).await.unwrap();
        registry.close().await;
        if !site.is_postgres() {
            return;
        }
        let mut connection = AnyConnection::connect(&site.admin_url).await.unwrap();
        let execute = async |connection: &mut AnyConnection, sql: &str| {
            sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await.map(|done| done.rows_affected())
        };
        execute(&mut connection, "SET ROLE fnvet_service").await.unwrap();
        for table in TABLES {
            assert_eq!(rows(&mut connection, table).await, 0, "{table}");
        }
        execute(&mut connection, "SET fnvet.tenant = 'other'").await.unwrap();
        assert_eq!(rows(&mut connection, "functions").await, 1);
        assert_eq!(rows(&mut connection, "decisions").await, 0);
        assert_eq!(rows(&mut connection, "requests").await, 1);
        let theirs = "INSERT INTO intents (intent_id, tenant_id, owner, document) VALUES ('i', 'acme', 'o', 'd')";
        assert!(execute(&mut connection, theirs).await.unwrap_err().to_string().contains("row-level security"));
        assert_eq!(execute(&mut connection, "UPDATE functions SET name = 'mine' WHERE tenant_id = 'acme'").await.unwrap(), 0);
        assert!(execute(&mut connection, "UPDATE functions SET tenant_id = 'acme'").await.is_err());
        for change in [
            "UPDATE audit SET line = ''",
            "DELETE FROM audit",
            "DELETE FROM decisions",
            "UPDATE versions SET author = ''",
            "TRUNCATE audit",
            "DELETE FROM heads",
            "DROP TABLE audit",
        ] {
            let error = execute(&mut connection, change).await.unwrap_err().to_string();
            assert!(error.contains("permission denied") || error.contains("must be owner"), "{change}: {error}");
        }
        connection.close().await.unwrap();
    });
}

#[test]
fn a_store_without_its_key_or_with_another_one_is_not_opened() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = created(&registry, "days_left").await.function.function_id;
        registry.close().await;
        let key = site.folder.path().join("fnvet.seal.key");
        std::fs::rename(&key, site.folder.path().join("kept")).unwrap();
        let message = fnvet::registry::Registry::open(site.options()).await.unwrap_err().to_string();
        assert!(message.contains("it does not exist"), "{message}");
        std::fs::write(&key, fnvet::approval::signature::SigningKey::generate().unwrap()).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
            let message = fnvet::registry::Registry::open(site.options()).await.unwrap_err().to_string();
            assert!(message.contains("everybody can read it"), "{message}");
            std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
        }
        let registry = site.open().await;
        let message = registry.read(&author("ann"), &id, None).await.unwrap_err().to_string();
        assert!(message.contains("its seal is broken"), "{message}");
        registry.close().await;
    });
}
