//! Opens the operations of one client of one messaging system.

use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt as _, KeyValueMetadata};
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt as _};

use super::about::{About, Type};
use super::config::Config;
use super::process::Process;
use crate::context::{Carrier, CarrierMut, Incoming};
use crate::measure::{Family, Metered, Slot};
use crate::span::{Operation, Outcome};
use crate::telemetry::Telemetry;

/// One client of one messaging system; cheap to clone.
///
/// Every method takes what the system calls the operation (`publish`, `poll`, `ack`) and a closure
/// that describes it, which runs only when somebody reads what it says. Operations start below what
/// is current, and end as every [`Operation`] does: with an [`Outcome`], or cancelled when dropped.
#[derive(Clone, Debug)]
pub struct Client {
    system: &'static str,
    config: Config,
}

impl Client {
    /// A client of this `messaging.system`, which is one of the conventions' or a custom name.
    pub fn new(system: &'static str, config: &Config) -> Self {
        Self { system, config: config.clone() }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What a message brings along: its creation context and its baggage.
    pub fn read(&self, message: &dyn Carrier) -> Incoming {
        self.config.settings.telemetry.read(message)
    }

    /// The creation context of a message, if it has one that is valid.
    pub fn creation(&self, message: &dyn Carrier) -> Option<SpanContext> {
        self.read(message).trace.map(|trace| trace.span_context().clone())
    }

    /// One message leaves. Its headers get the context of the operation, unless they have one.
    pub fn send<M: Carrier + CarrierMut>(
        &self,
        name: &'static str,
        message: &mut M,
        describe: impl FnOnce(&mut About),
    ) -> Operation {
        self.send_as(SpanKind::Producer, name, message, describe)
    }

    /// One message leaves, and its answer is waited for: a call, of kind client. Its headers get the
    /// context of the operation, unless they have one.
    pub fn request<M: Carrier + CarrierMut>(
        &self,
        name: &'static str,
        message: &mut M,
        describe: impl FnOnce(&mut About),
    ) -> Operation {
        self.send_as(SpanKind::Client, name, message, describe)
    }

    fn send_as<M: Carrier + CarrierMut>(
        &self,
        kind: SpanKind,
        name: &'static str,
        message: &mut M,
        describe: impl FnOnce(&mut About),
    ) -> Operation {
        let telemetry = self.now();
        let creation = creation(&telemetry, message);
        let kind = if creation.is_some() { SpanKind::Client } else { kind };
        let operation =
            self.start(&telemetry, Type::Send, kind, name, &Context::current(), |about| {
                describe(about);
                creation.iter().for_each(|creation| about.link(creation, Vec::new()));
            });
        if creation.is_none() {
            telemetry.inject(operation.context(), message);
        }
        operation
    }

    /// The same for a message that takes its context along as it is.
    pub(super) fn send_in_process(
        &self,
        name: &'static str,
        parent: &Context,
        describe: impl FnOnce(&mut About),
    ) -> Operation {
        let what = Type::Send;
        self.start(&self.now(), what, what.kind(), name, parent, describe)
    }

    /// One message gets a context of its own before it is sent with others; `create` is the name
    /// where the system has none. A message that has a context keeps it, and there is no span.
    /// [`send_batch`](Self::send_batch) does this for every message.
    pub fn create<M: Carrier + CarrierMut>(
        &self,
        name: &'static str,
        message: &mut M,
        describe: impl FnOnce(&mut About),
    ) {
        let telemetry = self.now();
        if creation(&telemetry, message).is_none() {
            self.create_now(&telemetry, name, message, describe);
        }
    }

    fn create_now<M: Carrier + CarrierMut>(
        &self,
        telemetry: &Telemetry,
        name: &'static str,
        message: &mut M,
        describe: impl FnOnce(&mut About),
    ) -> SpanContext {
        let (what, parent) = (Type::Create, Context::current());
        let operation = self.start(telemetry, what, what.kind(), name, &parent, describe);
        telemetry.inject(operation.context(), message);
        let created = operation.context().span().span_context().clone();
        operation.finish(Outcome::Success);
        created
    }

    /// Many messages leave in one call. Each gets a `create` span, to whose context the operation
    /// links; with [`Config::without_create_spans`] they all carry the operation's own.
    ///
    /// `describe_each` says what is special about one message.
    pub fn send_batch<'m, M: Carrier + CarrierMut + 'm>(
        &self,
        name: &'static str,
        messages: impl IntoIterator<Item = &'m mut M>,
        describe: impl FnOnce(&mut About),
        describe_each: impl Fn(&M, &mut About),
    ) -> Operation {
        let telemetry = self.now();
        let creates = !self.config.settings.without_create_spans;
        let mut links = Vec::new();
        let mut bare = Vec::new();
        let mut count = 0;
        for message in messages {
            count += 1;
            let mut about = About::default();
            describe_each(message, &mut about);
            match creation(&telemetry, message) {
                Some(creation) => links.push((creation, about.into_attributes())),
                None if creates => {
                    let attributes = about.into_attributes();
                    let mut about = About::default();
                    describe_each(message, &mut about);
                    let created =
                        self.create_now(&telemetry, "create", message, |own| *own = about);
                    links.push((created, attributes));
                }
                None => bare.push(message),
            }
        }
        let kind = if bare.is_empty() { SpanKind::Client } else { SpanKind::Producer };
        let operation =
            self.start(&telemetry, Type::Send, kind, name, &Context::current(), |about| {
                describe(about);
                about.batch_of(count);
                links.drain(..).for_each(|(creation, own)| about.link(&creation, own));
            });
        bare.into_iter().for_each(|message| telemetry.inject(operation.context(), message));
        operation
    }

    /// The application fetches messages. Nothing is known of them yet: say
    /// [`Operation::link`] for the [`creation`](Self::creation) context of each when they are there,
    /// and [`received`](Self::received) for their number. Their processing then says
    /// [`About::received`], so that each is counted once.
    ///
    /// Where most polls come back empty, open the operation only when messages have come, with
    /// [`About::started_at`] and [`About::link`]. A message that a library has fetched ahead is not
    /// received before the application takes it.
    pub fn receive(&self, name: &'static str, describe: impl FnOnce(&mut About)) -> Operation {
        let what = Type::Receive;
        self.start(&self.now(), what, what.kind(), name, &Context::current(), describe)
    }

    /// Says that so many messages have come of an operation that was opened before, for the metrics.
    /// Those that [`About::link`] or [`About::batch_of`] told of are counted already.
    pub fn received(operation: &mut Operation, messages: usize) {
        let messages = u64::try_from(messages).unwrap_or(u64::MAX);
        operation.measurement().count(Slot::MESSAGES, messages);
    }

    /// The application works on one message, from now until the [`Process`] is finished or dropped.
    pub fn process(
        &self,
        name: &'static str,
        message: &dyn Carrier,
        describe: impl FnOnce(&mut About),
    ) -> Process {
        let telemetry = self.now();
        let creation = telemetry.read(message).into_context(Context::new());
        self.process_created(&telemetry, name, &creation, describe)
    }

    /// The same for a message whose creation context is at hand.
    pub(super) fn process_created(
        &self,
        telemetry: &Telemetry,
        name: &'static str,
        creation: &Context,
        describe: impl FnOnce(&mut About),
    ) -> Process {
        let settings = &self.config.settings;
        let bare;
        let mut creation = creation;
        if settings.ignore_baggage && !creation.baggage().is_empty() {
            bare = creation.with_cleared_baggage();
            creation = &bare;
        }
        let created = creation.span().span_context().clone();
        let ambient = Context::current();
        let ambient_span = ambient.span().span_context().clone();
        let adopted = settings.producer_as_parent && created.is_valid();
        let parent = if adopted {
            creation.clone()
        } else if creation.baggage().is_empty() {
            ambient
        } else {
            with_baggage_of(creation, &ambient)
        };
        let what = Type::Process;
        let mut operation = self.start(telemetry, what, what.kind(), name, &parent, |about| {
            describe(about);
            about.link(&created, Vec::new());
            if adopted && ambient_span != created {
                about.link(&ambient_span, Vec::new());
            }
        });
        // Nothing is recorded and nothing was current: the producer's context travels on.
        if !operation.context().span().span_context().is_valid() && created.is_valid() {
            operation = operation.within(creation);
        }
        Process::new(operation, created, settings.process_timeout)
    }

    /// The application works on many messages at once. The operation links to the creation context
    /// of each, and none is its parent. `describe_each` says what is special about one message.
    pub fn process_batch<'m, M: Carrier + 'm>(
        &self,
        name: &'static str,
        messages: impl IntoIterator<Item = &'m M>,
        describe: impl FnOnce(&mut About),
        describe_each: impl Fn(&M, &mut About),
    ) -> Process {
        let telemetry = self.now();
        let what = Type::Process;
        let parent = Context::current();
        let operation = self.start(&telemetry, what, what.kind(), name, &parent, |about| {
            describe(about);
            let mut count = 0;
            for message in messages {
                count += 1;
                if let Some(creation) = creation(&telemetry, message) {
                    let mut own = About::default();
                    describe_each(message, &mut own);
                    about.link(&creation, own.into_attributes());
                }
            }
            about.batch_of(count);
        });
        Process::new(operation, SpanContext::NONE, self.config.settings.process_timeout)
    }

    /// Messages are acknowledged or refused. `creations` are their creation contexts, as
    /// [`Process::creation`] has them.
    pub fn settle<'m>(
        &self,
        name: &'static str,
        creations: impl IntoIterator<Item = &'m SpanContext>,
        describe: impl FnOnce(&mut About),
    ) -> Operation {
        let what = Type::Settle;
        self.start(&self.now(), what, what.kind(), name, &Context::current(), |about| {
            describe(about);
            creations.into_iter().for_each(|creation| about.link(creation, Vec::new()));
        })
    }

