//! Names of ports, from /etc/services: getservbyname(3), getservbyport(3).
//!
//! Always: the first line of the file that fits wins.

use crate::sys::Sys;

/// One line of the file.
#[derive(Clone, Debug)]
struct Service {
    names: Vec<String>,
    port: u16,
    protocol: String,
}

#[derive(Clone, Debug, Default)]
pub struct Services(Vec<Service>);

impl Services {
    pub async fn read(sys: &Sys) -> Services {
        let bytes = sys.read_file("/etc/services").await.unwrap_or_default();
        Services::parse(&String::from_utf8_lossy(&bytes))
    }

    pub fn parse(text: &str) -> Services {
        let line = |line: &str| {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let (name, (port, protocol)) = (words.next()?, words.next()?.split_once('/')?);
            let names = std::iter::once(name).chain(words).map(str::to_owned).collect();
            Some(Service { names, port: port.parse().ok()?, protocol: protocol.to_owned() })
        };
        Services(text.lines().filter_map(line).collect())
    }

    pub fn name(&self, port: u16, protocol: &str) -> Option<&str> {
        let found = self.0.iter().find(|it| it.port == port && it.protocol == protocol);
        found.and_then(|it| it.names.first()).map(String::as_str)
    }

    pub fn port(&self, name: &str, protocol: &str) -> Option<u16> {
        self.0
            .iter()
            .find(|it| it.protocol == protocol && it.names.iter().any(|one| one == name))
            .map(|it| it.port)
    }
}
