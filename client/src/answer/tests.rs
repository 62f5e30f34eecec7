//! Answers that are true, and those that are not true in one thing.

use phala_crypto::BootIdentity;
use phala_light_client::{
    header_hash,
    testing::{TestChain, TestState, validators},
};
use phala_primitives::{
    AccountId, Assurance, ClusterId, CodeHash, ContractId, LogHead, WorkerId,
    contract::{ContractEntry, ContractEntryV1, ContractStatus, PendingUpgrade},
    query::AnswerOutcome,
    report_data::BootBinding,
    storage_key,
    worker::{ClaimsSummary, Measurement, TcbStatus, WorkerEntry, WorkerEntryV1},
};
use phala_soft_tee::{Seed, Statement, Td, Vendor};
use rand_core::OsRng;

use super::*;
use crate::Class;

/// The chain's time, in seconds since the Unix epoch.
const NOW: u64 = 1_800_000_000;
const CLUSTER: ClusterId = ClusterId(7);
const WORKER: WorkerId = WorkerId([2; 32]);
const CONTRACT: ContractId = ContractId([3; 32]);
const CODE: CodeHash = CodeHash([4; 32]);
/// The block that the evidence names.
const NAMED: u32 = 1;
/// The block that answers are about, unless a test says otherwise. Its log has [`MESSAGES`].
const ANSWERED: u32 = 3;
const MESSAGES: u64 = 7;
/// The newest finalised block. Its log has more.
const NEWEST: u32 = 5;

/// A chain with one worker, and what its worker says.
struct World {
    chain: TestChain,
    /// The state after each block, by its number.
    states: Vec<TestState>,
    network: Network,
    boot: BootIdentity,
    evidence: Vec<u8>,
}

impl World {
    /// Up to the block before [`ANSWERED`].
    fn new() -> Self {
        let mut chain = TestChain::new(validators(0, 4));
        let vendor = Vendor::new(Seed::development()).unwrap();
        let config = chain.config().clone();
        let roots = vec![vendor.trusted_root().unwrap()];
        let network = Network::new("test".into(), config.genesis, &config.authorities, roots).unwrap();
        let boot = BootIdentity::generate(&mut OsRng);

        let states = vec![chain.state().clone()];
        let mut world = Self { chain, states, network, boot, evidence: Vec::new() };
        world.block();
        let entry = world.entry();
        let binding = BootBinding {
            genesis: world.network.genesis(),
            boot_sign: entry.boot_sign,
            boot_kem: entry.boot_kem,
            worker: WORKER,
            operator: entry.operator,
            block: NAMED,
            block_hash: header_hash(world.chain.best()),
        };
        let td = Td::new(entry.claims.measurement, binding.report_data());
        world.evidence = vendor.evidence(&td, &Statement::at(NOW)).unwrap().encode();
        let contract = ContractEntryV1 {
            cluster: CLUSTER,
            owner: AccountId([8; 32]),
            code: CODE,
            upgrades: Default::default(),
            status: ContractStatus::Live,
            deposit: 0,
            balance: 0,
        };
        let entry = world.entry();
        let state = world.chain.state();
        state.insert(storage_key::timestamp_now(), (NOW * 1000).encode());
        state.insert(storage_key::worker(WORKER), WorkerEntry::V1(entry).encode());
        state.insert(storage_key::members(CLUSTER), vec![WorkerId([9; 32]), WORKER].encode());
        state.insert(storage_key::contract(CONTRACT), ContractEntry::V1(contract).encode());
        world.block();
        world.log(MESSAGES);
        world
    }

    /// The boot's entry in the registry.
    fn entry(&self) -> WorkerEntryV1 {
        let measurement = Measurement([6; 48]);
        WorkerEntryV1 {
            operator: AccountId([5; 32]),
            boot_sign: self.boot.boot_sign(),
            boot_kem: self.boot.boot_kem(),
            boot_count: 1,
            claims: ClaimsSummary { measurement, tcb: TcbStatus::UpToDate, assurance: Assurance::Software },
            evidence: sp_crypto_hashing::blake2_256(&self.evidence),
            evidence_block: NAMED,
            registered_at: 2,
            endpoint: None,
        }
    }

