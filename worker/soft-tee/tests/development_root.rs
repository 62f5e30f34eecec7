//! The root that development chains list in their genesis is the one of the public seed.

use phala_soft_tee::{Seed, Vendor};
use std::fs;

/// If this fails because the vendor's certificates changed on purpose: write the output of `phala-soft-tee root --hex` to
/// the file as raw bytes, and start development chains anew.
#[test]
fn the_runtime_lists_the_root_of_the_public_seed() {
    let derived = Vendor::new(Seed::development()).unwrap().trusted_root().unwrap();
    let listed = fs::read("../../chain/runtime/src/development_root.der").unwrap();
    assert!(listed == derived.certificate.as_slice(), "the file has {} bytes and is another root", listed.len());
}
