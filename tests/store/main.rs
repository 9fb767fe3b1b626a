//! The registry on every store that there is: SQLite always, and PostgreSQL where
//! `FNVET_TEST_POSTGRES` gives the URL of a server whose user may make databases.

mod attacker;
mod commands;
mod life;
#[path = "../ran/mod.rs"]
mod ran;
mod review;
mod support;
mod tenants;
