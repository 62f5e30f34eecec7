//! Sealed commands. The additional data name who sends and to whom, so that nobody can send another's ciphertext as their own.

use alloc::vec::Vec;
use codec::Encode;
use phala_primitives::{AccountId, ClusterId, ContractId, Domain, Hash256, message::Sealed};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::{
    kdf::bound,
    kem::{KemSecret, OpenError, SealError, seal},
};

/// What a sealed command is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode)]
pub struct CommandContext {
    /// The chain.
    pub genesis: Hash256,
    /// The cluster.
    pub cluster: ClusterId,
    /// Whom it is for.
    pub contract: ContractId,
    /// The account that sends it.
    pub sender: AccountId,
    /// The epoch of the contract's key.
    pub epoch: u32,
}

impl CommandContext {
    fn info(&self) -> Vec<u8> {
        bound(Domain::Command, &self.genesis, &(self.cluster, self.contract, self.epoch))
    }

    fn aad(&self) -> Vec<u8> {
        bound(Domain::Command, &self.genesis, &(self.cluster, self.contract, self.sender, self.epoch))
    }
}

/// Seals a command to a contract's key, as the chain shows it.
pub fn seal_command(
    kem: &[u8; 32],
    context: &CommandContext,
    plaintext: &[u8],
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Sealed, SealError> {
    let (enc, ciphertext) = seal(kem, &context.info(), &context.aad(), plaintext, rng)?;
    let ciphertext = ciphertext.try_into().map_err(|_| SealError)?;
    Ok(Sealed { epoch: context.epoch, enc, ciphertext })
}

/// Opens a command.
pub fn open_command(
    secret: &KemSecret,
    context: &CommandContext,
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    secret.open(&sealed.enc, &context.info(), &context.aad(), &sealed.ciphertext)
}
