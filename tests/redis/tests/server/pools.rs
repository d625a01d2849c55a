//! Connections out of pools.

use redis::{AsyncCommands, Client, pipe};
use test_support::unique;
use tracewire::redis::{Connection, Pooled};
use tracewire::test::Capture;
use tracewire_redis_tests::{command, config, redis_url, request, sent};

#[tokio::test]
async fn an_object_of_deadpool_is_a_connection() {
    let capture = Capture::new();
    let config = config(&capture);
    let pool = deadpool_redis::Config::from_url(redis_url()).create_pool(None).unwrap();
    let key = unique("deadpool");
    request(&capture, async {
        let mut connection = Connection::with_config(pool.get().await.unwrap(), &config);
        let _: () = connection.set_ex(&key, 1, 60).await.unwrap();
        pipe().get(&key).del(&key).exec_async(&mut connection).await.unwrap();
    })
    .await;
    capture.assert(sent([command("SETEX"), command("PIPELINE")]));
}

#[tokio::test]
async fn an_object_of_bb8_is_one_by_way_of_pooled() {
    let capture = Capture::new();
    let config = config(&capture);
    let client = Client::open(redis_url()).unwrap();
    let pool = bb8::Pool::builder().max_size(1).build(client).await.unwrap();
    let key = unique("bb8");
    request(&capture, async {
        for _ in 0..2 {
            let object = pool.get().await.unwrap();
            let mut connection = Connection::with_config(Pooled(object), &config);
            let _: () = connection.set_ex(&key, 1, 60).await.unwrap();
        }
        let mut object = pool.get().await.unwrap();
        let mut connection = Connection::with_config(Pooled(&mut *object), &config);
        let _: () = connection.del(&key).await.unwrap();
    })
    .await;
    capture.assert(sent(["SETEX", "SETEX", "DEL"].map(command)));
}
