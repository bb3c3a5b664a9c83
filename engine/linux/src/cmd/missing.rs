//! `nano`, `systemctl`, `service`, `journalctl`, `apt`, `apt-get`, `mount`, `umount`, `docker`, `df`, `nft`, `jq`:
//! programs that a learner tries and that are not here; each says what to use instead.
//! So do vi and vim in the engine of Linux labs, which is downloaded before anything can be typed.

use super::{Args, Command, Exit};
use crate::sys::Sys;

macro_rules! rows {
    ($($(#[$only:meta])* $row:ident $name:literal $path:literal $instead:literal)*) => {
        $($(#[$only])* pub const $row: Command = Command {
            name: $name,
            path: concat!($path, $name),
            man: concat!($name, "(1)"),
            run: |sys, args| Box::pin(missing(sys, args, $name, $instead)),
        };)*
    };
}

rows! {
    APT "apt" "/usr/bin/" "all programs of this lab are installed already"
    APT_GET "apt-get" "/usr/bin/" "all programs of this lab are installed already"
    JOURNALCTL "journalctl" "/usr/bin/" "look into /var/log, or at dmesg"
    DF "df" "/usr/bin/" "a machine has one disk of 32 MiB; ls -l tells what files take"
    DOCKER "docker" "/usr/bin/" "namespaces are made with: ip netns add NAME"
    FREE "free" "/usr/bin/" "memory is not counted here; ps lists what runs"
    JQ "jq" "/usr/bin/" "read JSON with grep, sed or cut, or ask ip without -j"
    MOUNT "mount" "/usr/bin/" "every machine has one file system"
    NANO "nano" "/usr/bin/" "write a file with: cat > FILE <<EOF, change it with: sed -i s/OLD/NEW/ FILE"
    NFT "nft" "/usr/sbin/" "use iptables-save, as nftables follows later"
    SERVICE "service" "/usr/sbin/" "start a program with: NAME &"
    SYSTEMCTL "systemctl" "/usr/bin/" "start a program with: NAME &"
    UMOUNT "umount" "/usr/bin/" "every machine has one file system"
    #[cfg(not(feature = "cluster"))]
    VI "vi" "/usr/bin/" "write a file with: cat > FILE <<EOF, change it with: sed -i s/OLD/NEW/ FILE"
    #[cfg(not(feature = "cluster"))]
    VIM "vim" "/usr/bin/" "write a file with: cat > FILE <<EOF, change it with: sed -i s/OLD/NEW/ FILE"
}

async fn missing(sys: Sys, _: Args, name: &'static str, instead: &'static str) -> Exit {
    sys.eprint(format!("{name}: not simulated in vethlab; {instead}\n")).await;
    Exit::FAILURE
}
