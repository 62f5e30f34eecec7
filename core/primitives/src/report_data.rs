//! What a worker's evidence binds: the 64 bytes that the TEE signs along with its measurement.

use codec::Encode;
use sha2::{Digest, Sha512};

use crate::{AccountId, BootKem, BootSign, Domain, Hash256, WorkerId};

/// One boot of a worker on one chain, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode)]
pub struct BootBinding {
    /// The genesis hash of the chain.
    pub genesis: Hash256,
    /// The boot's signing key.
    pub boot_sign: BootSign,
    /// The boot's key for envelopes.
    pub boot_kem: BootKem,
    /// The worker.
    pub worker: WorkerId,
    /// The account that registers it.
    pub operator: AccountId,
    /// The number of a recent finalised block: evidence ages with it.
    pub block: u32,
    /// Its hash.
    pub block_hash: Hash256,
}

impl BootBinding {
    /// SHA-512 of the domain [`Domain::Attest`], length-prefixed, and the SCALE encoding of the fields in their order. All
    /// fields have fixed lengths, so that no two bindings encode alike.
    pub fn report_data(&self) -> [u8; 64] {
        Sha512::new().chain_update(Domain::Attest.prefix()).chain_update(self.encode()).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINDING: BootBinding = BootBinding {
        genesis: [1; 32],
        boot_sign: BootSign([2; 32]),
        boot_kem: BootKem([3; 32]),
        worker: WorkerId([4; 32]),
        operator: AccountId([5; 32]),
        block: 6,
        block_hash: [7; 32],
    };

    #[test]
    fn the_bytes_are_frozen() {
        // `python3 -c "import hashlib; t=b'phala/attest/v1'; print(hashlib.sha512(bytes([len(t)<<2])+t+b''.join(bytes([i])*32
        // for i in range(1,6))+(6).to_bytes(4,'little')+bytes([7])*32).hexdigest())"`
        assert_eq!(hex::encode(BINDING.report_data()), FROZEN);
    }

    #[test]
    fn every_field_counts() {
        for other in [
            BootBinding { genesis: [0; 32], ..BINDING },
            BootBinding { boot_sign: BootSign([0; 32]), ..BINDING },
            BootBinding { boot_kem: BootKem([0; 32]), ..BINDING },
            BootBinding { worker: WorkerId([0; 32]), ..BINDING },
            BootBinding { operator: AccountId([0; 32]), ..BINDING },
            BootBinding { block: 7, ..BINDING },
            BootBinding { block_hash: [0; 32], ..BINDING },
        ] {
            assert_ne!(other.report_data(), BINDING.report_data());
        }
    }

    const FROZEN: &str = "56d14aafc5f774b4240b1ffd8a2e057bc55abc737a816d777b53331a58958037133bff088ec5d311f50fec5672b7d9c4f086688468de111b47310f631c8044ff";
}
