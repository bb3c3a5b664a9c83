//! host-local's ranges: which addresses may be given, and which comes next.
//!
//! Always: a range is checked before any address of it is given; the gateway is never given.
//! Source: containernetworking/plugins 1.1.1 `plugins/ipam/host-local/backend/allocator`.

use super::config::Fields;
use super::result::cidr;
use ipnet::IpNet;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub subnet: IpNet,
    pub start: IpAddr,
    pub end: IpAddr,
    pub gateway: IpAddr,
}

/// Ranges of which one address is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeSet(pub Vec<Range>);

impl Range {
    /// Read but not checked yet; none where it names no subnet.
    pub fn read(fields: &Fields<'_>) -> Result<Option<Given>, String> {
        let address = |name: &str| match fields.text(name)?.as_str() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| format!("invalid IP address: {text}")),
        };
        let subnet = fields.text("subnet")?;
        if subnet.is_empty() && fields.get("subnet").is_none() {
            return Ok(None);
        }
        let (start, end) = (address("rangeStart")?, address("rangeEnd")?);
        Ok(Some(Given { subnet: cidr(&subnet)?, start, end, gateway: address("gateway")? }))
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        self.subnet.contains(&address) && self.start <= address && address <= self.end
    }

    fn overlaps(&self, other: &Range) -> bool {
        self.contains(other.start)
            || self.contains(other.end)
            || other.contains(self.start)
            || other.contains(self.end)
    }

    fn text(&self) -> String {
        format!("{}-{}", self.start, self.end)
    }
}

/// A range as the configuration names it.
pub struct Given {
    subnet: IpNet,
    start: Option<IpAddr>,
    end: Option<IpAddr>,
    gateway: Option<IpAddr>,
}

impl Given {
    fn checked(&self) -> Result<Range, String> {
        let subnet = self.subnet;
        let (prefix, most) = (subnet.prefix_len(), subnet.max_prefix_len());
        if prefix > most - 2 {
            return Err(format!("Network {subnet} too small to allocate from"));
        }
        if subnet.addr() != subnet.network() {
            let network = subnet.network();
            return Err(format!(
                "Network has host bits set. For a subnet mask of length {prefix} the network address is {network}"
            ));
        }
        let first = next(subnet.network());
        let range = Range {
            subnet,
            start: self.start.unwrap_or(first),
            end: self.end.unwrap_or_else(|| last(subnet)),
            gateway: self.gateway.unwrap_or(first),
        };
        if let Some(start) = self.start.filter(|it| !subnet.contains(it)) {
            return Err(format!("RangeStart {start} not in network {subnet}"));
        }
        match self.end.filter(|it| !subnet.contains(it) || *it < range.start) {
            Some(end) => Err(format!("RangeEnd {end} not in network {subnet}")),
            None => Ok(range),
        }
    }
}

impl RangeSet {
    pub fn read(value: &Value) -> Result<Vec<Given>, String> {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let read = |item: &Value| {
            let given = Range::read(&Fields::new("allocator.Range", item)?)?;
            given.ok_or_else(|| "IP <nil> not v4 nor v6".to_owned())
        };
        items.iter().map(read).collect()
    }

    pub fn checked(given: &[Given]) -> Result<RangeSet, String> {
        let mut ranges: Vec<Range> = Vec::new();
        for one in given {
            let range = one.checked()?;
            if ranges.first().is_some_and(|first| first.start.is_ipv4() != range.start.is_ipv4()) {
                return Err("mixed address families".to_owned());
            }
            ranges.push(range);
        }
        if ranges.is_empty() {
            return Err("empty range set".to_owned());
        }
        for (index, range) in ranges.iter().enumerate() {
            if let Some(other) = ranges[index + 1..].iter().find(|other| range.overlaps(other)) {
                return Err(format!("subnets {} and {} overlap", range.text(), other.text()));
            }
        }
        Ok(RangeSet(ranges))
    }

