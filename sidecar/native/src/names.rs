//! Names looked up by the system's resolver, which blocks and so has a thread of its own.

use mio::Waker;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

#[derive(Debug)]
pub struct Names {
    asked: Sender<String>,
    found: Receiver<(String, Vec<IpAddr>)>,
}

impl Names {
    pub fn new(waker: Arc<Waker>) -> Names {
        let (asked, questions) = channel::<String>();
        let (answers, found) = channel();
        thread::spawn(move || {
            for name in questions {
                let mut addresses: Vec<IpAddr> = (name.as_str(), 0)
                    .to_socket_addrs()
                    .map(|all| all.map(|it| it.ip()).collect())
                    .unwrap_or_default();
                addresses.dedup();
                if answers.send((name, addresses)).is_err() || waker.wake().is_err() {
                    return;
                }
            }
        });
        Names { asked, found }
    }

    pub fn ask(&self, name: String) {
        // The thread lives as long as this.
        self.asked.send(name).unwrap_or_default();
    }

    pub fn answered(&self) -> Option<(String, Vec<IpAddr>)> {
        self.found.try_recv().ok()
    }
}
