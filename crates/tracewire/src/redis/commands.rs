//! The commands that are known: their names on spans, and which of their arguments are what.

/// A command of Redis or of its usual modules.
#[derive(Debug)]
pub(super) struct Command {
    /// Its name, subcommand included: `GET`, `CLUSTER INFO`.
    pub(super) name: &'static str,
    /// The name of a pipeline of nothing else.
    pub(super) pipeline: &'static str,
    /// The name of a transaction of nothing else.
    pub(super) transaction: &'static str,
    /// What its arguments are; see [`commands!`].
    pub(super) shape: &'static str,
}

/// The shape of a command whose first argument is a subcommand.
const CONTAINER: &str = ">";

/// Every command below what its arguments are, one sign for each:
///
/// | sign | argument |
/// |---|---|
/// | `k` | a key, a hash field, a channel |
/// | `v` | a value: never shown |
/// | `w` | a name that is no one's secret: shown |
/// | `n` | a number, shown, and so many keys after it |
/// | `l` | every argument but the last is a key |
/// | `s` | values up to the word `STREAMS`; of what follows, the first half is keys |
/// | `(…)` | over and over |
/// | `>` | a subcommand |
///
/// Whatever comes after the signs is a value.
macro_rules! commands {
    ($($shape:tt: $($name:literal)*;)*) => {
        static COMMANDS: &[Command] = &[$($(Command {
            name: $name,
            pipeline: concat!("PIPELINE ", $name),
            transaction: concat!("MULTI ", $name),
            shape: $shape,
        },)*)*];
    };
}

