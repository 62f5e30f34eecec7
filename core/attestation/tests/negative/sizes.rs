//! Bytes that are too many, too few, or counted wrongly.

use phala_attestation::AttestationError as E;
use phala_soft_tee::{Issued, Role};

use super::{ALL, Fault, Layout, TDX, said, signed};

pub const FAULTS: &[Fault] = &[
    signed("no quote", ALL, |i, _, _| i.quote.clear(), E::MalformedQuote),
    signed("half a header", ALL, |i, _, _| i.quote.truncate(24), E::MalformedQuote),
    signed("a quote without its last byte", ALL, |i, _, _| i.quote.truncate(i.quote.len() - 1), E::MalformedQuote),
    signed("a byte after the quote", ALL, |i, _, _| i.quote.push(0), E::TrailingBytes),
    signed("a page of zeros after the quote", ALL, |i, _, _| i.quote.extend([0; 512]), E::TrailingBytes),
    signed(
        "the section counts one byte more",
        ALL,
        |i, _, l| Layout::adjust(&mut i.quote, l.section, 1),
        E::MalformedQuote,
    ),
    signed(
        "the section counts one byte less",
        ALL,
        |i, _, l| Layout::adjust(&mut i.quote, l.section, -1),
        E::TrailingBytes,
    ),
    signed("the section has 4 GB", ALL, |i, _, l| i.quote[l.section..][..4].fill(0xff), E::MalformedQuote),
    signed("the section has no byte", ALL, |i, _, l| i.quote[l.section..][..4].fill(0), E::TrailingBytes),
    signed("the wrapper counts one byte more", TDX, |i, _, l| wrapper(i, l, 1), E::MalformedQuote),
    signed("the wrapper counts one byte less", TDX, |i, _, l| wrapper(i, l, -1), E::TrailingBytes),
    signed(
        "the chain counts one byte more",
        ALL,
        |i, _, l| Layout::adjust(&mut i.quote, l.chain_type + 2, 1),
        E::MalformedQuote,
    ),
    signed(
        "the chain counts one byte less",
        ALL,
        |i, _, l| Layout::adjust(&mut i.quote, l.chain_type + 2, -1),
        E::TrailingBytes,
    ),
    signed(
        "a byte after the chain that the section counts",
        ALL,
        |i, _, l| {
            i.quote.push(0);
            Layout::adjust(&mut i.quote, l.section, 1);
        },
        E::TrailingBytes,
    ),
    // The type of the chain is read one byte off.
    signed("authentication data count one byte more", ALL, |i, _, l| i.quote[l.auth_data] += 1, E::UnsupportedVersion),
    signed("authentication data count one byte less", ALL, |i, _, l| i.quote[l.auth_data] -= 1, E::UnsupportedVersion),
    signed("authentication data of 64 kB", ALL, |i, _, l| i.quote[l.auth_data..][..2].fill(0xff), E::MalformedQuote),
    said("a quote that is longer than allowed", ALL, |d, _| d.quote.chain.extend([Role::PckCa; 12]), E::Oversized),
    signed(
        "collateral that is longer than allowed",
        ALL,
        |i, _, _| {
            i.collateral.tcb_info.push_str(&" ".repeat(32 * 1024));
        },
        E::Oversized,
    ),
];

fn wrapper(issued: &mut Issued, layout: &Layout, by: i32) {
    let at = layout.wrapper.expect("version 4 or 5");
    Layout::adjust(&mut issued.quote, at + 2, by);
}
