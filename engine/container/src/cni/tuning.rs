//! tuning: sysctls of the container's namespace, and properties of its interface.
//!
//! Always: stands behind another plugin; what the interface was like before is kept in a file and put back by DEL.
//! Source: containernetworking/plugins 1.1.1 `plugins/meta/tuning`.

use super::config::{NetConf, argument};
use super::error::{CniError, CniResult, file_error};
use super::link::{self, mac, text};
use super::netns::{self, read_sysctl, write_sysctl};
use super::result::Attachment;
use super::skel::Call;
use super::store::make_folders;
use api::NetnsId;
use linux::Sys;
use net::rtnetlink::{Link, LinkRequest};
use serde_json::{Value, json};

const FOLDER: &str = "/run/cni/tuning";

struct Config {
    net: NetConf,
    folder: String,
    sysctls: Vec<(String, String)>,
    mac: String,
    promiscuous: bool,
    mtu: u32,
    all_multicast: Option<bool>,
}

impl Config {
    fn parse(call: &Call) -> CniResult<Config> {
        let read = || -> Result<Config, String> {
            let net = NetConf::parse(&call.stdin)?;
            let (fields, runtime) = (net.fields(), net.fields().object("runtimeConfig", "struct")?);
            let asked = fields.object("args", "struct")?.object("cni", "main.IPAMArgs")?;
            let mut sysctls: Vec<(String, String)> = Vec::new();
            for part in [fields, asked] {
                for (key, value) in part.get("sysctl").and_then(Value::as_object).into_iter().flatten() {
                    let value = value.as_str().ok_or_else(|| {
                        "json: cannot unmarshal number into Go struct field TuningConf.sysctl of type string"
                            .to_owned()
                    })?;
                    sysctls.retain(|(it, _)| it != key);
                    sysctls.push((key.clone(), value.to_owned()));
                }
            }
            let set = |text: String| (!text.is_empty()).then_some(text);
            let told = set(runtime.text("mac")?).or(argument(&call.arguments, "MAC")?);
            let mac = set(asked.text("mac")?).or(told).unwrap_or(fields.text("mac")?);
            let mtu = match asked.number("mtu")? {
                0 => fields.number("mtu")?,
                mtu => mtu,
            };
            let folder = set(fields.text("dataDir")?).unwrap_or_else(|| FOLDER.to_owned());
            Ok(Config {
                folder,
                sysctls,
                mac,
                promiscuous: asked.flag("promisc")?.or(fields.flag("promisc")?).unwrap_or_default(),
                mtu: u32::try_from(mtu).unwrap_or_default(),
                all_multicast: asked.flag("allmulti")?.or(fields.flag("allmulti")?),
                net: net.clone(),
            })
        };
        read().map_err(|why| CniError::internal(format!("failed to load netconf: {why}")))
    }

    fn previous(&self) -> CniResult<Attachment> {
        let missing = || CniError::internal("Required prevResult missing");
        let value = self.net.previous().ok_or_else(missing)?;
        let read = Attachment::read(value, &self.net.version);
        Ok(read.map_err(|why| format!("could not parse prevResult: {why}"))?)
    }

    fn has_link_changes(&self) -> bool {
        !self.mac.is_empty() || self.mtu > 0 || self.promiscuous || self.all_multicast.is_some()
    }

    /// What is changed, as it is now.
    fn backup(&self, link: &Link) -> Value {
        let mut out = json!({});
        if !self.mac.is_empty() {
            out["mac"] = Value::from(mac(link));
        }
        if self.promiscuous {
            out["promisc"] = Value::from(link.promiscuity != 0);
        }
        if self.mtu > 0 {
            out["mtu"] = Value::from(link.mtu);
        }
        if self.all_multicast.is_some() {
            out["allmulti"] = Value::from(link.allmulti != 0);
        }
        out
    }
}

fn backup_path(folder: &str, call: &Call) -> String {
    format!("{folder}/{}_{}.json", call.container, call.ifname)
}

async fn container_link(sys: &Sys, netns: NetnsId, name: &str) -> CniResult<Link> {
    let link = link::by_name(sys, netns, name).await;
    link.ok_or_else(|| CniError::internal(format!("failed to get \"{name}\": Link not found")))
}

async fn change(sys: &Sys, netns: NetnsId, request: LinkRequest) -> CniResult<()> {
    Ok(link::set(sys, netns, request).await.map_err(|error| text(&error))?)
}

pub async fn add(sys: &Sys, call: &Call) -> CniResult<String> {
    let config = Config::parse(call)?;
    let mut result = config.previous()?;
    let netns = netns::find(sys, &call.netns).await?;
    for (key, value) in &config.sysctls {
        let key = key.replacen("IFNAME", &call.ifname, 1);
        let path = key.replace('.', "/");
        if !path.starts_with("net/") {
            return Err(CniError::internal(format!("invalid net sysctl key: \"{key}\"")));
        }
        write_sysctl(sys, netns, &path, value).await?;
    }
    if config.has_link_changes() {
        change_link(sys, netns, call, &config, &mut result).await?;
    }
    Ok(result.print(&config.net.version)?)
}

