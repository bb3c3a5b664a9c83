//! `base64`, `md5sum`, `sha1sum`, `sha256sum`, `sha512sum`: encode and digest. Source: their pages, coreutils.
//! ```transcript
//! host# echo hi | base64; echo aGkK | base64 -d; printf abc | sha256sum
//! aGkK
//! hi
//! ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::input::read_file;
use super::tool::{Tool, quoted};
use super::{Args, Command, Exit};
use crate::base64;
use crate::sys::Sys;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

pub const BASE64: Command = Command {
    name: "base64",
    path: "/usr/bin/base64",
    man: "base64(1)",
    run: |sys, args| Box::pin(run_base64(sys, args)),
};

macro_rules! sums {
    ($($row:ident $name:literal $digest:ty)*) => {
        $(pub const $row: Command = Command {
            name: $name,
            path: concat!("/usr/bin/", $name),
            man: concat!($name, "(1)"),
            run: |sys, args| Box::pin(sum(sys, args, $name, hex::<$digest>)),
        };)*
    };
}

sums! {
    MD5SUM "md5sum" Md5
    SHA1SUM "sha1sum" Sha1
    SHA256SUM "sha256sum" Sha256
    SHA512SUM "sha512sum" Sha512
}

async fn run_base64(sys: Sys, args: Args) -> Exit {
    let tool = Tool::gnu(
        "base64",
        "diw:",
        &[("decode", Nothing, 'd'), ("ignore-garbage", Nothing, 'i'), ("wrap", Value, 'w')],
    );
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if let Some(extra) = options.operands.get(1) {
        return tool.extra_operand(&sys, extra).await;
    }
    let Ok(wrap) = options.value('w').unwrap_or("76").parse::<usize>() else {
        let shown = quoted(options.value('w').unwrap_or_default());
        tool.complain(&sys, format!("invalid wrap size: {shown}")).await;
        return Exit::FAILURE;
    };
    let path = options.operands.first().map_or("-", String::as_str);
    let bytes = match read_file(&sys, path).await {
        Ok(bytes) => bytes,
        Err(errno) => {
            tool.complain(&sys, format!("{path}: {errno}")).await;
            return Exit::FAILURE;
        }
    };
    if options.has('d') {
        let ignores = options.has('i');
        let decoded = base64::decode(&bytes, |byte| ignores || byte == b'\n');
        sys.write(1, &decoded.bytes).await.ok();
        if decoded.wrong.is_some() {
            tool.complain(&sys, "invalid input").await;
            return Exit::FAILURE;
        }
        return Exit::OK;
    }
    let text = base64::encode(&bytes);
    let mut out = String::new();
    match wrap {
        0 => out = text,
        wrap => {
            for line in text.as_bytes().chunks(wrap) {
                out.push_str(&String::from_utf8_lossy(line));
                out.push('\n');
            }
        }
    }
    sys.print(out).await;
    Exit::OK
}

fn hex<D: Digest>(bytes: &[u8]) -> String {
    D::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn sum(sys: Sys, args: Args, name: &'static str, digest: fn(&[u8]) -> String) -> Exit {
    let tool = Tool::gnu(
        name,
        "bctw",
        &[("check", Nothing, 'c'), ("quiet", Nothing, 'q'), ("status", Nothing, 's')],
    );
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let files = if options.operands.is_empty() { vec!["-".to_owned()] } else { options.operands.clone() };
    let (mut exit, mut wrong) = (Exit::OK, 0);
    for path in &files {
        let bytes = match read_file(&sys, path).await {
            Ok(bytes) => bytes,
            Err(errno) => {
                tool.complain(&sys, format!("{path}: {errno}")).await;
                exit = Exit::FAILURE;
                continue;
            }
        };
        if !options.has('c') {
            sys.print(format!("{}  {path}\n", digest(&bytes))).await;
            continue;
        }
        for line in String::from_utf8_lossy(&bytes).lines() {
            let Some((wanted, name)) = line.split_once("  ").or_else(|| line.split_once(" *")) else {
                continue;
            };
            let matches = read_file(&sys, name).await.is_ok_and(|bytes| digest(&bytes) == wanted);
            wrong += usize::from(!matches);
            if !options.has('s') && !(matches && options.has('q')) {
                sys.print(format!("{name}: {}\n", if matches { "OK" } else { "FAILED" })).await;
            }
        }
    }
    if wrong > 0 {
        let (computed, verb) = if wrong == 1 { ("checksum", "did") } else { ("checksums", "did") };
        tool.complain(&sys, format!("WARNING: {wrong} computed {computed} {verb} NOT match")).await;
        return Exit::FAILURE;
    }
    exit
}
