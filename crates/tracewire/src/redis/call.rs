//! What is sent, in one of the forms in which the driver hands it over.

use std::borrow::Cow;

use opentelemetry::KeyValue;
use redis::{Arg, Cmd, Pipeline};

use super::commands::Command;
use super::config::{Config, QueryText};
use super::name::Name;
use super::packed::{Commands, PackedWords};
use super::text::Text;
use super::words::Words;
use crate::measure::Attributes;
use crate::span::Start;
use crate::span::attributes::{
    DB_NAMESPACE, DB_OPERATION_BATCH_SIZE, DB_OPERATION_NAME, DB_QUERY_TEXT,
    DB_STORED_PROCEDURE_NAME, DB_SYSTEM_NAME,
};

/// A longer name of a script or a function is not recorded.
const LONGEST_PROCEDURE: usize = 128;

/// How many attributes every span has, those of the server included.
const ALWAYS: usize = 5;

/// A command, or many at once.
#[derive(Clone, Copy)]
pub(super) enum Call<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
    Packed(&'a [u8]),
    /// In a transaction, so many commands lie between `MULTI` and `EXEC`.
    PackedPipeline {
        bytes: &'a [u8],
        transaction: Option<usize>,
    },
}

/// What there is to say of a call, apart from its text.
pub(super) struct Summary {
    pub(super) name: Cow<'static, str>,
    /// The command, if it is only one.
    pub(super) command: Option<&'static Command>,
    batch_size: Option<usize>,
    procedure: Option<String>,
}

/// What all commands seen so far have in common.
struct Common {
    name: Name,
    procedure: Option<String>,
}

impl Call<'_> {
    pub(super) fn summary(&self) -> Summary {
        match self {
            Self::Command(command) => {
                let mut words = plain(command.args_iter());
                Common::read(&mut Words::new(&mut words)).into_summary()
            }
            Self::Packed(bytes) => {
                let mut words = only(bytes);
                Common::read(&mut Words::new(&mut words)).into_summary()
            }
            Self::Pipeline(pipeline) => self.summary_of_many(pipeline.is_transaction()),
            Self::PackedPipeline { transaction, .. } => self.summary_of_many(transaction.is_some()),
        }
    }

    fn summary_of_many(&self, transaction: bool) -> Summary {
        let mut common: Option<Common> = None;
        let mut count = 0_usize;
        self.for_each(&mut |words| {
            count += 1;
            common = match common.take() {
                None if count == 1 => Some(Common::read(words)),
                None => None,
                Some(all) => all.shared_with(words),
            };
        });
        let (name, procedure) = match common {
            // One operation is no batch, whichever way it is sent.
            Some(common) if count == 1 && !transaction => return common.into_summary(),
            Some(common) if transaction => (common.name.of_transaction(), common.procedure),
            Some(common) => (common.name.of_pipeline(), common.procedure),
            None if transaction => (Cow::Borrowed("MULTI"), None),
            None => (Cow::Borrowed("PIPELINE"), None),
        };
        Summary { name, command: None, batch_size: (count != 1).then_some(count), procedure }
    }

    /// Puts everything on a span that is about to start.
    pub(super) fn describe(
        &self,
        summary: Summary,
        config: &Config,
        database: i64,
        start: &mut Start,
    ) {
        let more = [
            summary.batch_size.is_some(),
            summary.procedure.is_some(),
            config.text().is_some(),
            config.records_hits(),
        ];
        start.reserve(ALWAYS + more.into_iter().filter(|more| *more).count());
        start.set(KeyValue::new(DB_SYSTEM_NAME, "redis"));
        config.describe_server(start);
        start.set(KeyValue::new(DB_NAMESPACE, namespace(database)));
        start.set(KeyValue::new(DB_OPERATION_NAME, summary.name.clone()));
        start.name(summary.name);
        if let Some(size) = summary.batch_size {
            let size = i64::try_from(size).unwrap_or(i64::MAX);
            start.set(KeyValue::new(DB_OPERATION_BATCH_SIZE, size));
        }
        if let Some(procedure) = summary.procedure {
            start.set(KeyValue::new(DB_STORED_PROCEDURE_NAME, procedure));
        }
        if let Some(what) = config.text() {
            start.set(KeyValue::new(DB_QUERY_TEXT, self.text(what)));
        }
    }

    fn text(&self, what: QueryText) -> String {
        let mut text = Text::new(what);
        self.for_each(&mut |words| text.add(words));
        text.into_string()
    }

    /// Visits every command that the caller queued, `MULTI` and `EXEC` not included.
    ///
    /// A command has no common type: the items of `cmd_iter` are `&Cmd` in redis 1 and `CmdRef` in
    /// redis 2. This is the only place that sees them, and reads the same for both.
    fn for_each(&self, visit: &mut dyn FnMut(&mut Words<'_, '_>)) {
        match self {
            Self::Command(command) => {
                visit(&mut Words::new(&mut plain(command.args_iter())));
            }
            Self::Pipeline(pipeline) => {
                for command in pipeline.cmd_iter() {
                    visit(&mut Words::new(&mut plain(command.args_iter())));
                }
            }
            Self::Packed(bytes) => visit(&mut Words::new(&mut only(bytes))),
            Self::PackedPipeline { bytes, transaction } => {
                let (skipped, count) = match transaction {
                    Some(count) => (1, *count),
                    None => (0, usize::MAX),
                };
                for mut words in Commands::new(bytes).skip(skipped).take(count) {
                    visit(&mut Words::new(&mut words));
                }
            }
        }
    }
}

