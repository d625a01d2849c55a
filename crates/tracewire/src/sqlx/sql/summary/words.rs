//! The classes of keywords that the summary tells apart.

use super::super::keyword::Keyword::{self, *};

/// Statements that `EXPLAIN` explains or that use common table expressions.
pub(super) fn begins_query(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Select
            | Insert
            | Update
            | Delete
            | Replace
            | Upsert
            | Merge
            | With
            | Values
            | Table
            | Create
            | Declare
            | Execute
            | Refresh
    )
}

/// Statements with words such as `TABLE` and then one or more targets.
pub(super) fn takes_operands(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Truncate
            | Lock
            | Vacuum
            | Analyze
            | Analyse
            | Optimize
            | Repair
            | Check
            | Checksum
            | Rename
            | Refresh
            | Reindex
            | Cluster
            | Describe
            | Desc
    )
}

/// Statements completed by one name.
pub(super) fn takes_subject(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Set | Show
            | Use
            | Pragma
            | Listen
            | Notify
            | Unlisten
            | Start
            | Stop
            | Reset
            | Discard
            | Load
            | Unlock
    )
}

/// Statements that begin or end a transaction or a part of one.
pub(super) fn bounds_transaction(keyword: Keyword) -> bool {
    matches!(keyword, Begin | Commit | Rollback | End | Abort | Release)
}

/// Words that belong to such a statement's operation.
pub(super) fn completes_transaction(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Transaction
            | Tran
            | Work
            | Deferred
            | Immediate
            | Exclusive
            | Concurrent
            | Prepared
            | To
            | Savepoint
    )
}

/// Statements whose targets are names made up for the occasion, or none.
pub(super) fn stands_alone(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Savepoint
            | Grant
            | Revoke
            | Deny
            | Do
            | Deallocate
            | Close
            | Open
            | Fetch
            | Move
            | Kill
            | Flush
            | Comment
            | Checkpoint
            | Attach
            | Detach
            | Backup
            | Restore
            | Xa
            | Purge
            | Change
            | Reassign
            | Security
            | Import
            | Export
            | Connect
            | Validate
    )
}

/// What can be created, altered and dropped, tables and views apart.
pub(super) fn is_object(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Index
            | Sequence
            | Schema
            | Database
            | User
            | Role
            | Login
            | Group
            | Type
            | Domain
            | Extension
            | Policy
            | Server
            | Tablespace
            | Publication
            | Subscription
            | Rule
            | Language
            | Statistics
            | Synonym
            | Catalog
    ) || has_body(keyword)
}

/// What is created with statements inside.
pub(super) fn has_body(keyword: Keyword) -> bool {
    matches!(keyword, Function | Procedure | Trigger | Event | Package)
}

/// Words between an operation and its target.
pub(super) fn modifies_target(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Only | Lateral
            | If
            | Not
            | Exists
            | Concurrently
            | LowPriority
            | Delayed
            | HighPriority
            | Ignore
            | Overwrite
            | Into
            | All
            | Or
            | On
    )
}

/// Words between `SET`, `SHOW`, `VACUUM` and the like and their target.
pub(super) fn modifies_scope(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Local
            | Session
            | Global
            | Persist
            | PersistOnly
            | Full
            | Extended
            | Verbose
            | Freeze
            | Analyze
    )
}

/// Words that belong to the operation, not to its targets: `LOCK TABLES`, `REFRESH MATERIALIZED VIEW`.
pub(super) fn joins_operation(keyword: Keyword) -> bool {
    matches!(keyword, Table | Tables | Materialized | View | Index | Database | Schema | System)
}

/// Words that no database takes for a table's name.
pub(super) fn is_reserved(keyword: Keyword) -> bool {
    matches!(
        keyword,
        From | Join
            | Using
            | Where
            | Group
            | Order
            | Having
            | Limit
            | Set
            | For
            | When
            | Union
            | Intersect
            | Except
    )
}

/// Words after which a comma no longer separates tables.
pub(super) fn ends_list(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Offset
            | Fetch
            | Window
            | Returning
            | Qualify
            | Output
            | Lock
            | Option
            | Values
            | Duplicate
            | Conflict
    ) || is_reserved(keyword)
}
