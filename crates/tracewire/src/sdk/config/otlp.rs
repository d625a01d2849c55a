//! `otlp_http` and `otlp_grpc`: the way to a Collector.

use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};

use super::node::{Fault, Node};
use super::section::{Notes, Section, text, wrong};
use crate::sdk::env::header;
use crate::sdk::{Compression, Otlp, Protocol};

pub(super) fn http(mut section: Section<'_>, notes: &mut Notes) -> Result<Otlp, Fault> {
    let encoding = section.name("encoding", "protobuf or json", |name| match name {
        "protobuf" => Some(Protocol::HttpProtobuf),
        "json" => Some(Protocol::HttpJson),
        _ => None,
    })?;
    let protocol = encoding.unwrap_or_default();
    let (mut way, tls) = both(&mut section, protocol, notes)?;
    if let Some(tls) = tls {
        let tls = files(tls, &mut way)?;
        tls.end(notes);
    }
    section.end(notes);
    Ok(way)
}

pub(super) fn grpc(mut section: Section<'_>, notes: &mut Notes) -> Result<Otlp, Fault> {
    let (mut way, tls) = both(&mut section, Protocol::Grpc, notes)?;
    if let Some(tls) = tls {
        let mut tls = files(tls, &mut way)?;
        way.insecure = tls.flag("insecure")?;
        tls.end(notes);
    }
    section.end(notes);
    Ok(way)
}

/// What both have, and what is said about TLS.
fn both<'a>(
    section: &mut Section<'a>,
    protocol: Protocol,
    notes: &mut Notes,
) -> Result<(Otlp, Option<Section<'a>>), Fault> {
    let way = Otlp {
        endpoint: section.text("endpoint")?.map(str::to_owned),
        protocol: Some(protocol),
        headers: Some(headers(section, notes)?),
        timeout: section.timeout("timeout")?,
        compression: section.name("compression", "gzip or none", Compression::from_name)?,
        ..Otlp::new()
    };
    Ok((way, section.section("tls")?))
}

/// `headers` count for more than `headers_list`. Values are not shown, as they may be secrets.
fn headers(
    section: &mut Section<'_>,
    notes: &mut Notes,
) -> Result<Vec<(HeaderName, HeaderValue)>, Fault> {
    let mut headers = Vec::new();
    if let Some(node) = section.node("headers_list").filter(|node| !node.is_null()) {
        let list = text("headers_list", node)?;
        let why = "a part of `headers_list` is no header: it should be name=value,…";
        for pair in list.split(',').filter(|pair| !pair.trim().is_empty()) {
            headers.push(header(pair).ok_or_else(|| Fault::at(node.at, why))?);
        }
    }
    for node in section.list("headers")?.unwrap_or_default() {
        let mut pair = Section::new("headers", node)?;
        let name = text("name", pair.required("name")?)?;
        let value = pair.node("value").filter(|value| !value.is_null());
        pair.end(notes);
        let Some(value) = value else {
            continue;
        };
        let header = pair_of(name, value);
        let why = "this is no header: a name or a value has characters that cannot be sent";
        headers.push(header.ok_or_else(|| Fault::at(node.at, why))?);
    }
    Ok(headers)
}

fn pair_of(name: &str, value: &Node) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(text("value", value).ok()?).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
}

fn files<'a>(mut section: Section<'a>, way: &mut Otlp) -> Result<Section<'a>, Fault> {
    way.certificate = file(&mut section, "ca_file")?;
    way.client_certificate = file(&mut section, "cert_file")?;
    way.client_key = file(&mut section, "key_file")?;
    if way.client_certificate.is_some() != way.client_key.is_some() {
        let why = "of `cert_file` and `key_file` one is of no use without the other";
        return Err(Fault::at(section.at(), why));
    }
    Ok(section)
}

fn file<'a>(section: &mut Section<'a>, key: &'a str) -> Result<Option<PathBuf>, Fault> {
    let Some(node) = section.node(key).filter(|node| !node.is_null()) else {
        return Ok(None);
    };
    let path = Path::new(text(key, node)?);
    if !path.is_absolute() {
        return Err(wrong(key, node, "an absolute path"));
    }
    Ok(Some(path.to_owned()))
}