    pub fn range_of(&self, address: IpAddr) -> Option<&Range> {
        self.0.iter().find(|range| range.contains(address))
    }

    pub fn overlaps(&self, other: &RangeSet) -> bool {
        self.0.iter().any(|range| other.0.iter().any(|it| range.overlaps(it)))
    }

    pub fn text(&self) -> String {
        self.0.iter().map(Range::text).collect::<Vec<_>>().join(",")
    }

    /// All addresses from the one after `last` on, and round to it again.
    pub fn after(&self, last: Option<IpAddr>) -> Walk<'_> {
        let at = last.and_then(|last| self.0.iter().position(|range| range.contains(last)));
        Walk { set: self, range: at.unwrap_or(0), at: last.filter(|_| at.is_some()), first: None }
    }
}

/// Goes round a set once.
pub struct Walk<'a> {
    set: &'a RangeSet,
    range: usize,
    at: Option<IpAddr>,
    first: Option<IpAddr>,
}

impl Walk<'_> {
    pub fn step(&mut self) -> Option<(IpNet, IpAddr)> {
        loop {
            let range = &self.set.0[self.range];
            let (range, address) = match self.at {
                None => (range, range.start),
                Some(at) if at == range.end => {
                    self.range = (self.range + 1) % self.set.0.len();
                    let range = &self.set.0[self.range];
                    (range, range.start)
                }
                Some(at) => (range, next(at)),
            };
            self.at = Some(address);
            match self.first {
                None => self.first = Some(address),
                Some(first) if first == address => return None,
                Some(_) => {}
            }
            if address != range.gateway {
                let net = IpNet::new(address, range.subnet.prefix_len()).ok()?;
                return Some((net, range.gateway));
            }
        }
    }
}

fn next(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from(u32::from(v4).wrapping_add(1)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6).wrapping_add(1)).into(),
    }
}

/// Without the broadcast address.
fn last(subnet: IpNet) -> IpAddr {
    match subnet.broadcast() {
        IpAddr::V4(v4) => Ipv4Addr::from(u32::from(v4) - 1).into(),
        v6 => v6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(value: Value) -> Result<RangeSet, String> {
        RangeSet::checked(&RangeSet::read(&value)?)
    }

    #[test]
    fn addresses_go_round_without_the_gateway() {
        let set = set(json!([{"subnet": "10.1.0.0/29", "rangeEnd": "10.1.0.4"}])).unwrap();
        let all = |last: Option<IpAddr>| {
            let mut walk = set.after(last);
            let given = std::iter::from_fn(|| walk.step()).map(|(net, _)| net.addr().to_string());
            given.collect::<Vec<_>>()
        };
        assert_eq!(all(None), ["10.1.0.2", "10.1.0.3", "10.1.0.4"]);
        assert_eq!(all("10.1.0.3".parse().ok()), ["10.1.0.4", "10.1.0.2", "10.1.0.3"]);
    }

    #[test]
    fn a_range_that_cannot_be_is_refused() {
        let wrong = |value: Value| set(value).map(|set| set.text());
        assert_eq!(
            wrong(json!([{"subnet": "10.1.0.0/31"}])),
            Err("Network 10.1.0.0/31 too small to allocate from".to_owned())
        );
        assert_eq!(
            wrong(json!([{"subnet": "10.1.0.5/24"}])),
            Err("Network has host bits set. For a subnet mask of length 24 the network address is 10.1.0.0"
                .to_owned())
        );
        assert_eq!(
            wrong(json!([{"subnet": "10.1.0.0/24", "rangeStart": "10.2.0.1"}])),
            Err("RangeStart 10.2.0.1 not in network 10.1.0.0/24".to_owned())
        );
        assert_eq!(
            wrong(json!([{"subnet": "10.1.0.0/24"}, {"subnet": "10.1.0.0/25"}])),
            Err("subnets 10.1.0.1-10.1.0.254 and 10.1.0.1-10.1.0.126 overlap".to_owned())
        );
    }
}
