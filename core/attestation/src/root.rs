//! Which of the trusted roots a quote appeals to.

use alloc::vec::Vec;
use der::Decode;
use x509_cert::Certificate;

use crate::{
    AttestationError::{self, MalformedRoot, UntrustedRoot},
    TrustedRoot,
};

/// The trusted root whose key the last certificate of the quote's own chain has.
///
/// This only chooses which root verification starts from. That the chain really leads there is what verification proves;
/// a quote that names a root it does not descend from fails there.
pub fn choose<'r>(roots: &'r [TrustedRoot], chain: &[Vec<u8>]) -> Result<&'r TrustedRoot, AttestationError> {
    let claimed = chain.last().and_then(|der| Certificate::from_der(der).ok()).ok_or(UntrustedRoot)?;
    let mut refusal = UntrustedRoot;
    for root in roots {
        match Certificate::from_der(&root.certificate) {
            Ok(trusted) if same_key(&trusted, &claimed) => return Ok(root),
            Ok(_) => {}
            Err(_) => refusal = MalformedRoot,
        }
    }
    Err(refusal)
}

fn same_key(one: &Certificate, other: &Certificate) -> bool {
    one.tbs_certificate().subject_public_key_info() == other.tbs_certificate().subject_public_key_info()
}
