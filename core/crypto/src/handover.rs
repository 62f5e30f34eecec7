//! A cluster's roots on their way from a member that holds them to another member's boot.

use alloc::vec::Vec;
use phala_primitives::{
    BootKem, BootSign, ClusterId, Domain, Hash256, WorkerId, cluster::KeyCommitment, handover::HandoverAnswer,
};
use rand_core::{CryptoRng, RngCore};

use crate::{BootIdentity, ClusterKeys, OpenError, SealError, kdf::bound, kem::seal};

fn info(genesis: &Hash256, cluster: ClusterId, worker: WorkerId, boot: &BootSign) -> Vec<u8> {
    bound(Domain::Handover, genesis, &(cluster, worker, boot))
}

/// Seals the roots to a boot. The caller has seen on the chain that this boot is the worker's live one, and a member.
pub fn seal_keys(
    keys: &ClusterKeys,
    genesis: &Hash256,
    cluster: ClusterId,
    worker: WorkerId,
    boot_sign: &BootSign,
    boot_kem: &BootKem,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<HandoverAnswer, SealError> {
    let info = info(genesis, cluster, worker, boot_sign);
    let (enc, ciphertext) = seal(&boot_kem.0, &info, &[], &*keys.to_plain(), rng)?;
    Ok(HandoverAnswer::V1 { enc, ciphertext })
}

/// Opens the roots. Others than the chain has committed to are refused, whoever sent them.
pub fn open_keys(
    boot: &BootIdentity,
    genesis: &Hash256,
    cluster: ClusterId,
    worker: WorkerId,
    answer: &HandoverAnswer,
    committed: &KeyCommitment,
) -> Result<ClusterKeys, OpenError> {
    let HandoverAnswer::V1 { enc, ciphertext } = answer;
    let info = info(genesis, cluster, worker, &boot.boot_sign());
    let plain = boot.kem().open(enc, &info, &[], ciphertext)?;
    let keys = ClusterKeys::from_plain(&plain).ok_or(OpenError)?;
    if keys.matches(genesis, cluster, committed) { Ok(keys) } else { Err(OpenError) }
}
