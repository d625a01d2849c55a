//! One call under way: gRPC's rules for what its response is worth.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ::http::{HeaderMap, StatusCode};
use bytes::Buf;
use opentelemetry::{Key, KeyValue};
use tonic::Code;

use super::deadline::Deadline;
use super::messages::{Messages, is_web};
use super::method::{Known, Standing};
use super::status::{Status, as_error};
use super::target::Target;
use crate::http::{self, Captured, Protocol, RequestHead, ResponseHead};
use crate::measure::Attributes;
use crate::span::{Operation, Outcome, Side, Start, attributes as names, grpc_code_name};

/// What a layer is told besides the settings of `http`.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) known: Known,
    pub(super) target: Option<Target>,
    pub(super) response_metadata: Captured,
    pub(super) counts_messages: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) on_trailers: Option<OnTrailers>,
    pub(super) on_measurement: Option<OnMeasurement>,
}

pub(super) type OnTrailers = Arc<dyn Fn(&HeaderMap, &Operation) + Send + Sync>;
pub(super) type OnMeasurement = Arc<dyn Fn(&RequestHead<'_>, &mut Attributes) + Send + Sync>;

/// A call of gRPC.
#[derive(Debug)]
pub struct Call {
    side: Side,
    settings: Arc<Settings>,
    /// The method, as long as it is not known whether the server has it.
    unproven: Option<Box<str>>,
    /// The metrics have no method yet.
    is_unlabelled: bool,
    /// A hook has named the span, and has the last word.
    is_named: bool,
    deadline: Option<Deadline>,
    /// HTTP's status, once the head is there.
    http: Option<StatusCode>,
    /// The status in the head, which is then all there is.
    early: Option<Status>,
    /// The metadata that is recorded already.
    recorded: Vec<Key>,
    requests: Option<Arc<AtomicI64>>,
    responses: Option<Box<Messages>>,
    /// The span is one of HTTP, which judges the errors of HTTP itself.
    is_joined: bool,
}

impl Call {
    pub(super) fn new(side: Side, settings: Arc<Settings>, headers: &HeaderMap) -> Self {
        let deadline = Deadline::of(headers, settings.timeout);
        Self {
            side,
            settings,
            unproven: None,
            is_unlabelled: false,
            is_named: false,
            deadline,
            http: None,
            early: None,
            recorded: Vec::new(),
            requests: None,
            responses: None,
            is_joined: false,
        }
    }

    /// Waits for the answer to tell whether the server has this method, which may change the name
    /// unless a hook has given it.
    pub(super) fn prove(&mut self, method: Option<&str>, is_named: bool) {
        (self.unproven, self.is_unlabelled) = (method.map(Box::from), method.is_some());
        self.is_named = is_named;
    }

    pub(super) fn join(&mut self) {
        self.is_joined = true;
    }

    pub(super) fn counts(&mut self, requests: Option<Arc<AtomicI64>>) {
        self.requests = requests;
    }

    /// Names the method once and for all.
    fn settle_method(&mut self, is_absent: bool, operation: &mut Operation) {
        let Some(method) = self.unproven.take() else { return };
        if is_absent {
            if !self.is_named {
                operation.rename(GRPC);
            }
            operation.set(absent(method.into_string()));
        } else {
            operation.set_one(KeyValue::new(names::RPC_METHOD, method.into_string()));
        }
    }

    /// Names the method in the metrics: as it is proven to be, otherwise as any other.
    fn label_method(&mut self, proven: Option<&str>, operation: &mut Operation) {
        if std::mem::take(&mut self.is_unlabelled) {
            operation.label(|labels| labels.text(names::RPC_METHOD, proven.unwrap_or(OTHER)));
        }
    }

    fn record_metadata(&mut self, fields: &HeaderMap, operation: &Operation) {
        let settings = self.settings.clone();
        // What the head and the trailers both have is recorded once, as the head has it.
        for attribute in settings.response_metadata.attributes(fields) {
            if !self.recorded.contains(&attribute.key) {
                self.recorded.push(attribute.key.clone());
                operation.set_one(attribute);
            }
        }
    }

    /// Records how the call ended.
    fn end(&mut self, status: Status, operation: &mut Operation) -> Outcome {
        self.label_method(None, operation);
        operation.label(|labels| {
            labels.fixed(names::RPC_RESPONSE_STATUS_CODE, grpc_code_name(number(status.code)));
        });
        if operation.is_recording() {
            self.settle_method(false, operation);
            let code = grpc_code_name(number(status.code));
            operation.set_one(KeyValue::new(names::RPC_RESPONSE_STATUS_CODE, code));
            self.record_counts(operation);
        }
        // A failure of HTTP is told by the span's owner.
        if let Some(failed) = self.http.filter(|status| self.is_joined && status.is_server_error())
        {
            operation.measurement().error_type(names::ERROR_TYPE, failed.as_str());
            return Outcome::Success;
        }
        Outcome::Grpc { code: number(status.code), message: status.message }
    }

    fn record_counts(&self, operation: &Operation) {
        if !self.settings.counts_messages {
            return;
        }
        let requests = self.requests.as_ref().map(|count| count.load(Ordering::Relaxed));
        let requests = requests.filter(|count| *count >= 0);
        let responses = match &self.responses {
            Some(messages) => messages.passed(),
            None => Some(0),
        };
        let (request, response) = match self.side {
            Side::Caller => (names::RPC_MESSAGES_SENT, names::RPC_MESSAGES_RECEIVED),
            Side::Called => (names::RPC_MESSAGES_RECEIVED, names::RPC_MESSAGES_SENT),
        };
        operation.set(requests.map(|count| KeyValue::new(request, count)));
        operation.set(responses.map(|count| KeyValue::new(response, count)));
    }

    fn cancelled(&self) -> Code {
        let is_late = self.deadline.is_some_and(|deadline| deadline.has_passed());
        if is_late { Code::DeadlineExceeded } else { Code::Cancelled }
    }
}

/// The name of a span whose method is not known, and `rpc.system.name`.
pub(super) const GRPC: &str = "grpc";

/// What a call has at its start: name, system, method. A method that is not proven to be there names
/// the span, as its absence can still change that, but an attribute once set stays.
pub(super) fn describe(start: &mut Start, method: &str, standing: &Standing) {
    start.set(KeyValue::new(names::RPC_SYSTEM_NAME, GRPC));
    match standing {
        Standing::Absent => {
            start.name(GRPC);
            absent(method.to_owned()).for_each(|attribute| start.set(attribute));
        }
        Standing::Unproven => start.name(method.to_owned()),
        Standing::Present(method) => {
            start.name(method.clone());
            start.set(KeyValue::new(names::RPC_METHOD, method.clone()));
        }
    }
}

/// What stands for a method that the server does not have.
const OTHER: &str = "_OTHER";

/// The same for the metrics of a call; a method that is not proven to be there follows later.
pub(super) fn label(labels: &mut Attributes, standing: &Standing) {
    labels.fixed(names::RPC_SYSTEM_NAME, GRPC);
    match standing {
        Standing::Absent => labels.fixed(names::RPC_METHOD, OTHER),
        Standing::Present(method) => labels.mostly_fixed(names::RPC_METHOD, method),
        Standing::Unproven => {}
    }
}

fn absent(method: String) -> impl Iterator<Item = KeyValue> {
    let original = |method| KeyValue::new(names::RPC_METHOD_ORIGINAL, method);
    let original = Some(method).filter(|method| !method.is_empty()).map(original);
    std::iter::once(KeyValue::new(names::RPC_METHOD, OTHER)).chain(original)
}

/// Codes are numbers from 0 to 16.
fn number(code: Code) -> u8 {
    code as u8
}

impl http::sealed::Sealed for Call {}

impl Protocol for Call {
    fn side(&self) -> Side {
        self.side
    }

    fn head(&mut self, response: &ResponseHead<'_>, operation: &mut Operation) {
        self.http = Some(response.status);
        self.early = Status::in_fields(response.headers);
        let code = self.early.as_ref().map(|status| status.code);
        let is_absent = match code {
            Some(code) => code == Code::Unimplemented,
            None => response.status == StatusCode::NOT_FOUND,
        };
        // An error says little, as whoever guards the server may have answered.
        let is_present = response.status.is_success() && code.is_none_or(|code| code == Code::Ok);
        if let Some(method) = self.unproven.take_if(|_| is_present) {
            self.settings.known.learn(&method);
            self.label_method(Some(&method), operation);
            self.unproven = Some(method);
        }
        if !operation.is_recording() {
            return;
        }
        self.settle_method(is_absent, operation);
        self.record_metadata(response.headers, operation);
        self.responses = Messages::below(response.headers, self.settings.counts_messages);
        if let Some(hook) = self.settings.on_trailers.clone().filter(|_| self.early.is_some()) {
            hook(response.headers, operation);
        }
    }

    fn is_over(&self) -> bool {
        self.early.is_some()
    }

    /// gRPC ends with trailers, whatever a length says; only where they are in the body it may not.
    fn length(&self, headers: &HeaderMap) -> Option<u64> {
        is_web(headers).then(|| http::content_length(headers)).flatten()
    }

    fn data<D: Buf>(&mut self, data: &D) {
        if let Some(messages) = &mut self.responses {
            messages.read(data);
        }
    }

    fn complete(&mut self, trailers: Option<&HeaderMap>, operation: &mut Operation) -> Outcome {
        let in_body = self.responses.as_deref().and_then(Messages::trailers);
        if let Some(trailers) = trailers.or(in_body.as_ref())
            && self.early.is_none()
        {
            self.early = Status::in_fields(trailers);
            if operation.is_recording() {
                self.record_metadata(trailers, operation);
                if let Some(hook) = self.settings.on_trailers.clone() {
                    hook(trailers, operation);
                }
            }
        }
        let behind = || Status::behind(self.http.unwrap_or_default());
        let mut status = self.early.clone().unwrap_or_else(behind);
        // tonic's servers answer with `Cancelled` when the time is over.
        if self.side == Side::Caller && status.code == Code::Cancelled {
            status.code = self.cancelled();
        }
        self.end(status, operation)
    }

    fn failed(
        &mut self,
        error: &(dyn Any + 'static),
        error_type: Cow<'static, str>,
        operation: &mut Operation,
    ) -> Outcome {
        let error = as_error(error);
        let status = error.and_then(Status::of_error);
        let Some(mut status) = status.or_else(|| {
            // What a client of tonic makes of every other error. A server's peer sees none of it.
            (self.side == Side::Caller).then(|| Code::Unknown.into())
        }) else {
            self.label_method(None, operation);
            self.settle_method(false, operation);
            self.record_counts(operation);
            return Outcome::error(error_type);
        };
        if status.code == Code::Cancelled {
            status.code = self.cancelled();
        }
        if status.message.is_empty() {
            status.message = error.and_then(http::error_type).unwrap_or_default();
        }
        self.end(status, operation)
    }

    fn dropped(&mut self, operation: &mut Operation) -> Outcome {
        if operation.has_panicked() {
            self.label_method(None, operation);
            self.settle_method(false, operation);
            return Outcome::Panicked;
        }
        // A body that is no message is not read to its end; the head has said what there is to say.
        let refused = self.http.filter(|status| *status != StatusCode::OK);
        let status = match refused {
            Some(status) => Status::behind(status),
            None => self.cancelled().into(),
        };
        self.end(status, operation)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("known", &self.known)
            .field("target", &self.target)
            .field("counts_messages", &self.counts_messages)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
