//! `id`, `whoami`: who the user is. Source: id(1), whoami(1), coreutils.
//! ```transcript
//! host# id
//! uid=0(root) gid=0(root) groups=0(root)
//! ```

use crate::sys::Sys;

/// The name of a user in /etc/passwd, else the number.
pub async fn user_name(sys: &Sys, uid: u32) -> String {
    let bytes = sys.read_file("/etc/passwd").await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().find(|line| line.split(':').nth(2) == Some(&uid.to_string()));
    match line.and_then(|line| line.split(':').next()) {
        Some(name) => name.to_owned(),
        None if uid == 0 => "root".to_owned(),
        None => uid.to_string(),
    }
}
