//! Which addresses contracts may reach: those of the public Internet, by the special-purpose registries of IANA (RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is refused: what kind it is, with its article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forbidden(pub &'static str);

/// Whether contracts may reach this address.
pub fn check(address: IpAddr, allow_loopback: bool) -> Result<(), Forbidden> {
    match address {
        IpAddr::V4(address) => check_v4(address, allow_loopback),
        IpAddr::V6(address) => check_v6(address, allow_loopback),
    }
}

fn check_v4(address: Ipv4Addr, allow_loopback: bool) -> Result<(), Forbidden> {
    let [a, b, c, _] = address.octets();
    let kind = match (a, b, c) {
        (127, ..) if allow_loopback => return Ok(()),
        (127, ..) => "a loopback",
        (10, ..) | (192, 168, _) => "a private",
        (172, 16..=31, _) => "a private",
        // with the metadata services of the clouds
        (169, 254, _) => "a link-local",
        (100, 64..=127, _) => "a carrier's shared",
        (192, 0, 0) | (192, 0, 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) => "a reserved",
        (198, 18..=19, _) => "a benchmarking",
        (0, ..) => "an unspecified",
        (224..=239, ..) => "a multicast",
        (240..=255, ..) => "a reserved",
        _ => return Ok(()),
    };
    Err(Forbidden(kind))
}

fn check_v6(address: Ipv6Addr, allow_loopback: bool) -> Result<(), Forbidden> {
    if address.is_loopback() {
        return if allow_loopback { Ok(()) } else { Err(Forbidden("a loopback")) };
    }
    // addresses that carry an IPv4 address are as good as that one
    if let Some(inner) = embedded(address) {
        return check_v4(inner, allow_loopback);
    }
    let [first, second, ..] = address.segments();
    // only global unicast is assigned at all; parts of it are special
    let kind = match (first, second) {
        _ if address.is_unspecified() => "an unspecified",
        (0xfc00..=0xfdff, _) => "a private",
        (0xfe80..=0xfebf, _) => "a link-local",
        (0xff00..=0xffff, _) => "a multicast",
        (0x2001, 0x0000..=0x01ff) | (0x2001, 0x0db8) | (0x3fff, 0x0000..=0x0fff) => "a reserved",
        (0x2000..=0x3fff, _) => return Ok(()),
        _ => "a reserved",
    };
    Err(Forbidden(kind))
}

/// The IPv4 address inside: mapped, compatible, NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) => Some(v4(g, h)),
        (0, 0, 0, 0, 0, 0) if !address.is_unspecified() => Some(v4(g, h)),
        (0x64, 0xff9b, 0, 0, 0, 0) => Some(v4(g, h)),
        (0x2002, ..) => Some(v4(b, c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str, allow_loopback: bool) -> bool {
        check(address.parse().unwrap(), allow_loopback).is_err()
    }

    #[test]
    fn only_public_addresses_are_reached() {
        for address in [
            "127.0.0.1",
            "127.255.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001:db8::1",
            "::7f00:1",
            "fec0::1",
            "2001::1",
        ] {
            assert!(refused(address, false), "{address}");
        }
        for address in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(!refused(address, false), "{address}");
        }
    }

    #[test]
    fn a_policy_opens_loopback_and_nothing_else() {
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(!refused(address, true), "{address}");
        }
        for address in ["10.0.0.1", "169.254.169.254", "fe80::1", "0.0.0.0"] {
            assert!(refused(address, true), "{address}");
        }
    }
}