    /// The telemetry for one operation.
    pub(super) fn now(&self) -> Telemetry {
        self.config.settings.telemetry.now()
    }

    /// Opens an operation.
    fn start(
        &self,
        telemetry: &Telemetry,
        what: Type,
        kind: SpanKind,
        name: &'static str,
        parent: &Context,
        describe: impl FnOnce(&mut About),
    ) -> Operation {
        let domain = what.domain();
        let what = (self.system, what, name);
        let settings = &self.config.settings;
        let about = || {
            let mut about = About::default();
            describe(&mut about);
            about
        };
        let mut metered =
            what.1.family().map_or_else(Metered::default, |family| telemetry.measurement(family));
        let operation = if metered.is_on() {
            let about = about();
            if what.1 == Type::Process && about.was_received {
                metered = telemetry.measurement(Family::MessagingProcessReceived);
            }
            about.measure(what, settings, &mut metered);
            telemetry.start_metered(metered, kind, parent, |start| {
                about.describe(what, settings, start);
            })
        } else {
            telemetry.start(kind, parent, |start| about().describe(what, settings, start))
        };
        operation.in_domain(domain)
    }
}

fn creation(telemetry: &Telemetry, message: &impl Carrier) -> Option<SpanContext> {
    telemetry.read(message).trace.map(|trace| trace.span_context().clone())
}

/// The context with the baggage that came with a message in place of its own.
fn with_baggage_of(creation: &Context, context: &Context) -> Context {
    let members = creation.baggage().iter();
    let members = members.map(|(key, (value, metadata))| {
        KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
    });
    context.with_baggage(members.collect::<Baggage>())
}
