//! The cluster's log, from the pages that nodes give to what executing them has come to.
//!
//! ```text
//! page ─▶ Catchup ─▶ stretch up to a proven head ─▶ fold ─▶ whole blocks ─▶ Following: executed and committed
//!                                  ▲                                           │
//!                                  └── asked for again ◀── the code ◀── code is missing
//! ```

use phala_light_client::{Verified, log::fold};
use phala_primitives::{ClusterId, LogHead, Message, message::MessageV1};
use phat_engine::Stack;

use super::{
    catchup::{Catchup, Stretch},
    error::StepError,
};
use crate::{
    chain::Chain,
    cluster::unpack,
    exchange::{Effect, Page, Want},
    execute::ExecuteError,
    following::Following,
    record::UploadRecord,
    store::{Commit, Store, Table},
};

/// Messages that are asked for at once.
const MESSAGES: u32 = 1024;

/// A log as far as it is executed, and what is on its way.
pub struct Log {
    /// Up to where it is executed.
    pub following: Following,
    catchup: Catchup,
    /// Without it the next messages cannot be executed.
    needed_code: Option<Box<UploadRecord>>,
}

impl Log {
    /// Goes on from what was executed.
    pub fn new(following: Following) -> Self {
        Self { following, catchup: Catchup::default(), needed_code: None }
    }

    /// Code, or messages, if there is more than is executed.
    pub fn want(&self, cluster: ClusterId, chain: &Chain) -> Option<Want> {
        if let Some(record) = &self.needed_code {
            let upload = record.latest();
            return Some(Want::Code { cluster, code: upload.code, chunks: upload.chunks.to_vec() });
        }
        let position = self.following.position();
        let head = self.catchup.head(chain.head.as_ref()?, &position)?;
        Some(Want::Messages { cluster, head, from: position.next_index, limit: MESSAGES })
    }

    /// Nobody had what was wanted.
    pub fn missed(&mut self) {
        self.catchup.drop_held();
    }

    /// How many messages a first pass over a long log still has to go through.
    pub fn to_survey(&self) -> u64 {
        self.catchup.to_survey()
    }

    /// Takes the chunks of the code that is needed.
    pub fn take_code(
        &mut self,
        store: &dyn Store,
        chunks: &[Vec<u8>],
        effects: &mut Vec<Effect>,
    ) -> Result<(), StepError> {
        let Some(record) = self.needed_code.clone() else { return Ok(()) };
        let upload = record.latest();
        let right = chunks.len() == upload.chunks.len()
            && chunks.iter().zip(&upload.chunks).all(|(chunk, hash)| sp_crypto_hashing::blake2_256(chunk) == *hash);
        if !right {
            return Err(StepError::Node("chunks of code do not have the chain's hashes".into()));
        }
        let component = unpack(&record, chunks);
        self.following.judge(&record, component.is_some());
        match component {
            Some(component) => {
                let records = vec![(Table::Code, record.name().to_vec(), Some(component))];
                store.commit(Commit { records, ..Commit::default() })?;
                self.following.rebase()?;
            }
            None => effects.push(Effect::Note(format!("an upload of {} is not what its hash says", upload.code))),
        }
        self.needed_code = None;
        Ok(())
    }

    /// Takes a page, and executes what is complete.
    pub fn take_messages(
        &mut self,
        stack: &Stack,
        page: Page,
        proven: &Verified<LogHead>,
        effects: &mut Vec<Effect>,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<(), StepError> {
        let result = self.execute(stack, page, proven, effects, rng);
        if result.is_err() {
            self.catchup = Catchup::default();
        }
        result
    }

    fn execute(
        &mut self,
        stack: &Stack,
        page: Page,
        proven: &Verified<LogHead>,
        effects: &mut Vec<Effect>,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<(), StepError> {
        if page.bodies.is_empty() {
            return Err(StepError::Node("no messages, where the chain has some".into()));
        }
        let mut position = self.following.position();
        let Some(Stretch { end, bodies }) = self.catchup.take(page, proven, &position)? else { return Ok(()) };
        let messages = fold(&end, &position, &bodies)?;
        let mut list: Vec<(&MessageV1, LogHead)> = Vec::with_capacity(messages.len());
        for (message, body) in messages.iter().zip(&bodies) {
            let Message::V1(message) = &**message;
            position = position.append(body).map_err(|_| StepError::Operator("the log is full".into()))?;
            list.push((message, position));
        }
        if *end != **proven {
            keep_whole_blocks(&mut list)?;
        }
        match self.following.execute(stack, &list, rng) {
            Ok(lines) => {
                if !lines.is_empty() {
                    effects.push(Effect::Lines(lines));
                }
                self.catchup.executed();
                Ok(())
            }
            Err(ExecuteError::CodeMissing(upload)) => {
                self.needed_code = Some(upload);
                Ok(())
            }
            Err(ExecuteError::Host(failure)) => Err(failure.into()),
            Err(ExecuteError::State(fault)) => Err(fault.into()),
            Err(error @ ExecuteError::Revision(_)) => Err(StepError::Operator(error.to_string())),
        }
    }
}

/// A chunk may end within a block: that one is left to the next chunk. What a block has executed is settled at its end,
/// as everywhere.
fn keep_whole_blocks(list: &mut Vec<(&MessageV1, LogHead)>) -> Result<(), StepError> {
    let block = list.last().map(|(message, _)| message.block);
    let whole = list.partition_point(|(message, _)| Some(message.block) != block);
    if whole == 0 {
        return Err(StepError::Operator("a block has more messages than fit into a chunk".into()));
    }
    list.truncate(whole);
    Ok(())
}
