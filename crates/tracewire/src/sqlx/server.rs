//! Which database a connection leads to: `db.system.name`, `db.namespace`, `server.address`,
//! `server.port`.

use std::sync::Arc;

use opentelemetry::{KeyValue, StringValue};
use sqlx_core::Url;
use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::database::Database;

use super::options::Fields;
use super::sql::Dialect;
use crate::measure::Attributes;
use crate::span::{Start, attributes as names};

/// What is known of a server. Never holds a credential.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    system: Option<StringValue>,
    dialect: Option<Dialect>,
    pub(super) namespace: Option<Arc<str>>,
    pub(super) address: Option<Arc<str>>,
    pub(super) port: Option<u16>,
}

impl Server {
    /// Reads the options of a connection, whichever driver they are of.
    pub(super) fn of<DB: Database>(options: &<DB::Connection as Connection>::Options) -> Self {
        match DB::NAME {
            // Options of this driver are a URL and nothing else. Other drivers build theirs anew,
            // and panic where a host or a user has characters that a URL cannot hold.
            "Any" => Self::of_url(&options.to_url_lossy()),
            driver => Self::of_fields(system(driver), &format!("{options:?}")),
        }
    }

    fn of_url(url: &Url) -> Self {
        let mut server = Self::default();
        if let Some(system) = system_of_scheme(url.scheme()) {
            server.set_system(StringValue::from(system));
        }
        if server.dialect == Some(Dialect::Sqlite) {
            let path = url.as_str().split_once(':').map_or("", |(_, path)| path);
            let path = path.trim_start_matches("//").split('?').next().unwrap_or_default();
            server.namespace = file_name(path, path.contains(":memory:"));
            return server;
        }
        let path = url.path().trim_start_matches('/');
        let namespace = if path.is_empty() { url.username() } else { path };
        server.namespace = (!namespace.is_empty()).then(|| namespace.into());
        server.address = url.host_str().filter(|host| !host.is_empty()).map(Arc::from);
        server.port = url.port();
        server
    }

    fn of_fields(system: &'static str, options: &str) -> Self {
        let fields = Fields::of(options);
        let text = |name| fields.text(name).filter(|text| !text.is_empty());
        let mut server = Self::default();
        server.set_system(StringValue::from(system));
        if system == "sqlite" {
            let in_memory = fields.raw("in_memory") == Some("true");
            server.namespace = text("filename").and_then(|name| file_name(&name, in_memory));
            return server;
        }
        // PostgreSQL takes the user's name for the database when none is named.
        let own = || (system == "postgresql").then(|| text("username"))?;
        let mut namespace = text("database").or_else(own);
        if let Some(schema) = text("options").as_deref().and_then(search_path) {
            namespace = namespace.map(|database| format!("{database}|{schema}"));
        }
        server.namespace = namespace.map(Arc::from);
        match text("socket") {
            Some(socket) => server.address = Some(Arc::from(socket)),
            None => {
                server.address = text("host").map(Arc::from);
                server.port = fields.raw("port").and_then(|port| port.parse().ok());
            }
        }
        server
    }

    /// Takes from `other` what is not known yet.
    pub(super) fn complete(&mut self, other: Self) {
        if self.address.is_none() {
            (self.address, self.port) = (other.address, other.port);
        }
        self.namespace = self.namespace.take().or(other.namespace);
        if self.system.is_none() {
            (self.system, self.dialect) = (other.system, other.dialect);
        }
    }

    /// Names the product, whose rules statements are read by.
    pub(super) fn set_system(&mut self, system: StringValue) {
        self.dialect = Some(Dialect::of_system(system.as_str()));
        self.system = Some(system);
    }

    /// By which rules to read statements.
    pub(super) fn dialect(&self, driver: &'static str) -> Dialect {
        self.dialect.unwrap_or_else(|| Dialect::of_system(system(driver)))
    }

    /// The product, as it was named or as the driver of this name says.
    pub(super) fn system_or(&self, driver: &'static str) -> StringValue {
        self.system.clone().unwrap_or_else(|| StringValue::from(system(driver)))
    }

    /// The attributes that every span of this server has.
    pub(super) fn describe(&self, driver: &'static str, start: &mut Start) {
        let system = self.system_or(driver);
        let port = self.port.filter(|port| Some(*port) != default_port(system.as_str()));
        start.set(KeyValue::new(names::DB_SYSTEM_NAME, system));
        if let Some(namespace) = &self.namespace {
            start.set(KeyValue::new(names::DB_NAMESPACE, namespace.clone()));
        }
        if let Some(address) = &self.address {
            start.set(KeyValue::new(names::SERVER_ADDRESS, address.clone()));
            if let Some(port) = port {
                start.set(KeyValue::new(names::SERVER_PORT, i64::from(port)));
            }
        }
    }

    /// The same for the metrics of an operation, with what it does if that is known.
    pub(super) fn label(&self, driver: &'static str, summary: &str, labels: &mut Attributes) {
        let system = self.system_or(driver);
        labels.text(names::DB_SYSTEM_NAME, system.as_str());
        if let Some(namespace) = &self.namespace {
            labels.text(names::DB_NAMESPACE, namespace);
        }
        if let Some(address) = &self.address {
            labels.text(names::SERVER_ADDRESS, address);
            let port = self.port.filter(|port| Some(*port) != default_port(system.as_str()));
            port.iter().for_each(|port| labels.number(names::SERVER_PORT, i64::from(*port)));
        }
        if !summary.is_empty() {
            labels.text(names::DB_QUERY_SUMMARY, summary);
        }
    }