async fn change_link(
    sys: &Sys,
    netns: NetnsId,
    call: &Call,
    config: &Config,
    result: &mut Attachment,
) -> CniResult<()> {
    let link = container_link(sys, netns, &call.ifname).await?;
    make_folders(sys, &config.folder, 0o600).await?;
    let (path, backup) = (backup_path(&config.folder, call), config.backup(&link));
    let bytes = serde_json::to_vec(&backup).map_err(|fault| fault.to_string())?;
    sys.write_file(&path, &bytes).await.map_err(|errno| file_error("open", &path, errno))?;
    let request = || LinkRequest { index: Some(link.index), ..LinkRequest::default() };
    if !config.mac.is_empty() {
        let wanted = &config.mac;
        let wrong = || format!("invalid args {wanted} for MAC addr: address {wanted}: invalid MAC address");
        let mac = Some(wanted.parse().map_err(|_| wrong())?);
        change(sys, netns, LinkRequest { mac, ..request() }).await?;
        let ours = result.interfaces.iter_mut().filter(|it| it.name == call.ifname);
        ours.for_each(|it| it.mac.clone_from(wanted));
    }
    if config.promiscuous {
        change(sys, netns, LinkRequest { promisc: Some(true), ..request() }).await?;
    }
    if config.mtu > 0 {
        change(sys, netns, LinkRequest { mtu: Some(config.mtu), ..request() }).await?;
    }
    if config.all_multicast.is_some() {
        change(sys, netns, LinkRequest { allmulticast: config.all_multicast, ..request() }).await?;
    }
    Ok(())
}

/// Whatever cannot be put back is left as it is.
pub async fn delete(sys: &Sys, call: &Call) -> CniResult<()> {
    let config = Config::parse(call)?;
    let path = backup_path(&config.folder, call);
    let Ok(netns) = netns::find(sys, &call.netns).await else { return Ok(()) };
    let Ok(bytes) = sys.read_file(&path).await else { return Ok(()) };
    let Ok(backup) = serde_json::from_slice::<Value>(&bytes) else { return Ok(()) };
    let Ok(link) = container_link(sys, netns, &call.ifname).await else { return Ok(()) };
    let request = LinkRequest {
        index: Some(link.index),
        mac: backup["mac"].as_str().and_then(|mac| mac.parse().ok()),
        mtu: backup["mtu"].as_u64().and_then(|mtu| u32::try_from(mtu).ok()),
        promisc: backup["promisc"].as_bool(),
        allmulticast: backup["allmulti"].as_bool(),
        ..LinkRequest::default()
    };
    if change(sys, netns, request).await.is_ok() {
        sys.remove(&path).await.ok();
    }
    Ok(())
}

pub async fn check(sys: &Sys, call: &Call) -> CniResult<()> {
    let config = Config::parse(call)?;
    config.previous()?;
    let netns = netns::find(sys, &call.netns).await?;
    for (key, wanted) in &config.sysctls {
        let path = key.replace('.', "/");
        let held = read_sysctl(sys, netns, &path).await?;
        if *wanted != held {
            let words = format!(
                "Error: Tuning configured value of /proc/sys/{path} is {wanted}, current value is {held}"
            );
            return Err(CniError::internal(words));
        }
    }
    let name = &call.ifname;
    let link = link::by_name(sys, netns, name).await;
    let link = link.ok_or_else(|| CniError::internal(format!("Cannot find container link {name}")))?;
    let wrong = |what: String| Err(CniError::internal(format!("Error: Tuning {what}")));
    let (wanted, held) = (&config.mac, mac(&link));
    if !wanted.is_empty() && *wanted != held {
        return wrong(format!("configured Ethernet of {name} is {wanted}, current value is {held}"));
    }
    if config.promiscuous != (link.promiscuity != 0) {
        let (wanted, held) = (config.promiscuous, link.promiscuity);
        return wrong(format!("link {name} configured promisc is {wanted}, current value is {held}"));
    }
    if config.mtu > 0 && config.mtu != link.mtu {
        let (wanted, held) = (config.mtu, link.mtu);
        return wrong(format!("configured MTU of {name} is {wanted}, current value is {held}"));
    }
    match config.all_multicast {
        Some(wanted) if wanted != (link.allmulti != 0) => {
            let held = link.allmulti != 0;
            wrong(format!("configured all-multicast mode of {name} is {wanted}, current value is {held}"))
        }
        _ => Ok(()),
    }
}
