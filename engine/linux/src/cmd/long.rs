//! Names of users and groups, and times of files, as tools show them.

use crate::fs::Stat;
use crate::sys::Sys;
use std::collections::BTreeMap;

/// Names of users and groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
    /// The group that a user logs in with.
    login: BTreeMap<String, u32>,
}

impl Names {
    pub async fn read(sys: &Sys) -> Names {
        let mut names = Names::default();
        for (path, users) in [("/etc/passwd", true), ("/etc/group", false)] {
            let bytes = sys.read_file(path).await.unwrap_or_default();
            for line in String::from_utf8_lossy(&bytes).lines() {
                let mut fields = line.split(':');
                if let (Some(name), Some(Ok(id))) = (fields.next(), fields.nth(1).map(str::parse)) {
                    let map = if users { &mut names.users } else { &mut names.groups };
                    map.entry(id).or_insert_with(|| name.to_owned());
                    if let Some(Ok(group)) = fields.next().filter(|_| users).map(str::parse) {
                        names.login.entry(name.to_owned()).or_insert(group);
                    }
                }
            }
        }
        names
    }

    pub fn user(&self, uid: u32) -> String {
        self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }

    pub fn group(&self, gid: u32) -> String {
        self.groups.get(&gid).cloned().unwrap_or_else(|| gid.to_string())
    }

    pub fn uid(&self, name: &str) -> Option<u32> {
        self.users.iter().find(|(_, user)| *user == name).map(|(uid, _)| *uid)
    }

    pub fn gid(&self, name: &str) -> Option<u32> {
        self.groups.iter().find(|(_, group)| *group == name).map(|(gid, _)| *gid)
    }

    pub fn login_group(&self, user: &str) -> Option<u32> {
        self.login.get(user).copied()
    }
}

/// When a file was changed, in seconds since 1970.
pub(super) fn seconds(stat: &Stat) -> u64 {
    crate::BOOT_SECONDS + stat.modified.nanos() / 1_000_000_000
}
