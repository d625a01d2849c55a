//! The blocking wrapper over a real connection.

use redis::{Client, Commands, RedisResult, Script, cmd, pipe};
use test_support::unique;
use tracewire::otel::Context;
use tracewire::otel::trace::SpanKind;
use tracewire::redis::SyncConnection;
use tracewire::span::Outcome;
use tracewire::test::Capture;
use tracewire_redis_tests::{command, config, redis_url, refused, sent};

#[test]
fn everything_that_can_be_sent() {
    let capture = Capture::new();
    let client = Client::open(redis_url()).unwrap();
    let connection = client.get_connection().unwrap();
    let mut connection = SyncConnection::with_config(connection, &config(&capture));
    let telemetry = capture.telemetry();
    let request = telemetry.start(SpanKind::Server, &Context::new(), |span| {
        span.name("request");
    });
    let entered = request.enter();

    let key = unique("blocking");
    let _: () = connection.set_ex(&key, 1, 60).unwrap();
    let number: i64 = cmd("INCR").arg(&key).query(&mut connection).unwrap();
    assert_eq!(number, 2);
    let wrong: RedisResult<i64> = connection.llen(&key);
    assert_eq!(wrong.unwrap_err().code(), Some("WRONGTYPE"));
    let read: (i64, i64) = pipe().incr(&key, 1).get(&key).query(&mut connection).unwrap();
    assert_eq!(read, (3, 3));
    let read: (i64, i64) =
        pipe().atomic().incr(&key, 1).incr(&key, 1).query(&mut connection).unwrap();
    assert_eq!(read, (4, 5));
    let wrong: RedisResult<()> = pipe().atomic().incr(&key, 1).lpush(&key, 1).exec(&mut connection);
    wrong.unwrap_err();
    let refused_whole: RedisResult<()> =
        pipe().atomic().incr(&key, 1).cmd("GET").exec(&mut connection);
    refused_whole.unwrap_err();
    let script = Script::new(&format!("return '{key}'"));
    assert_eq!(script.invoke::<String>(&mut connection).unwrap(), key);
    let members: Vec<String> =
        connection.scan_match::<_, String>(&key).unwrap().map(Result::unwrap).collect();
    assert_eq!(members, std::slice::from_ref(&key));
    let _: () = connection.del(&key).unwrap();

    drop(entered);
    request.finish(Outcome::Success);
    let trace = capture.trace();
    let scans = trace.spans().iter().filter(|span| span.name == "SCAN").count();
    assert!(scans > 0);
    let two = "db.operation.batch.size";
    let before = [
        command("SETEX"),
        command("INCR"),
        refused("LLEN", "WRONGTYPE"),
        command("PIPELINE").attribute(two, 2),
        command("MULTI INCRBY").attribute(two, 2),
        refused("MULTI", "WRONGTYPE").attribute(two, 2),
        refused("MULTI", "EXECABORT").attribute(two, 2),
        refused("EVALSHA", "NOSCRIPT"),
        command("SCRIPT LOAD"),
        command("EVALSHA"),
    ];
    let scans = std::iter::repeat_n(command("SCAN"), scans);
    trace.assert(sent(before.into_iter().chain(scans).chain([command("DEL")])));
}
