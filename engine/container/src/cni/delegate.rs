//! One plugin calling another: IPAM for addresses, flannel for the bridge.
//!
//! Always: the other is found in CNI_PATH by its type, gets the same environment and its configuration on stdin; its error
//! is handed on as if it were one's own.
//! Source: libcni 1.1.1 `pkg/invoke`.

use super::config::parse;
use super::error::{CniError, CniResult};
use super::result::Attachment;
use super::skel::Call;
use crate::output::run;
use linux::{Exit, FileKind, Sys};
use serde_json::Value;

async fn find(sys: &Sys, plugin: &str, path: &str) -> CniResult<String> {
    if plugin.is_empty() {
        return Err(CniError::internal("no plugin name provided"));
    }
    if plugin.contains('/') {
        return Err(CniError::internal(format!("invalid plugin name: {plugin}")));
    }
    let folders: Vec<&str> = path.split(':').filter(|folder| !folder.is_empty()).collect();
    for folder in &folders {
        let full = format!("{}/{plugin}", folder.trim_end_matches('/'));
        if sys.stat(&full).await.is_ok_and(|stat| stat.kind == FileKind::File) {
            return Ok(full);
        }
    }
    let folders = folders.join(" ");
    Err(CniError::internal(format!("failed to find plugin \"{plugin}\" in path [{folders}]")))
}

/// Has a plugin do a command with a configuration.
async fn call(sys: &Sys, plugin: &str, command: &str, call: &Call, config: &str) -> CniResult<String> {
    let path = find(sys, plugin, &call.path).await?;
    let environment = sys.ask(|system, id| system.process(id).environment.clone()).await;
    let mut environment = environment;
    environment.insert("CNI_COMMAND".to_owned(), command.to_owned());
    let said = run(sys, &[&path], config, Some(environment)).await;
    let said = said.map_err(|errno| {
        let why = errno.text().to_lowercase();
        CniError::new(0, format!("netplugin failed with no error message: fork/exec {path}: {why}"))
    })?;
    if said.exit == Exit::OK {
        return Ok(said.stdout);
    }
    let mut error = CniError::new(0, "");
    match (said.stdout.is_empty(), said.stderr.is_empty()) {
        (true, true) => {
            error.message = format!("netplugin failed with no error message: exit status {}", said.exit.0);
        }
        (true, false) => error.message = format!("netplugin failed: {:?}", said.stderr),
        (false, _) => match parse(&said.stdout) {
            Ok(value) => {
                let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
                error.code = value["code"].as_u64().and_then(|code| u32::try_from(code).ok()).unwrap_or(0);
                (error.message, error.details) = (text("msg"), text("details"));
            }
            Err(why) => {
                let stdout = &said.stdout;
                error.message =
                    format!("netplugin failed but error parsing its diagnostic message {stdout:?}: {why}");
            }
        },
    }
    Err(error)
}

/// ADD by another plugin; its result.
pub async fn add(sys: &Sys, plugin: &str, caller: &Call, config: &str) -> CniResult<Attachment> {
    let stdout = call(sys, plugin, "ADD", caller, config).await?;
    let value: Value =
        parse(&stdout).map_err(|why| format!("decoding version from network config: {why}"))?;
    let version = value["cniVersion"].as_str().unwrap_or_default().to_owned();
    Ok(Attachment::read(&value, &version)?)
}

pub async fn delete(sys: &Sys, plugin: &str, caller: &Call, config: &str) -> CniResult<()> {
    call(sys, plugin, "DEL", caller, config).await.map(drop)
}

pub async fn check(sys: &Sys, plugin: &str, caller: &Call, config: &str) -> CniResult<()> {
    call(sys, plugin, "CHECK", caller, config).await.map(drop)
}
