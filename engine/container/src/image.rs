//! Images: what the registries of this world hold, and how a reference names one of them.
//!
//! Always: an image is a file tree (a base, executables, files) and the program that runs by default; a tree is built once
//! a machine, and each of its containers changes only what lies over it.
//! Differs from real registries: tags by pattern; a digest is made of the name; an executable holds its program's name.
//! Sources: distribution `reference/normalize.go`; the images' Dockerfiles.

use linux::{Command, FileSystem, System};
use sha2::{Digest, Sha256};

/// What stands under an image's own files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Nothing but its program.
    Scratch,
    /// Small tools and `sh`.
    Busybox,
    /// `bash`, and all that a machine of this world has.
    Debian,
}

pub struct Image {
    /// With its registry: `docker.io/library/nginx`.
    pub repository: &'static str,
    /// Tags that are there; one that ends in `*` stands for all that begin so.
    pub tags: &'static [&'static str],
    pub base: Base,
    /// Paths of executables and the commands they are.
    pub programs: &'static [(&'static str, &'static str)],
    pub files: &'static [(&'static str, &'static str)],
    pub entrypoint: &'static [&'static str],
    pub cmd: &'static [&'static str],
    pub environment: &'static [(&'static str, &'static str)],
    pub workdir: &'static str,
    pub uid: u32,
    /// What a pull downloads.
    pub bytes: u64,
}

impl Image {
    /// An image of nothing, for the rows of tables.
    pub const NONE: Image = Image {
        repository: "",
        tags: &["latest"],
        base: Base::Scratch,
        programs: &[],
        files: &[],
        entrypoint: &[],
        cmd: &[],
        environment: &[],
        workdir: "/",
        uid: 0,
        bytes: 10_000_000,
    };

    fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|it| match it.strip_suffix('*') {
            Some(head) => tag.starts_with(head),
            None => *it == tag,
        })
    }

    /// Its file tree.
    pub fn files(&self, system: &System) -> FileSystem {
        let mut files = FileSystem::skeleton();
        let passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n";
        files.put_file("/etc/passwd", passwd.as_bytes(), 0o644);
        files.put_file("/etc/group", b"root:x:0:\nnogroup:x:65534:\n", 0o644);
        if self.base == Base::Busybox {
            for name in TOOLS {
                files.put_command(&format!("/bin/{name}"), name);
            }
        }
        if self.base == Base::Debian {
            let is_shown = |it: &&'static Command| it.path.starts_with("/usr/");
            for command in system.usual_commands().filter(is_shown) {
                files.put_command(command.path, command.name);
            }
            files.put_link("/bin", "usr/bin");
            files.put_link("/sbin", "usr/sbin");
            files.put_command("/usr/bin/sh", "sh");
            files.put_command("/usr/bin/wget", "wget");
            files.put_file("/etc/debian_version", b"12.12\n", 0o644);
        }
        for (path, command) in self.programs {
            files.put_command(path, command);
        }
        for (path, text) in self.files {
            files.put_file(path, text.as_bytes(), 0o644);
        }
        files
    }
}

/// What busybox is here: our programs under its names.
const TOOLS: &[&str] = &[
    "[",
    "arp",
    "arping",
    "awk",
    "base64",
    "basename",
    "cat",
    "chmod",
    "chown",
    "clear",
    "cmp",
    "cp",
    "cut",
    "date",
    "diff",
    "dirname",
    "dmesg",
    "echo",
    "egrep",
    "env",
    "expr",
    "false",
    "fgrep",
    "find",
    "grep",
    "head",
    "hostname",
    "id",
    "ifconfig",
    "ip",
    "kill",
    "killall",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mktemp",
    "more",
    "mv",
    "nc",
    "netstat",
    "nl",
    "nohup",
    "nproc",
    "nslookup",
    "paste",
    "pgrep",
    "pidof",
    "ping",
    "ping6",
    "pkill",
    "printenv",
    "printf",
    "ps",
    "readlink",
    "realpath",
    "rev",
    "rm",
    "rmdir",
    "route",
    "sed",
    "seq",
    "sh",
    "sha1sum",
    "sha256sum",
    "shuf",
    "sleep",
    "sort",
    "stat",
    "sysctl",
    "tac",
    "tail",
    "tee",
    "test",
    "timeout",
    "touch",
    "tr",
    "traceroute",
    "true",
    "uname",
    "uniq",
    "uptime",
    "watch",
    "wc",
    "wget",
    "which",
    "whoami",
    "xargs",
    "yes",
];