commands! {
    CONTAINER:
        "ACL" "CLIENT" "CLUSTER" "COMMAND" "CONFIG" "FUNCTION" "LATENCY" "MEMORY" "MODULE" "OBJECT"
        "PUBSUB" "SCRIPT" "SENTINEL" "SLOWLOG" "XGROUP" "XINFO";

    // Secrets, addresses, scripts, and what has no keys.
    "":
        "AUTH" "HELLO" "MIGRATE" "ASKING" "BGREWRITEAOF" "BGSAVE" "DBSIZE" "DEBUG" "DISCARD" "ECHO"
        "EXEC" "FAILOVER" "FLUSHALL" "FLUSHDB" "INFO" "KEYS" "LASTSAVE" "LOLWUT" "MONITOR" "MULTI"
        "PFSELFTEST" "PING" "PSYNC" "QUIT" "RANDOMKEY" "READONLY" "READWRITE" "REPLCONF" "REPLICAOF"
        "RESET" "ROLE" "SAVE" "SCAN" "SELECT" "SHUTDOWN" "SLAVEOF" "SWAPDB" "SYNC" "TIME" "UNWATCH"
        "WAIT" "WAITAOF"
        "ACL CAT" "ACL DELUSER" "ACL DRYRUN" "ACL GENPASS" "ACL GETUSER" "ACL HELP" "ACL LIST"
        "ACL LOAD" "ACL LOG" "ACL SAVE" "ACL SETUSER" "ACL USERS" "ACL WHOAMI"
        "CLIENT CACHING" "CLIENT GETNAME" "CLIENT GETREDIR" "CLIENT HELP" "CLIENT ID" "CLIENT INFO"
        "CLIENT KILL" "CLIENT LIST" "CLIENT NO-EVICT" "CLIENT NO-TOUCH" "CLIENT PAUSE"
        "CLIENT REPLY" "CLIENT SETINFO" "CLIENT SETNAME" "CLIENT TRACKING" "CLIENT TRACKINGINFO"
        "CLIENT UNBLOCK" "CLIENT UNPAUSE"
        "CLUSTER ADDSLOTS" "CLUSTER ADDSLOTSRANGE" "CLUSTER BUMPEPOCH"
        "CLUSTER COUNT-FAILURE-REPORTS" "CLUSTER COUNTKEYSINSLOT" "CLUSTER DELSLOTS"
        "CLUSTER DELSLOTSRANGE" "CLUSTER FAILOVER" "CLUSTER FLUSHSLOTS" "CLUSTER FORGET"
        "CLUSTER GETKEYSINSLOT" "CLUSTER HELP" "CLUSTER INFO" "CLUSTER LINKS" "CLUSTER MEET"
        "CLUSTER MIGRATION" "CLUSTER MYID" "CLUSTER MYSHARDID" "CLUSTER NODES" "CLUSTER REPLICAS"
        "CLUSTER REPLICATE" "CLUSTER RESET" "CLUSTER SAVECONFIG" "CLUSTER SET-CONFIG-EPOCH"
        "CLUSTER SETSLOT" "CLUSTER SHARDS" "CLUSTER SLAVES" "CLUSTER SLOT-STATS" "CLUSTER SLOTS"
        "COMMAND COUNT" "COMMAND DOCS" "COMMAND GETKEYS" "COMMAND GETKEYSANDFLAGS" "COMMAND HELP"
        "COMMAND INFO" "COMMAND LIST"
        "CONFIG GET" "CONFIG HELP" "CONFIG RESETSTAT" "CONFIG REWRITE" "CONFIG SET"
        "FUNCTION DELETE" "FUNCTION DUMP" "FUNCTION FLUSH" "FUNCTION HELP" "FUNCTION KILL"
        "FUNCTION LIST" "FUNCTION LOAD" "FUNCTION RESTORE" "FUNCTION STATS"
        "LATENCY DOCTOR" "LATENCY GRAPH" "LATENCY HELP" "LATENCY HISTOGRAM" "LATENCY HISTORY"
        "LATENCY LATEST" "LATENCY RESET"
        "MEMORY DOCTOR" "MEMORY HELP" "MEMORY MALLOC-STATS" "MEMORY PURGE" "MEMORY STATS"
        "MODULE HELP" "MODULE LIST" "MODULE LOAD" "MODULE LOADEX" "MODULE UNLOAD"
        "OBJECT HELP" "PUBSUB CHANNELS" "PUBSUB HELP" "PUBSUB NUMPAT" "PUBSUB SHARDCHANNELS"
        "SCRIPT DEBUG" "SCRIPT EXISTS" "SCRIPT FLUSH" "SCRIPT HELP" "SCRIPT KILL" "SCRIPT LOAD"
        "SENTINEL CKQUORUM" "SENTINEL CONFIG" "SENTINEL FAILOVER" "SENTINEL FLUSHCONFIG"
        "SENTINEL GET-MASTER-ADDR-BY-NAME" "SENTINEL INFO-CACHE" "SENTINEL MASTER"
        "SENTINEL MASTERS" "SENTINEL MONITOR" "SENTINEL MYID" "SENTINEL REMOVE"
        "SENTINEL REPLICAS" "SENTINEL RESET" "SENTINEL SENTINELS" "SENTINEL SET" "SENTINEL SLAVES"
        "SLOWLOG GET" "SLOWLOG HELP" "SLOWLOG LEN" "SLOWLOG RESET" "XGROUP HELP" "XINFO HELP";

    "k":
        "APPEND" "BITCOUNT" "BITFIELD" "BITFIELD_RO" "BITPOS" "DECR" "DECRBY" "DELEX" "DIGEST" "DUMP"
        "EXPIRE" "EXPIREAT" "EXPIRETIME" "GEOADD" "GEODIST" "GEOHASH" "GEOPOS" "GEORADIUS"
        "GEORADIUSBYMEMBER" "GEORADIUSBYMEMBER_RO" "GEORADIUS_RO" "GEOSEARCH" "GET" "GETBIT" "GETDEL"
        "GETEX" "GETRANGE" "GETSET" "HEXPIRE" "HEXPIREAT" "HEXPIRETIME" "HGETALL" "HGETDEL" "HGETEX"
        "HKEYS" "HLEN" "HPERSIST" "HPEXPIRE" "HPEXPIREAT" "HPEXPIRETIME" "HPTTL" "HRANDFIELD" "HSCAN"
        "HSETEX" "HTTL" "HVALS" "INCR" "INCRBY" "INCRBYFLOAT" "LINDEX" "LINSERT" "LLEN" "LPOP" "LPOS"
        "LPUSH" "LPUSHX" "LRANGE" "LREM" "LSET" "LTRIM" "MOVE" "PERSIST" "PEXPIRE" "PEXPIREAT"
        "PEXPIRETIME" "PFADD" "PSETEX" "PTTL" "PUBLISH" "RESTORE" "RESTORE-ASKING" "RPOP" "RPUSH"
        "RPUSHX" "SADD" "SCARD" "SET" "SETBIT" "SETEX" "SETNX" "SETRANGE" "SISMEMBER" "SMEMBERS"
        "SMISMEMBER" "SORT" "SORT_RO" "SPOP" "SPUBLISH" "SRANDMEMBER" "SREM" "SSCAN" "STRLEN"
        "SUBSTR" "TTL" "TYPE" "XACK" "XACKDEL" "XADD" "XAUTOCLAIM" "XCLAIM" "XDEL" "XDELEX" "XLEN"
        "XPENDING" "XRANGE" "XREVRANGE" "XSETID" "XTRIM" "ZADD" "ZCARD" "ZCOUNT" "ZINCRBY"
        "ZLEXCOUNT" "ZMSCORE" "ZPOPMAX" "ZPOPMIN" "ZRANDMEMBER" "ZRANGE" "ZRANGEBYLEX"
        "ZRANGEBYSCORE" "ZRANK" "ZREM" "ZREMRANGEBYLEX" "ZREMRANGEBYRANK" "ZREMRANGEBYSCORE"
        "ZREVRANGE" "ZREVRANGEBYLEX" "ZREVRANGEBYSCORE" "ZREVRANK" "ZSCAN" "ZSCORE"
        "CLUSTER KEYSLOT" "MEMORY USAGE" "OBJECT ENCODING" "OBJECT FREQ" "OBJECT IDLETIME"
        "OBJECT REFCOUNT" "XGROUP CREATE" "XGROUP CREATECONSUMER" "XGROUP DELCONSUMER"
        "XGROUP DESTROY" "XGROUP SETID" "XINFO CONSUMERS" "XINFO GROUPS" "XINFO STREAM"
        "JSON.ARRAPPEND" "JSON.ARRINDEX" "JSON.ARRINSERT" "JSON.ARRLEN" "JSON.ARRPOP" "JSON.ARRTRIM"
        "JSON.CLEAR" "JSON.DEL" "JSON.GET" "JSON.MERGE" "JSON.NUMINCRBY" "JSON.NUMMULTBY"
        "JSON.OBJKEYS" "JSON.OBJLEN" "JSON.SET" "JSON.STRAPPEND" "JSON.STRLEN" "JSON.TOGGLE"
        "JSON.TYPE" "FT.AGGREGATE" "FT.CREATE" "FT.DROPINDEX" "FT.INFO" "FT.SEARCH" "BF.ADD"
        "BF.EXISTS" "BF.INSERT" "BF.MADD" "BF.MEXISTS" "BF.RESERVE" "TS.ADD" "TS.CREATE" "TS.GET"
        "TS.RANGE" "VADD" "VCARD" "VREM" "VSIM";

    "kk":
        "BLMOVE" "BRPOPLPUSH" "COPY" "GEOSEARCHSTORE" "LCS" "LMOVE" "RENAME" "RENAMENX" "RPOPLPUSH"
        "SMOVE" "ZRANGESTORE" "HEXISTS" "HGET" "HINCRBY" "HINCRBYFLOAT" "HSETNX" "HSTRLEN";

    "(k)":
        "DEL" "EXISTS" "MGET" "PFCOUNT" "PFMERGE" "PSUBSCRIBE" "PUNSUBSCRIBE" "SDIFF" "SDIFFSTORE"
        "SINTER" "SINTERSTORE" "SSUBSCRIBE" "SUBSCRIBE" "SUNION" "SUNIONSTORE" "SUNSUBSCRIBE" "TOUCH"
        "UNLINK" "UNSUBSCRIBE" "WATCH" "PUBSUB NUMSUB" "PUBSUB SHARDNUMSUB";

    "k(k)": "HDEL" "HMGET";
    "(kv)": "MSET" "MSETNX";
    "k(kv)": "HMSET" "HSET";
    "(kvv)": "JSON.MSET";
    "l": "BLPOP" "BRPOP" "BZPOPMAX" "BZPOPMIN" "JSON.MGET";
    "v(k)": "BITOP" "PFDEBUG";
    "n": "LMPOP" "SINTERCARD" "ZDIFF" "ZINTER" "ZINTERCARD" "ZMPOP" "ZUNION";
    "kn": "ZDIFFSTORE" "ZINTERSTORE" "ZUNIONSTORE";
    "vn": "BLMPOP" "BZMPOP" "EVAL" "EVAL_RO";
    "wn": "EVALSHA" "EVALSHA_RO" "FCALL" "FCALL_RO";
    "s": "XREAD" "XREADGROUP";
}

