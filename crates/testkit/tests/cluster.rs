//! The cluster survives a crash and leaves nothing behind.

use postgres::{Client, NoTls};
use testkit::{Cluster, Options};

#[test]
fn a_crash_keeps_what_was_committed() {
    let cluster = Cluster::start(Options { durable: true }).unwrap();
    let mut client = Client::connect(&cluster.url(), NoTls).unwrap();
    client
        .batch_execute("create table t (a bigint); insert into t values (7)")
        .unwrap();
    let folder: String = client.query_one("show data_directory", &[]).unwrap().get(0);

    cluster.kill().unwrap();
    assert!(client.batch_execute("select 1").is_err());
    cluster.restart().unwrap();
    let mut client = Client::connect(&cluster.url(), NoTls).unwrap();
    let value: i64 = client.query_one("select a from t", &[]).unwrap().get(0);
    assert_eq!(value, 7);

    cluster.stop();
    assert!(!std::path::Path::new(&folder).parent().unwrap().exists());
}

#[test]
fn each_test_has_its_own_database() {
    let urls = [testkit::postgres_url(), testkit::postgres_url()];
    assert_ne!(urls[0], urls[1]);
    for url in urls {
        let mut client = Client::connect(&url, NoTls).unwrap();
        client.batch_execute("create table t (a bigint)").unwrap();
        let collation: String = client
            .query_one(
                "select datcollate::text from pg_database where datname = current_database()",
                &[],
            )
            .unwrap()
            .get(0);
        assert_eq!(collation, "C");
    }
}

/// Not a check: holds a server until killed, to see by hand that nothing stays behind.
#[test]
#[ignore = "runs until it is killed"]
fn hold() {
    println!("{}", testkit::postgres_url());
    std::io::stdin().read_line(&mut String::new()).unwrap();
}
