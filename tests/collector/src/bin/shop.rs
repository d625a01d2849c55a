//! A service with a database, and its client, in one process that does what it is told on standard
//! input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is test code")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use reqwest_middleware::ClientWithMiddleware;
use sqlx::Sqlite;
use sqlx::pool::PoolOptions;
use tracewire::sdk::{self, Guard, Otlp, Sampler, Stats, TailSampling};
use tracewire::sqlx::{Pool, Settings, Step};

#[tokio::main(worker_threads = 2)]
async fn main() {
    let settings: BTreeMap<String, String> = std::env::args()
        .skip(1)
        .map(|setting| setting.split_once('=').map(|(k, v)| (k.into(), v.into())).unwrap())
        .collect();
    let shop = open().await;
    let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
        .with(tracewire::reqwest::Middleware::new())
        .build();
    let mut guard = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match command {
            "init" => {
                guard = Some(init(&settings));
                "ok".to_owned()
            }
            "order" => order(&client, &shop, rest).await,
            "stats" => stats(guard.as_ref().unwrap().stats()),
            "shutdown" => stats(guard.take().unwrap().shutdown()),
            "flush" => guard.as_ref().unwrap().flush().to_string(),
            "drop" => {
                let start = Instant::now();
                drop(guard.take());
                start.elapsed().as_millis().to_string()
            }
            other => panic!("{other}"),
        };
        println!("{answer}");
        std::io::stdout().flush().unwrap();
    }
}

fn init(settings: &BTreeMap<String, String>) -> Guard {
    let mut builder = sdk::builder()
        .service_namespace("tests")
        .service_version("1.2.3")
        .environment("test")
        .log_filter("warn");
    for (key, value) in settings {
        builder = match key.as_str() {
            "service" => builder.service_name(value),
            "endpoint" => builder.endpoint(value),
            "max-request" => builder.otlp(Otlp::new().max_request_size(value.parse().unwrap())),
            "consistent" => builder.sampler(Sampler::consistent(value.parse().unwrap())),
            "tail" => {
                let tail = TailSampling::new().keep_errors().otherwise(value.parse().unwrap());
                builder.tail_sampling(tail)
            }
            other => panic!("{other}"),
        };
    }
    builder.init().unwrap()
}

/// Opens the shop; its address.
async fn open() -> String {
    let options = PoolOptions::new().max_connections(1);
    let pool = options.connect("sqlite::memory:").await.unwrap();
    sqlx::raw_sql("CREATE TABLE orders (item INTEGER)").execute(&pool).await.unwrap();
    let pool = Pool::new(pool, &Settings::new().omit(Step::Acquire));
    let app = Router::new()
        .route("/orders/{item}", post(take))
        .with_state(pool)
        .layer(tracewire::axum::ServerLayer::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    format!("http://{address}")
}

/// Takes an order and answers with the headers it came with. Item 0 is one that cannot be had.
async fn take(
    State(pool): State<Pool<Sqlite>>,
    Path(item): Path<i64>,
    headers: HeaderMap,
) -> (StatusCode, String) {
    let text = |name: &str| headers.get(name).map_or("", |it| it.to_str().unwrap()).to_owned();
    let parent = text("traceparent");
    match store(&pool, item).await {
        true => (StatusCode::OK, parent),
        false => (StatusCode::INTERNAL_SERVER_ERROR, parent),
    }
}

#[tracing::instrument(skip(pool))]
async fn store(pool: &Pool<Sqlite>, item: i64) -> bool {
    let insert = sqlx::query("INSERT INTO orders (item) VALUES (?)").bind(item);
    insert.execute(pool).await.unwrap();
    if item == 0 {
        tracing::warn!("sold out");
    }
    item != 0
}

/// Orders so many times; `STATUS:TRACEPARENT` for each. Every so many orders, one is for item 0.
async fn order(client: &ClientWithMiddleware, shop: &str, words: &str) -> String {
    let mut words = words.split(' ').map(|word| word.parse().unwrap());
    let (count, missing): (u64, u64) = (words.next().unwrap(), words.next().unwrap_or(0));
    let mut answers = Vec::new();
    for number in 1..=count {
        let item = if missing > 0 && number.is_multiple_of(missing) { 0 } else { number };
        let response = client.post(format!("{shop}/orders/{item}")).send().await.unwrap();
        let status = response.status().as_u16();
        answers.push(format!("{status}:{}", response.text().await.unwrap()));
    }
    answers.join(" ")
}

fn stats(stats: Stats) -> String {
    let Stats { started, exported, dropped, sampled_out, .. } = stats;
    format!("{started} {exported} {dropped} {sampled_out}")
}