    /// From the next block on the log has so many messages.
    fn log(&mut self, next_index: u64) {
        let head = LogHead { next_index, hash: [1; 32] };
        self.chain.state().insert(storage_key::log_head(CLUSTER), head.encode());
    }

    /// The next block. As the chain does, its state remembers the block before it.
    fn block(&mut self) {
        let (number, hash) = (self.chain.best().number, header_hash(self.chain.best()));
        self.chain.state().insert(storage_key::block_hash(number), hash.to_vec());
        self.states.push(self.chain.state().clone());
        self.chain.block();
    }

    /// Blocks up to [`NEWEST`], with news that come after the answer.
    fn finish(&mut self) {
        self.block();
        self.log(MESSAGES + 2);
        while self.chain.best().number < NEWEST {
            self.block();
        }
    }

    fn header(&self, number: u32) -> &Header {
        &self.chain.headers()[number as usize]
    }

    /// What an honest worker answers about a block.
    fn answer(&self, block: u32) -> (Question, AnswerV1) {
        let ask = Ask::Contract { contract: CONTRACT, input: b"price".to_vec().try_into().unwrap() };
        let question = Question { ask, session: SessionId([1; 16]), sequence: 4 };
        let answer = AnswerV1 {
            request: question.digest(&self.network.genesis()),
            cluster: CLUSTER,
            worker: WORKER,
            boot_count: 1,
            assurance: Assurance::Software,
            block,
            block_hash: header_hash(self.header(block)),
            log_index: if block <= ANSWERED { MESSAGES } else { MESSAGES + 2 },
            state_root: [2; 32],
            code: Some(CODE),
            outcome: AnswerOutcome::Output(b"42".to_vec()),
        };
        (question, answer)
    }

    /// The answer as the worker signs it, with what an honest node shows for it.
    fn file(&self, question: &Question, answer: AnswerV1, header: &Header) -> AnswerFile {
        let block = answer.block;
        let answer = Answer::V1(answer);
        let signature = self.boot.sign(&answer.digest(&self.network.genesis()));
        let signed = SignedAnswer { answer, signature };
        let mut keys = state_keys(CLUSTER, WORKER, Some(CONTRACT));
        keys.push(storage_key::block_hash(NAMED));
        let state = self.states.get(block as usize).unwrap_or(&self.states[NEWEST as usize]).prove(&keys);
        let head = self.states[NEWEST as usize].prove(&head_keys(block));
        let finality = [FinalityProof::V1(vec![self.chain.finalize()]).encode()];
        let shown = Shown { question, signed: &signed, header, head: &head, state: &state, evidence: &self.evidence };
        AnswerFile::new(&self.network, &finality, &shown)
    }

    fn verify(&self, file: &AnswerFile) -> Result<Verified> {
        // as it is read from a disk
        AnswerFile::parse(file.to_json().as_bytes())?.verify(&self.network, &mut |_| ())
    }
}

/// What comes of an answer about [`ANSWERED`] when the chain's state at that block, or the answer itself, is another one.
fn outcome(change_state: impl FnOnce(&mut TestState), change: impl FnOnce(&mut AnswerV1)) -> Result<Verified> {
    let mut world = World::new();
    change_state(world.chain.state());
    world.finish();
    let (question, mut answer) = world.answer(ANSWERED);
    change(&mut answer);
    let header = world.header(ANSWERED).clone();
    world.verify(&world.file(&question, answer, &header))
}

/// By which check it is refused.
fn refused(result: Result<Verified>) -> String {
    let failure = result.err().unwrap();
    assert_eq!(failure.class, Class::Untrue, "{failure}");
    failure.message.split(':').next().unwrap().to_owned()
}

fn lie(change: impl FnOnce(&mut AnswerV1)) -> String {
    refused(outcome(|_| (), change))
}

/// By which check an answer is refused while this is in the registry.
fn registered(change: impl FnOnce(&mut WorkerEntryV1)) -> String {
    let change_state = |state: &mut TestState| {
        let bytes = state.get(&storage_key::worker(WORKER)).unwrap().to_vec();
        let WorkerEntry::V1(mut entry) = WorkerEntry::from_wire(&bytes).unwrap();
        change(&mut entry);
        state.insert(storage_key::worker(WORKER), WorkerEntry::V1(entry).encode());
    };
    refused(outcome(change_state, |_| ()))
}