    /// What a pool of this server's connections is called that has no name of its own (semantic
    /// conventions, "Database metrics", `db.client.connection.pool.name`).
    pub(super) fn pool_name(&self, driver: &'static str) -> String {
        let mut name = match (&self.address, self.port) {
            (Some(address), Some(port)) => format!("{address}:{port}"),
            (Some(address), None) => address.to_string(),
            (None, _) => String::new(),
        };
        if let Some(namespace) = &self.namespace {
            if !name.is_empty() {
                name.push('/');
            }
            name.push_str(namespace);
        }
        if name.is_empty() { self.system_or(driver).as_str().to_owned() } else { name }
    }

    /// The name of a span about which nothing better is known ("Name", target and system).
    pub(super) fn fallback_name(&self, driver: &'static str) -> String {
        match (&self.namespace, &self.address, self.port) {
            (Some(namespace), ..) => namespace.to_string(),
            (None, Some(address), Some(port)) => format!("{address}:{port}"),
            (None, Some(address), None) => address.to_string(),
            (None, None, _) => self.system_or(driver).as_str().to_owned(),
        }
    }
}

/// How many attributes [`Server::describe`] sets at most.
pub(super) const ATTRIBUTES: usize = 4;

/// `db.system.name` by the name of an sqlx driver.
fn system(driver: &str) -> &'static str {
    match driver {
        "PostgreSQL" => "postgresql",
        "MySQL" => "mysql",
        "SQLite" => "sqlite",
        "MSSQL" | "Microsoft SQL Server" => "microsoft.sql_server",
        _ => "other_sql",
    }
}

fn system_of_scheme(scheme: &str) -> Option<&'static str> {
    Some(match scheme {
        "postgres" | "postgresql" => "postgresql",
        "mysql" => "mysql",
        "mariadb" => "mariadb",
        "sqlite" => "sqlite",
        "mssql" | "sqlserver" => "microsoft.sql_server",
        _ => return None,
    })
}

fn default_port(system: &str) -> Option<u16> {
    Some(match system {
        "postgresql" => 5432,
        "mysql" | "mariadb" => 3306,
        "microsoft.sql_server" => 1433,
        "cockroachdb" => 26257,
        _ => return None,
    })
}

/// The first schema of a `search_path` among the options of a PostgreSQL connection, if it is a
/// plain name: `-c search_path=shop,public`.
fn search_path(options: &str) -> Option<&str> {
    let (_, value) = options.rsplit_once("search_path=")?;
    let schema = value.split([',', ' ']).next()?.trim_matches(['"', '\'', '\\']);
    (!schema.is_empty() && !schema.starts_with('$')).then_some(schema)
}

/// A file is a database in SQLite. Where it lies says more about the machine than about the data.
fn file_name(path: &str, in_memory: bool) -> Option<Arc<str>> {
    if in_memory {
        return Some(Arc::from(":memory:"));
    }
    let name = path.rsplit(['/', '\\']).next()?;
    (!name.is_empty()).then(|| Arc::from(name))
}

#[cfg(test)]
mod tests {
    use super::{Server, search_path};

    /// System, namespace, address and port.
    fn read(server: &Server) -> String {
        let text = |value: &Option<std::sync::Arc<str>>| value.as_deref().unwrap_or("-").to_owned();
        let system = server.system.as_ref().map_or("-", |system| system.as_str());
        let port = server.port.map_or("-".to_owned(), |port| port.to_string());
        format!("{system} {} {} {port}", text(&server.namespace), text(&server.address))
    }

    #[test]
    fn options_tell_where_the_server_is() {
        for (system, options, expected) in [
            (
                "postgresql",
                r#"O { host: "db", port: 5433, socket: None, username: "u", password: Some("x\", database: Some(\"y"), database: Some("shop"), options: None }"#,
                "postgresql shop db 5433",
            ),
            (
                "postgresql",
                r#"O { host: "db", port: 5432, socket: Some("/run/pg"), username: "u", database: None, options: Some("-c search_path=app,public") }"#,
                "postgresql u|app /run/pg -",
            ),
            (
                "mysql",
                r#"O { host: "::1", port: 3306, socket: None, username: "u", database: None }"#,
                "mysql - ::1 3306",
            ),
            (
                "sqlite",
                r#"O { filename: "/data/shop.db", in_memory: false }"#,
                "sqlite shop.db - -",
            ),
            ("sqlite", r#"O { filename: "file:1", in_memory: true }"#, "sqlite :memory: - -"),
            ("other_sql", "Opaque", "other_sql - - -"),
        ] {
            assert_eq!(read(&Server::of_fields(system, options)), expected, "{options}");
        }
    }

    #[test]
    fn a_url_tells_where_the_server_is() {
        for (url, expected) in [
            ("postgres://u:p@db:5433/shop?x=y", "postgresql shop db 5433"),
            ("postgres://u:p@db", "postgresql u db -"),
            ("mariadb://u:p@db/shop", "mariadb shop db -"),
            ("sqlite::memory:", "sqlite :memory: - -"),
            ("sqlite://data/shop.db?mode=rwc", "sqlite shop.db - -"),
            ("odbc://u@db/x", "- x db -"),
        ] {
            let url = url.parse().expect("a URL");
            assert_eq!(read(&Server::of_url(&url)), expected, "{url}");
        }
    }

    #[test]
    fn a_search_path_gives_its_first_plain_schema() {
        for (options, expected) in [
            ("-c search_path=app", Some("app")),
            ("-c geqo=off -c search_path=app,public -c x=y", Some("app")),
            (r#"-c search_path="$user",public"#, None),
            ("-c geqo=off", None),
            ("-c search_path=", None),
        ] {
            assert_eq!(search_path(options), expected, "{options}");
        }
    }
}
