//! What the conformance tests deploy with lambda_runtime. Every client's function does
//! the same; see the documentation of the Go package.

use bytes::Bytes;
use futures_util::{stream, stream::BoxStream, StreamExt};
use lambda_runtime::{
    service_fn, Context, Diagnostic, FunctionResponse, LambdaEvent, MetadataPrelude, StreamResponse,
};
use serde_json::{json, value::RawValue, Value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// An error with a type of its own.
#[derive(Debug)]
struct Failure(String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Diagnostic {
        Diagnostic {
            error_type: "Failure".into(),
            error_message: failure.0,
        }
    }
}

type Answer = FunctionResponse<Box<RawValue>, BoxStream<'static, Result<Bytes, Failure>>>;

async fn handle(event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Failure> {
    COUNT.fetch_add(1, Ordering::Relaxed);
    let request: Value = serde_json::from_str(event.payload.get()).unwrap();
    // The body of a request to the function's URL is a request of its own.
    if let Some(body) = request["body"].as_str() {
        return Ok(FunctionResponse::StreamingResponse(streamed(
            &serde_json::from_str(body).unwrap(),
        )));
    }
    let Some(what) = request["do"].as_str() else {
        return Ok(FunctionResponse::BufferedResponse(event.payload));
    };
    let text = request["text"].as_str().unwrap_or_default().to_owned();
    let number = request["number"].as_u64().unwrap_or_default();
    answer(match what {
        "context" => describe(&event.context),
        "count" => json!({"count": COUNT.load(Ordering::Relaxed), "connections": connections()}),
        "text" => json!("x".repeat(number as usize)),
        "print" => {
            println!("{text}");
            Value::Null
        }
        "fail" => return Err(Failure(text + &"x".repeat(number as usize))),
        "panic" => panic!("{text}"),
        "exit" => std::process::exit(number as i32),
        "kill" => json!(std::process::Command::new("kill")
            .args(["-9", &std::process::id().to_string()])
            .status()
            .unwrap()
            .code()),
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(number)).await;
            json!(number)
        }
        "stream" => return Ok(FunctionResponse::StreamingResponse(streamed(&request))),
        _ => return Err(Failure(format!("there is nothing to do: {what}"))),
    })
}

fn answer(value: Value) -> Result<Answer, Failure> {
    Ok(FunctionResponse::BufferedResponse(
        serde_json::value::to_raw_value(&value).unwrap(),
    ))
}

fn describe(context: &Context) -> Value {
    let config = &context.env_config;
    let client = context.client_context.as_ref();
    json!({
        "request_id": context.request_id, "arn": context.invoked_function_arn, "deadline": context.deadline,
        "title": client.map(|c| &c.client.app_title), "custom": client.map(|c| &c.custom),
        "trace": context.xray_trace_id, "client": official(), "name": config.function_name, "version": config.version,
        "memory": config.memory, "group": config.log_group, "stream": config.log_stream,
    })
}

/// The crate of the client and its version.
fn official() -> String {
    let lock = include_str!("../Cargo.lock");
    let package = lock.split("name = \"lambda_runtime\"\n").nth(1).unwrap();
    format!("lambda_runtime {}", package.split('"').nth(1).unwrap())
}

/// Counts the process's sockets.
fn connections() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

/// Sends the text as often as asked for, with a status and headers; with "break" as the
/// text it fails then.
fn streamed(request: &Value) -> StreamResponse<BoxStream<'static, Result<Bytes, Failure>>> {
    let text = request["text"].as_str().unwrap().to_owned();
    let number = request["number"].as_u64().unwrap();
    let mut parts: Vec<Result<Bytes, Failure>> =
        (0..number).map(|_| Ok(text.clone().into())).collect();
    if text == "break" {
        parts.push(Err(Failure("broken".into())));
    }
    let mut metadata_prelude = MetadataPrelude::default();
    metadata_prelude.status_code = 201.try_into().unwrap();
    for (name, value) in [("content-type", "text/plain"), ("x-own", "yes")] {
        metadata_prelude
            .headers
            .insert(name, value.parse().unwrap());
    }
    StreamResponse {
        metadata_prelude,
        stream: stream::iter(parts).boxed(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    if std::env::var("FAIL_AT_START").is_ok() {
        println!("told to fail");
        std::process::exit(5);
    }
    if let Ok(text) = std::env::var("AT_SIGTERM") {
        lambda_runtime::spawn_graceful_shutdown_handler(|| async move { println!("{text}") }).await;
    }
    lambda_runtime::run(service_fn(handle)).await
}