#[test]
fn an_answer_is_checked_as_of_its_own_block() {
    let verified = outcome(|_| (), |_| ()).unwrap();
    let names: Vec<_> = verified.checks.iter().map(|check| check.name).collect();
    assert_eq!(names, ["finality", "state", "registry", "evidence", "code", "answer"]);
    assert_eq!(verified.answer.log_index, MESSAGES);
    // about the newest block, which its own state does not remember
    let mut world = World::new();
    world.finish();
    let (question, answer) = world.answer(NEWEST);
    let header = world.header(NEWEST).clone();
    let verified = world.verify(&world.file(&question, answer, &header)).unwrap();
    assert_eq!(verified.checks.len(), 6);
}

/// Under the rule "no more than the newest block's log has" a worker that is kept from messages would pass.
#[test]
fn an_answer_from_another_state_than_its_blocks_log_leads_to_is_refused() {
    let withheld = outcome(|_| (), |answer| answer.log_index = MESSAGES - 1).err().unwrap();
    assert_eq!(withheld.class, Class::Untrue);
    assert!(withheld.message.contains("1 of the 7 messages"), "{withheld}");
    // what the chain has by now, it did not have at that block
    assert_eq!(lie(|answer| answer.log_index = MESSAGES + 1), "answer");
    assert_eq!(refused(outcome(|state| state.remove(&storage_key::log_head(CLUSTER)), |_| ())), "answer");
}

#[test]
fn a_boot_that_is_not_live_at_the_block_is_refused() {
    assert_eq!(registered(|entry| entry.boot_count = 2), "registry");
    // a key that the evidence does not bind, which is what a forged entry would have
    assert_eq!(registered(|entry| entry.boot_sign = BootIdentity::generate(&mut OsRng).boot_sign()), "evidence");
    assert_eq!(registered(|entry| entry.evidence = [0; 32]), "evidence");
    assert_eq!(registered(|entry| entry.claims.assurance = Assurance::Hardware), "evidence");
    assert_eq!(registered(|entry| entry.claims.measurement = Measurement([0; 48])), "evidence");
    assert_eq!(refused(outcome(|state| state.remove(&storage_key::worker(WORKER)), |_| ())), "registry");
    assert_eq!(lie(|answer| answer.boot_count = 2), "registry");
    assert_eq!(lie(|answer| answer.assurance = Assurance::Hardware), "evidence");
}

#[test]
fn a_worker_that_is_no_member_at_the_block_is_refused() {
    let others = vec![WorkerId([9; 32])].encode();
    let alone = outcome(|state| state.insert(storage_key::members(CLUSTER), others), |_| ());
    assert_eq!(refused(alone), "registry");
    assert_eq!(refused(outcome(|state| state.remove(&storage_key::members(CLUSTER)), |_| ())), "registry");
}

#[test]
fn an_answer_about_a_block_that_the_chain_does_not_have_is_refused() {
    assert_eq!(lie(|answer| answer.block_hash = [9; 32]), "state");
    assert_eq!(lie(|answer| answer.block = ANSWERED + 1), "state");
    assert_eq!(lie(|answer| answer.block = NEWEST + 1), "state");
    assert_eq!(lie(|answer| answer.block = u32::MAX), "state");
    // another block's header, under the right hash
    let mut world = World::new();
    world.finish();
    let (question, answer) = world.answer(ANSWERED);
    let other = world.header(ANSWERED + 1).clone();
    assert_eq!(refused(world.verify(&world.file(&question, answer, &other))), "state");
}

#[test]
fn another_code_question_or_signature_is_refused() {
    assert_eq!(lie(|answer| answer.code = Some(CodeHash([0; 32]))), "code");
    assert_eq!(refused(outcome(|state| state.remove(&storage_key::contract(CONTRACT)), |_| ())), "code");
    assert_eq!(lie(|answer| answer.request = [0; 32]), "answer");

    let mut world = World::new();
    world.finish();
    let (question, answer) = world.answer(ANSWERED);
    let header = world.header(ANSWERED).clone();
    let true_one = world.file(&question, answer.clone(), &header);
    world.verify(&true_one).unwrap();
    // signed by a boot that nobody has admitted
    world.boot = BootIdentity::generate(&mut OsRng);
    assert_eq!(refused(world.verify(&world.file(&question, answer.clone(), &header))), "answer");
    // of another boot's evidence, which is as authentic
    let vendor = Vendor::new(Seed::development()).unwrap();
    let other = vendor.evidence(&Td::new(Measurement([6; 48]), [0; 64]), &Statement::at(NOW)).unwrap();
    let mut swapped = true_one.clone();
    swapped.evidence = hex::encode(other.encode());
    assert_eq!(refused(world.verify(&swapped)), "evidence");
    // under a network that trusts another vendor
    let elsewhere = Vendor::new(Seed::from_text("another vendor")).unwrap().trusted_root().unwrap();
    world.network.roots = vec![elsewhere];
    assert_eq!(refused(world.verify(&true_one)), "evidence");
}

