//! The words of SQL that decide something, told apart without looking at their case.

/// Declares the keywords once: the enum, and the matches that find one by its packed letters.
macro_rules! keywords {
    (
        short: $($short:ident = $short_word:literal,)*;
        long: $($long:ident = $long_word:literal,)*;
    ) => {
        /// A word that means something to the summary, the sanitizer or the secret rules.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(super) enum Keyword {
            /// Any other word: most often a name.
            #[default]
            Other,
            $($short,)*
            $($long,)*
        }

        #[allow(non_upper_case_globals)]
        mod packed {
            $(pub(super) const $short: u64 = super::pack($short_word.as_bytes()) as u64;)*
            $(pub(super) const $long: u128 = super::pack($long_word.as_bytes());)*
        }

        impl Keyword {
            fn of_short(packed: u64) -> Self {
                match packed {
                    $(packed::$short => Self::$short,)*
                    _ => Self::Other,
                }
            }

            fn of_long(packed: u128) -> Self {
                match packed {
                    $(packed::$long => Self::$long,)*
                    _ => Self::Other,
                }
            }
        }
    };
}

keywords! {
    // At most eight letters: the most frequent ones fit a machine word.
    short:
    Abort = "ABORT", All = "ALL", Alter = "ALTER", Analyse = "ANALYSE", Analyze = "ANALYZE",
    Apply = "APPLY", As = "AS", Atomic = "ATOMIC", Attach = "ATTACH", Backup = "BACKUP",
    Begin = "BEGIN", By = "BY", Call = "CALL", Catalog = "CATALOG", Change = "CHANGE",
    Check = "CHECK", Checksum = "CHECKSUM", Close = "CLOSE", Cluster = "CLUSTER",
    Comment = "COMMENT", Commit = "COMMIT", Conflict = "CONFLICT", Connect = "CONNECT",
    Copy = "COPY", Create = "CREATE", Cross = "CROSS", Database = "DATABASE", Declare = "DECLARE",
    Deferred = "DEFERRED", Delayed = "DELAYED", Delete = "DELETE", Deny = "DENY", Desc = "DESC",
    Describe = "DESCRIBE", Detach = "DETACH", Discard = "DISCARD", Distinct = "DISTINCT", Do = "DO",
    Domain = "DOMAIN", Drop = "DROP", Dumpfile = "DUMPFILE", End = "END", Event = "EVENT",
    Except = "EXCEPT", Exec = "EXEC", Execute = "EXECUTE", Exists = "EXISTS", Explain = "EXPLAIN",
    Export = "EXPORT", Extended = "EXTENDED", False = "FALSE", Fetch = "FETCH", Flush = "FLUSH",
    For = "FOR", Foreign = "FOREIGN", Freeze = "FREEZE", From = "FROM", Full = "FULL",
    Function = "FUNCTION", Global = "GLOBAL", Grant = "GRANT", Group = "GROUP", Having = "HAVING",
    If = "IF", Ignore = "IGNORE", Ilike = "ILIKE", Import = "IMPORT", In = "IN", Index = "INDEX",
    Insert = "INSERT", Into = "INTO", Is = "IS", Join = "JOIN", Key = "KEY", Kill = "KILL",
    Language = "LANGUAGE", Lateral = "LATERAL", Like = "LIKE", Limit = "LIMIT", Listen = "LISTEN",
    Load = "LOAD", Local = "LOCAL", Lock = "LOCK", Login = "LOGIN", Mapping = "MAPPING",
    Merge = "MERGE", Minus = "MINUS", Move = "MOVE", Not = "NOT", Notify = "NOTIFY", Null = "NULL",
    Offset = "OFFSET", On = "ON", Only = "ONLY", Open = "OPEN", Optimize = "OPTIMIZE",
    Option = "OPTION", Or = "OR", Order = "ORDER", Outer = "OUTER", Outfile = "OUTFILE",
    Output = "OUTPUT", Package = "PACKAGE", Password = "PASSWORD", Persist = "PERSIST",
    Policy = "POLICY", Pragma = "PRAGMA", Prepare = "PREPARE", Prepared = "PREPARED",
    Purge = "PURGE", Qualify = "QUALIFY", Random = "RANDOM", Reassign = "REASSIGN",
    Refresh = "REFRESH", Reindex = "REINDEX", Release = "RELEASE", Rename = "RENAME",
    Repair = "REPAIR", Replace = "REPLACE", Reset = "RESET", Restore = "RESTORE", Revoke = "REVOKE",
    Role = "ROLE", Rollback = "ROLLBACK", Rule = "RULE", Schema = "SCHEMA", Security = "SECURITY",
    Select = "SELECT", Sequence = "SEQUENCE", Server = "SERVER", Session = "SESSION", Set = "SET",
    Show = "SHOW", Start = "START", Stop = "STOP", Synonym = "SYNONYM", System = "SYSTEM",
    Table = "TABLE", Tables = "TABLES", To = "TO", Tran = "TRAN", Trigger = "TRIGGER",
    True = "TRUE", Truncate = "TRUNCATE", Type = "TYPE", Union = "UNION", Unlisten = "UNLISTEN",
    Unlock = "UNLOCK", Update = "UPDATE", Upsert = "UPSERT", Use = "USE", User = "USER",
    Using = "USING", Vacuum = "VACUUM", Validate = "VALIDATE", Values = "VALUES",
    Verbose = "VERBOSE", View = "VIEW", When = "WHEN", Where = "WHERE", Window = "WINDOW",
    With = "WITH", Work = "WORK", Xa = "XA",
    ;
    // At most sixteen letters.
    long:
    Checkpoint = "CHECKPOINT", Concurrent = "CONCURRENT", Concurrently = "CONCURRENTLY",
    Deallocate = "DEALLOCATE", Duplicate = "DUPLICATE", Exclusive = "EXCLUSIVE",
    Extension = "EXTENSION", HighPriority = "HIGH_PRIORITY", Identified = "IDENTIFIED",
    Immediate = "IMMEDIATE", Intersect = "INTERSECT", LowPriority = "LOW_PRIORITY",
    Materialized = "MATERIALIZED", Overwrite = "OVERWRITE", PersistOnly = "PERSIST_ONLY",
    Procedure = "PROCEDURE", Publication = "PUBLICATION", Recursive = "RECURSIVE",
    Returning = "RETURNING", Savepoint = "SAVEPOINT", Statistics = "STATISTICS",
    StraightJoin = "STRAIGHT_JOIN", Subscription = "SUBSCRIPTION", Tablespace = "TABLESPACE",
    Transaction = "TRANSACTION",
    ;
}

impl Keyword {
    /// Finds the keyword an unquoted word spells, in any case.
    pub(super) fn of(word: &str) -> Self {
        let word = word.as_bytes();
        match word.len() {
            2..=8 => Self::of_short(
                word.iter().fold(0, |packed, &byte| packed << 8 | u64::from(upper(byte))),
            ),
            9..=16 => Self::of_long(pack(word)),
            _ => Self::Other,
        }
    }
}

/// The upper-case letters of a word of at most sixteen bytes as one number.
const fn pack(word: &[u8]) -> u128 {
    let mut packed = 0;
    let mut at = 0;
    while at < word.len() {
        packed = packed << 8 | upper(word[at]) as u128;
        at += 1;
    }
    packed
}

/// Of the bytes that words are made of, only a letter's two cases share an answer.
const fn upper(byte: u8) -> u8 {
    byte & !0x20
}