/// An image's name, taken apart: `nginx` is `docker.io/library/nginx:latest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub repository: String,
    pub tag: String,
}

impl Reference {
    /// `None` where a name breaks the rules: `InvalidImageName`.
    pub fn parse(text: &str) -> Option<Reference> {
        let text = text.split('@').next().unwrap_or_default();
        let slash = text.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match text[slash..].split_once(':') {
            Some((last, tag)) => (format!("{}{last}", &text[..slash]), tag),
            None => (text.to_owned(), "latest"),
        };
        let is_path = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "._-/:".contains(it);
        let is_tag = |it: char| it.is_ascii_alphanumeric() || "._-".contains(it);
        let is_bad =
            |part: &str| part.is_empty() || part.starts_with(['.', '-']) || part.ends_with(['.', '-']);
        if tag.is_empty()
            || !tag.chars().all(is_tag)
            || !name.chars().all(is_path)
            || name.split('/').any(is_bad)
        {
            return None;
        }
        let first = name.split('/').next().unwrap_or_default();
        let has_registry = name.contains('/') && (first.contains(['.', ':']) || first == "localhost");
        let repository = match (has_registry, name.contains('/')) {
            (true, _) => name,
            (false, true) => format!("docker.io/{name}"),
            (false, false) => format!("docker.io/library/{name}"),
        };
        Some(Reference { repository, tag: tag.to_owned() })
    }