impl Summary {
    /// What the metrics of a call have at its start.
    pub(super) fn label(&self, config: &Config, database: i64, labels: &mut Attributes) {
        labels.fixed(DB_SYSTEM_NAME, "redis");
        config.label_server(labels);
        labels.mostly_fixed(DB_NAMESPACE, &namespace(database));
        labels.mostly_fixed(DB_OPERATION_NAME, &self.name);
        if let Some(procedure) = &self.procedure {
            labels.text(DB_STORED_PROCEDURE_NAME, procedure);
        }
    }
}

impl Common {
    fn read(words: &mut Words<'_, '_>) -> Self {
        let name = Name::read(words);
        let procedure = name
            .known()
            .filter(|command| command.calls_procedure())
            .and_then(|_| procedure(words.peek()?));
        Self { name, procedure }
    }

    /// As of one command.
    fn into_summary(self) -> Summary {
        Summary {
            command: self.name.known(),
            name: self.name.of_command(),
            batch_size: None,
            procedure: self.procedure,
        }
    }

    /// What is left of it with one more command; `None` when not even the name is the same.
    fn shared_with(self, words: &mut Words<'_, '_>) -> Option<Self> {
        let Self { name, procedure } = self;
        let other = Self::read(words);
        let procedure = procedure.filter(|procedure| other.procedure.as_ref() == Some(procedure));
        (name == other.name).then_some(Self { name, procedure })
    }
}

/// Cursors are values like any other.
fn plain<'a>(
    arguments: impl ExactSizeIterator<Item = Arg<&'a [u8]>>,
) -> impl ExactSizeIterator<Item = &'a [u8]> {
    arguments.map(|argument| match argument {
        Arg::Simple(word) => word,
        _ => b"0",
    })
}

/// The words of one command; none where the bytes cannot be read.
fn only(bytes: &[u8]) -> PackedWords<'_> {
    Commands::new(bytes).next().unwrap_or_default()
}

fn procedure(word: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(word).ok()?;
    let fits =
        (1..=LONGEST_PROCEDURE).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| name.to_owned())
}

/// The index of a database as text; those of a server with the usual settings without an allocation.
fn namespace(database: i64) -> Cow<'static, str> {
    const INDEXES: [&str; 16] =
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"];
    let index = usize::try_from(database).ok();
    match index.and_then(|index| INDEXES.get(index)) {
        Some(index) => Cow::Borrowed(index),
        None => Cow::Owned(database.to_string()),
    }
}