/// More than twice as many as there are commands, so that a search ends soon.
const PLACES: usize = 1024;

/// A longer word is no known command; hashing stops there.
const LONGEST_WORD: usize = 32;

/// A hash table with open addressing, laid out by the compiler: positions in `COMMANDS` plus one,
/// zero where there is none.
static INDEX: [u16; PLACES] = {
    let mut index = [0; PLACES];
    let mut command = 0;
    while command < COMMANDS.len() {
        let mut place = hash(SEED, COMMANDS[command].name.as_bytes()) as usize % PLACES;
        while index[place] != 0 {
            place = (place + 1) % PLACES;
        }
        command += 1;
        index[place] = command as u16;
    }
    index
};

const SEED: u32 = 0x811c_9dc5;

/// FNV-1a without the bit that tells the case of a letter, so that words need not be converted.
const fn hash(seed: u32, word: &[u8]) -> u32 {
    let (mut hash, mut at) = (seed, 0);
    while at < word.len() {
        hash = (hash ^ (word[at] & !0x20) as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

impl Command {
    /// The command of this name, in any case.
    pub(super) fn find(word: &[u8]) -> Option<&'static Self> {
        if word.len() > LONGEST_WORD {
            return None;
        }
        let is = |name: &[u8]| name.eq_ignore_ascii_case(word);
        Self::at(hash(SEED, word), is)
    }

    /// The command that `subcommand` makes of this container.
    pub(super) fn find_subcommand(&self, subcommand: &[u8]) -> Option<&'static Self> {
        if subcommand.len() > LONGEST_WORD {
            return None;
        }
        let is = |name: &[u8]| {
            let rest = name.strip_prefix(self.name.as_bytes());
            rest.and_then(|rest| rest.strip_prefix(b" "))
                .is_some_and(|rest| rest.eq_ignore_ascii_case(subcommand))
        };
        let seed = hash(hash(SEED, self.name.as_bytes()), b" ");
        Self::at(hash(seed, subcommand), is)
    }

    /// Whether its first argument is a subcommand.
    pub(super) fn is_container(&self) -> bool {
        self.shape == CONTAINER
    }

    /// Whether its first argument names a script or a function that is stored on the server.
    pub(super) fn calls_procedure(&self) -> bool {
        self.shape == "wn"
    }

    /// Whether it reads what somebody put there, as from a cache.
    pub(super) fn is_read(&self) -> bool {
        const READS: &[&str] = &[
            "GET",
            "GETDEL",
            "GETEX",
            "HGET",
            "HGETALL",
            "HGETDEL",
            "HGETEX",
            "HMGET",
            "JSON.GET",
            "JSON.MGET",
            "LRANGE",
            "MGET",
            "SMEMBERS",
            "ZRANGE",
            "ZSCORE",
        ];
        READS.contains(&self.name)
    }

    fn at(hash: u32, is: impl Fn(&[u8]) -> bool) -> Option<&'static Self> {
        let mut place = hash as usize % PLACES;
        loop {
            let position = usize::from(*INDEX.get(place)?);
            let command = COMMANDS.get(position.checked_sub(1)?)?;
            if is(command.name.as_bytes()) {
                return Some(command);
            }
            place = (place + 1) % PLACES;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_by_its_name_in_any_case_and_stands_once() {
        for command in COMMANDS {
            for name in [command.name.to_owned(), command.name.to_lowercase()] {
                let found = match name.split_once(' ') {
                    None => Command::find(name.as_bytes()),
                    Some((container, subcommand)) => Command::find(container.as_bytes())
                        .filter(|container| container.is_container())
                        .and_then(|found| found.find_subcommand(subcommand.as_bytes())),
                };
                let found = found.unwrap_or_else(|| panic!("{name} is not found"));
                assert!(std::ptr::eq(found, command), "{name} stands twice");
            }
        }
    }

    #[test]
    fn names_of_batches_hold_the_name() {
        for command in COMMANDS {
            assert_eq!(command.pipeline, format!("PIPELINE {}", command.name));
            assert_eq!(command.transaction, format!("MULTI {}", command.name));
        }
    }

    #[test]
    fn the_table_is_sparse_and_its_words_are_short() {
        assert!(COMMANDS.len() * 2 < PLACES);
        for word in COMMANDS.iter().flat_map(|command| command.name.split(' ')) {
            assert!(word.len() <= LONGEST_WORD, "{word}");
        }
    }

    #[test]
    fn what_is_no_command_is_not_found() {
        let long = [b'A'; 10_000];
        for word in [&b""[..], b"GE", b"GETT", b"CLUSTER INFO ", b"\xff\x00", &long] {
            assert!(Command::find(word).is_none());
        }
        let cluster = Command::find(b"CLUSTER").unwrap();
        for word in [&b""[..], b"INF", b"INFO ", b" INFO", &long] {
            assert!(cluster.find_subcommand(word).is_none());
        }
        assert!(Command::find(b"CLUSTER INFO").is_some(), "one word is as good as two");
    }
}