/// Changes what the chain says of the contract.
fn contract(state: &mut TestState, change: impl FnOnce(&mut ContractEntryV1)) {
    let key = storage_key::contract(CONTRACT);
    let ContractEntry::V1(mut entry) = ContractEntry::from_wire(state.get(&key).unwrap()).unwrap();
    change(&mut entry);
    state.insert(key, ContractEntry::V1(entry).encode());
}

#[test]
fn a_contract_of_another_cluster_is_refused() {
    let elsewhere = |state: &mut TestState| contract(state, |entry| entry.cluster = ClusterId(8));
    assert_eq!(refused(outcome(elsewhere, |_| ())), "code");
}

/// The answer of a worker that is ahead of its cluster's report, and names this code. On the chain upgrades wait.
fn upgrading(waiting: &[(u64, CodeHash)], named: CodeHash) -> Result<Verified> {
    let upgrades: Vec<_> = waiting.iter().map(|(index, code)| PendingUpgrade { index: *index, code: *code }).collect();
    let wait = |state: &mut TestState| contract(state, |entry| entry.upgrades = upgrades.try_into().unwrap());
    outcome(wait, |answer| answer.code = Some(named))
}

#[test]
fn an_upgrade_that_is_executed_and_not_reported_is_no_lie() {
    let [first, second, never] = [5, 6, 7].map(|byte| CodeHash([byte; 32]));
    let waiting = [(MESSAGES - 2, first), (MESSAGES - 1, second)];
    for named in [first, second] {
        let verified = upgrading(&waiting, named).unwrap();
        let shown = &verified.checks.iter().find(|check| check.name == "code").unwrap().shown;
        assert!(shown.contains(&named.to_string()) && shown.contains("not reported yet"), "{shown}");
    }
    // each may have failed
    let verified = upgrading(&waiting, CODE).unwrap();
    let shown = &verified.checks.iter().find(|check| check.name == "code").unwrap().shown;
    assert!(!shown.contains("not reported"), "{shown}");
    assert_eq!(refused(upgrading(&waiting, never)), "code");
    // no state of this log has executed it
    assert_eq!(refused(upgrading(&[(MESSAGES, first)], first)), "code");
    assert_eq!(refused(upgrading(&[], first)), "code");
}

#[test]
fn every_node_of_the_proofs_is_needed() {
    let mut world = World::new();
    world.finish();
    let (question, answer) = world.answer(ANSWERED);
    let header = world.header(ANSWERED).clone();
    let whole = world.file(&question, answer, &header);
    for at in 0..whole.state.len() {
        let mut file = whole.clone();
        file.state.remove(at);
        assert_eq!(refused(world.verify(&file)), "state", "node {at}");
    }
    for at in 0..whole.head.len() {
        let mut file = whole.clone();
        file.head.remove(at);
        assert_eq!(refused(world.verify(&file)), "finality", "node {at}");
    }
    let mut file = whole.clone();
    file.finality.clear();
    assert_eq!(refused(world.verify(&file)), "finality");
}

#[test]
fn files_of_other_versions_say_so() {
    for (text, expected) in [
        (r#"{"version":1,"network":"test"}"#, "version 1"),
        (r#"{"version":2,"network":"test"}"#, "missing field"),
        ("[]", "no saved answer"),
        ("", "no saved answer"),
    ] {
        let failure = AnswerFile::parse(text.as_bytes()).err().unwrap();
        assert_eq!(failure.class, Class::User);
        assert!(failure.message.contains(expected), "{failure}");
    }
}