    pub fn full(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    /// As `repository@sha256:…`.
    pub fn digest(&self) -> String {
        format!("{}@sha256:{}", self.repository, hex(&self.full()))
    }

    /// What `crictl images` and a status name it by.
    pub fn id(&self) -> String {
        format!("sha256:{}", hex(&format!("config of {}", self.full())))
    }
}

/// SHA-256 of a text, in 64 hex digits: how images and containers get their ids.
pub fn hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The image of that name in these registries. The error is containerd's.
pub fn find(tables: &[&'static [Image]], wanted: &Reference) -> Result<&'static Image, String> {
    let all = || tables.iter().flat_map(|table| table.iter());
    let full = wanted.full();
    let Some(image) = all().find(|it| it.repository == wanted.repository) else {
        let (host, _) = wanted.repository.split_once('/').unwrap_or_default();
        if !all().any(|it| it.repository.split('/').next() == Some(host)) {
            return Err(format!(
                "failed to pull and unpack image \"{full}\": failed to resolve reference \"{full}\": failed to do request: \
                 Head \"https://{host}/v2/{}/manifests/{}\": dial tcp: lookup {host}: no such host",
                wanted.repository.split_once('/').map_or("", |(_, path)| path),
                wanted.tag,
            ));
        }
        return Err(format!(
            "failed to pull and unpack image \"{full}\": failed to resolve reference \"{full}\": pull access denied, \
             repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"
        ));
    };
    if image.has_tag(&wanted.tag) {
        return Ok(image);
    }
    Err(format!(
        "failed to pull and unpack image \"{full}\": failed to resolve reference \"{full}\": {full}: not found"
    ))
}

const NGINX_CONF: &str = "server {\n    listen       80;\n    listen  [::]:80;\n    server_name  localhost;\n\n    \
location / {\n        root   /usr/share/nginx/html;\n        index  index.html index.htm;\n    }\n}\n";
const NGINX_PAGE: &str = include_str!("image/nginx.html");

/// What everybody can pull.
#[rustfmt::skip]
pub static IMAGES: &[Image] = &[
    Image {
        repository: "docker.io/library/busybox", tags: &["latest", "1*", "stable*", "musl", "glibc", "uclibc"],
        base: Base::Busybox, cmd: &["sh"], bytes: 2_156_518, ..Image::NONE
    },
    Image {
        repository: "docker.io/library/alpine", tags: &["latest", "3*", "edge"],
        base: Base::Busybox, cmd: &["/bin/sh"], bytes: 3_800_000, ..Image::NONE
    },
    Image {
        repository: "docker.io/library/debian", tags: &["latest", "12*", "bookworm*", "stable*"],
        base: Base::Debian, cmd: &["bash"], bytes: 48_480_000, ..Image::NONE
    },
    Image {
        repository: "docker.io/nicolaka/netshoot", tags: &["latest", "v0*"],
        base: Base::Debian, cmd: &["bash"], bytes: 203_000_000, ..Image::NONE
    },
    Image {
        repository: "docker.io/library/nginx", tags: &["latest", "1*", "stable*", "mainline*", "alpine*", "perl"],
        base: Base::Debian, programs: &[("/usr/sbin/nginx", "nginx")],
        files: &[("/etc/nginx/conf.d/default.conf", NGINX_CONF), ("/usr/share/nginx/html/index.html", NGINX_PAGE)],
        cmd: &["nginx", "-g", "daemon off;"], environment: &[("NGINX_VERSION", "1.22.1")], bytes: 72_099_410, ..Image::NONE
    },
    Image {
        repository: "docker.io/library/httpd", tags: &["latest", "2*", "alpine*"],
        base: Base::Debian, programs: &[("/usr/local/bin/httpd-foreground", "httpd")],
        files: &[("/usr/local/apache2/htdocs/index.html", "<html><body><h1>It works!</h1></body></html>\n")],
        cmd: &["httpd-foreground"], workdir: "/usr/local/apache2", bytes: 58_000_000, ..Image::NONE
    },
    Image {
        repository: "docker.io/traefik/whoami", tags: &["latest", "v1*"],
        programs: &[("/whoami", "whoami-server")], entrypoint: &["/whoami"], bytes: 2_900_000, ..Image::NONE
    },
    Image {
        repository: "registry.k8s.io/e2e-test-images/agnhost", tags: &["2*"],
        base: Base::Busybox, programs: &[("/agnhost", "agnhost"), ("/bin/curl", "curl"), ("/bin/dig", "dig")],
        entrypoint: &["/agnhost"], cmd: &["pause"], bytes: 53_000_000, ..Image::NONE
    },
    Image {
        repository: "docker.io/curlimages/curl", tags: &["latest", "7*", "8*"],
        base: Base::Busybox, programs: &[("/usr/bin/curl", "curl")], entrypoint: &["curl"],
        uid: 100, workdir: "/home/curl_user", bytes: 9_600_000, ..Image::NONE
    },
    Image {
        repository: "docker.io/library/redis", tags: &["latest", "6*", "7*", "8*", "alpine*"],
        base: Base::Debian, programs: &[("/usr/local/bin/redis-server", "redis-server")],
        cmd: &["redis-server"], workdir: "/data", bytes: 45_000_000, ..Image::NONE
    },
    Image {
        repository: "docker.io/library/python", tags: &["latest", "3*", "slim*", "alpine*"],
        base: Base::Debian, cmd: &["python3"], bytes: 361_000_000, ..Image::NONE
    },
    Image {
        repository: "docker.io/vethlab/caller", tags: &["latest"],
        base: Base::Busybox, programs: &[("/caller", "caller"), ("/bin/curl", "curl")],
        entrypoint: &["/caller"], bytes: 1_000_000, ..Image::NONE
    },
    Image {
        repository: "registry.k8s.io/pause", tags: &["3*"],
        programs: &[("/pause", "pause")], entrypoint: &["/pause"], bytes: 320_000, ..Image::NONE
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_of_docker_hub_and_its_latest() {
        let full = |text| Reference::parse(text).map(|it| it.full()).unwrap_or_default();
        assert_eq!(full("nginx"), "docker.io/library/nginx:latest");
        assert_eq!(full("traefik/whoami:v1.10"), "docker.io/traefik/whoami:v1.10");
        assert_eq!(full("registry.k8s.io/pause:3.10.1"), "registry.k8s.io/pause:3.10.1");
        assert_eq!(full("localhost:5000/app"), "localhost:5000/app:latest");
        assert_eq!(full("Nginx"), "");
    }

    #[test]
    fn an_image_that_is_nowhere_says_so_as_containerd_does() {
        let error = |text| {
            let wanted = Reference::parse(text).expect("a name");
            find(&[IMAGES], &wanted).err().unwrap_or_default()
        };
        assert_eq!(error("nginx:1.27"), "");
        assert!(error("nginx:doesnotexist").ends_with("docker.io/library/nginx:doesnotexist: not found"));
        assert!(error("ngnix").contains("pull access denied"));
        assert!(error("example.com/x").ends_with("lookup example.com: no such host"));
    }
}
