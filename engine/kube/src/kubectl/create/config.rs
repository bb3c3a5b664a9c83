//! `create configmap` and `create secret`.

use super::send;
use crate::kubectl::Entry;
use crate::kubectl::fault::Fault;
use crate::kubectl::flags::Flags;
use crate::kubectl::session::Session;
use crate::object;
use crate::object::{Kind, Value, json};
use crate::validation::name::config_key;
use linux::base64;

/// Keys and bytes that the flags name, in order.
async fn entries(session: &mut Session<'_>, flags: &Flags) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for given in flags.each("from-env-file").map(str::to_owned).collect::<Vec<_>>() {
        if flags.has("from-file") || flags.has("from-literal") {
            return Err(Fault::plain("from-env-file cannot be combined with from-file or from-literal"));
        }
        let text = session.text(&given).await?;
        for line in text.lines().map(str::trim_start).filter(|it| !it.is_empty() && !it.starts_with('#')) {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            put(&mut all, key, value.as_bytes().to_vec())?;
        }
    }
    for given in flags.each("from-file").map(str::to_owned).collect::<Vec<_>>() {
        let (key, path) = match given.split_once('=') {
            Some(("", _)) => {
                return Err(Fault::Plain(format!(
                    "key name for file path {} missing",
                    given.trim_start_matches('=')
                )));
            }
            Some((_, "")) => {
                return Err(Fault::Plain(format!(
                    "file path for key name {} missing",
                    given.trim_end_matches('=')
                )));
            }
            Some((key, path)) => (Some(key), path),
            None => (None, given.as_str()),
        };
        let file = path.rsplit('/').next().unwrap_or(path).to_owned();
        match session.host.read(path).await {
            Err(_) => return Err(Fault::Plain(format!("error reading {path}: no such file or directory"))),
            Ok(Entry::File(bytes)) => put(&mut all, key.unwrap_or(&file), bytes)?,
            Ok(Entry::Folder(_)) if key.is_some() => {
                return Err(Fault::plain("cannot give a key name for a directory path"));
            }
            Ok(Entry::Folder(names)) => {
                for name in names {
                    if let Ok(Entry::File(bytes)) = session.host.read(&format!("{path}/{name}")).await {
                        put(&mut all, &name, bytes)?;
                    }
                }
            }
        }
    }
    for given in flags.each("from-literal") {
        let Some((key, value)) = given.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Fault::Plain(format!("invalid literal source {given}, expected key=value")));
        };
        put(&mut all, key, value.trim_matches(['"', '\'']).as_bytes().to_vec())?;
    }
    Ok(all)
}

fn put(all: &mut Vec<(String, Vec<u8>)>, key: &str, value: Vec<u8>) -> Result<(), Fault> {
    if let Err(why) = config_key(key) {
        return Err(Fault::Plain(format!("{key:?} is not a valid key name for a ConfigMap: {why}")));
    }
    if all.iter().any(|(its, _)| its == key) {
        return Err(Fault::Plain(format!(
            "cannot add key {key:?}, another key by that name already exists in Data for ConfigMap"
        )));
    }
    all.push((key.to_owned(), value));
    Ok(())
}

pub async fn config_map(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let name = flags.name()?;
    let mut made = object!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    for (key, value) in entries(session, flags).await? {
        match String::from_utf8(value) {
            Ok(text) => made["data"].set(&key, text),
            Err(other) => made["binaryData"].set(&key, base64::encode(other.as_bytes())),
        }
    }
    send(session, flags, Kind::ConfigMap, made, "created", "failed to create configmap: ").await
}

pub async fn generic(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let name = flags.name()?;
    let entries = entries(session, flags).await?;
    let kind = flags.get("type");
    secret(session, flags, (name, kind), &entries).await
}

async fn secret(
    session: &mut Session<'_>,
    flags: &Flags,
    (name, kind): (&str, &str),
    entries: &[(String, Vec<u8>)],
) -> Result<(), Fault> {
    let mut made = object!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}});
    for (key, value) in entries {
        made["data"].set(key, base64::encode(value));
    }
    if !kind.is_empty() {
        made.set("type", kind);
    }
    send(session, flags, Kind::Secret, made, "created", "failed to create secret ").await
}

pub async fn tls(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let name = flags.name()?;
    if flags.get("cert").is_empty() || flags.get("key").is_empty() {
        return Err(Fault::plain("key and cert must be specified"));
    }
    let mut entries = Vec::new();
    for (key, flag) in [("tls.crt", "cert"), ("tls.key", "key")] {
        let text = session.text(flags.get(flag)).await?;
        if !text.contains("-----BEGIN ") {
            return Err(Fault::plain("tls: failed to find any PEM data in certificate input"));
        }
        entries.push((key.to_owned(), text.into_bytes()));
    }
    secret(session, flags, (name, "kubernetes.io/tls"), &entries).await
}

pub async fn docker(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let name = flags.name()?;
    let (user, word) = (flags.get("docker-username"), flags.get("docker-password"));
    if !flags.has("from-file") && (user.is_empty() || word.is_empty()) {
        return Err(flags.usage(
            "either --from-file or the combination of --docker-username, --docker-password and --docker-server is required",
        ));
    }
    let entries = if flags.has("from-file") {
        entries(session, flags).await?
    } else {
        let mut entry = object!({"username": user, "password": word});
        if flags.has("docker-email") {
            entry.set("email", flags.get("docker-email"));
        }
        entry.set("auth", base64::encode(format!("{user}:{word}").as_bytes()));
        let mut config = Value::map();
        config["auths"].set(flags.or("docker-server", "https://index.docker.io/v1/"), entry);
        vec![(".dockerconfigjson".to_owned(), json::compact(&config).into_bytes())]
    };
    secret(session, flags, (name, "kubernetes.io/dockerconfigjson"), &entries).await
}
