//! The pieces of the page: each shows its props and sends callbacks, one component a file.
//!
//! Always: nothing is decided here that a native test could have decided; that stands in `store`.

pub mod bottom_bar;
pub mod check_row;
pub mod crash;
pub mod drawer;
pub mod envelopes;
pub mod icon;
pub mod journey;
pub mod key_row;
pub mod lesson_pane;
pub mod machine;
pub mod objects;
pub mod packet_bytes;
pub mod packet_list;
pub mod packet_tree;
pub mod packets;
pub mod palette;
pub mod picture;
pub mod picture_list;
pub mod scene;
pub mod scrub;
pub mod splitter;
pub mod stamps;
pub mod table;
pub mod terminal;
pub mod terminals;
pub mod time_bar;
pub mod toasts;
pub mod top_bar;

use api::event::Protocol;
use yew::Callback;

/// A callback that is called only where `choose` finds something to say.
pub fn perhaps<In: 'static, Out: 'static>(
    to: &Callback<Out>,
    choose: impl Fn(In) -> Option<Out> + 'static,
) -> Callback<In> {
    let to = to.clone();
    Callback::from(move |input| {
        if let Some(output) = choose(input) {
            to.emit(output);
        }
    })
}

/// Every protocol that has a colour of its own.
pub const PROTOCOLS: [Protocol; 9] = [
    Protocol::Arp,
    Protocol::Icmp,
    Protocol::Tcp,
    Protocol::Udp,
    Protocol::Dns,
    Protocol::Http,
    Protocol::Vxlan,
    Protocol::Ipv6,
    Protocol::Other,
];

/// The end of a CSS class or of a colour's name: `p-tcp`, `--tcp`.
pub fn protocol_class(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Arp => "arp",
        Protocol::Icmp => "icmp",
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Dns => "dns",
        Protocol::Http => "http",
        Protocol::Vxlan => "vxlan",
        Protocol::Ipv6 => "ipv6",
        Protocol::Other => "other",
    }
}
