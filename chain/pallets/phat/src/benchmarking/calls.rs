//! The benchmarks.

use alloc::{vec, vec::Vec};

use frame_benchmarking::v2::*;
use frame_support::{
    BoundedVec,
    traits::{EnsureOrigin, Get},
};
use frame_system::RawOrigin;
use phala_primitives::{
    ClusterId, CodeHash, Payload, Report, WorkerId,
    cluster::{ClusterStatus, KeyCommitment, MAX_MEMBERS},
    contract::{CODE_CHUNK_BYTES, ContractStatus, MAX_CODE_CHUNKS},
    message::Sealed,
    report::{CommandKey, ReportV1, key_commitment_digest},
};
use sp_io::hashing::blake2_256;

use super::{setup::*, *};

/// Commands to contracts are sealed: their key is read.
fn sealed(bytes: u32) -> Payload {
    let ciphertext = BoundedVec::truncate_from(vec![5; bytes as usize]);
    Payload::Sealed(Sealed { epoch: 0, enc: [3; 32], ciphertext })
}

/// A cluster with one member, and the report that the member will send on messages like these.
fn settling<T: Config>(
    count: u32,
    status: ContractStatus,
    work: impl Fn(u32) -> Work,
) -> Result<ReportV1, BenchmarkError> {
    let cluster = cluster::<T>(1)?;
    join::<T>(cluster, 1)?;
    let messages: Result<Vec<_>, BenchmarkError> = (0..count)
        .map(|n| {
            let user = user::<T>(n);
            let contract = contract::<T>(cluster, n, &user, status)?;
            pending::<T>(user, contract, work(n))
        })
        .collect();
    Ok(wait::<T>(cluster, messages?))
}

/// The arguments of a report by worker 0.
fn signed<T: Config>(report: ReportV1) -> Result<(Report, WorkerId, [u8; 64]), BenchmarkError> {
    let signature = sign(digest::<T>(&report))?;
    Ok((Report::V1(report), WorkerId(id(b'w', 0)), signature))
}

#[benchmarks]
mod benches {
    use super::*;

    #[benchmark]
    fn create_cluster() -> Result<(), BenchmarkError> {
        begin::<T>();
        let owner = caller::<T>();
        #[extrinsic_call]
        create_cluster(RawOrigin::Signed(owner), widest(1));
        assert_eq!(NextCluster::<T>::get(), ClusterId(1));
        Ok(())
    }

    #[benchmark]
    fn configure_cluster() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let members = join::<T>(cluster, MAX_MEMBERS)?;
        vote::<T>(cluster, &members, 0, 1, [1; 32]);
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        configure_cluster(origin, cluster, widest(2));
        assert_eq!(Votes::<T>::iter().count(), 0);
        Ok(())
    }

    #[benchmark]
    fn offer_worker() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let operator = caller::<T>();
        let worker = worker::<T>(0, &operator);
        #[extrinsic_call]
        offer_worker(RawOrigin::Signed(operator), worker, Some(cluster));
        assert_eq!(Consents::<T>::get(worker), Some(cluster));
        Ok(())
    }

    #[benchmark]
    fn add_member() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        join::<T>(cluster, MAX_MEMBERS - 1)?;
        let worker = worker::<T>(MAX_MEMBERS, &user::<T>(1));
        Consents::<T>::insert(worker, cluster);
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        add_member(origin, cluster, worker);
        assert_eq!(Members::<T>::get(cluster).len(), MAX_MEMBERS as usize);
        Ok(())
    }

    #[benchmark]
    fn remove_member() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let members = join::<T>(cluster, MAX_MEMBERS)?;
        vote::<T>(cluster, &members, 0, 1, [1; 32]);
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        remove_member(origin, cluster, WorkerId(id(b'w', 0)));
        assert_eq!(Members::<T>::get(cluster).len(), MAX_MEMBERS as usize - 1);
        Ok(())
    }

    #[benchmark]
    fn commit_keys() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        join::<T>(cluster, 1)?;
        let keys = KeyCommitment { identity: [1; 32], epoch: 0, epoch_root: [2; 32] };
        let signature = sign(key_commitment_digest(&Pallet::<T>::genesis_hash(), cluster, &keys))?;
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        commit_keys(origin, cluster, WorkerId(id(b'w', 0)), keys, signature);
        assert!(Clusters::<T>::get(cluster).is_some_and(|entry| entry.latest().keys.is_some()));
        Ok(())
    }

    #[benchmark]
    fn declare_code() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let bytes = CODE_CHUNK_BYTES * MAX_CODE_CHUNKS;
        let chunks = BoundedVec::truncate_from((0..MAX_CODE_CHUNKS).map(|n| id(b'h', n)).collect());
        let code = CodeHash([1; 32]);
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        declare_code(origin, cluster, code, bytes, bytes, chunks);
        assert_eq!(Uploads::<T>::iter().count(), 1);
        Ok(())
    }

    /// The last of all chunks.
    #[benchmark]
    fn upload_chunk(b: Linear<1, 1_048_576>) -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let owner = caller::<T>();
        let bytes = vec![7; b as usize];
        let last = MAX_CODE_CHUNKS - 1;
        let code = upload::<T>(cluster, 0, &owner, last, (blake2_256(&bytes), b))?;
        #[extrinsic_call]
        upload_chunk(RawOrigin::Signed(owner), cluster, code, last, BoundedVec::truncate_from(bytes));
        assert_eq!(Judging::<T>::iter().count(), 1);
        Ok(())
    }

    /// Of code; an upload is found at the first look.
    #[benchmark]
    fn remove_code() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let owner = caller::<T>();
        let code = code::<T>(cluster, 0, &owner)?;
        time_out::<T>();
        #[extrinsic_call]
        remove_code(RawOrigin::Signed(owner), cluster, code);
        assert!(!Codes::<T>::contains_key(cluster, code));
        Ok(())
    }

    #[benchmark]
    fn instantiate(p: Linear<0, 262_144>) -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let code = code::<T>(cluster, 0, &user::<T>(1))?;
        let payload = Payload::Plain(BoundedVec::truncate_from(vec![5; p as usize]));
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        instantiate(origin, cluster, code, payload, GAS, VALUE, VALUE);
        assert_eq!(Contracts::<T>::iter().count(), 1);
        Ok(())
    }

    #[benchmark]
    fn command(p: Linear<0, 262_144>) -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let contract = contract::<T>(cluster, 0, &user::<T>(1), ContractStatus::Live)?;
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        command(origin, contract, sealed(p), GAS, VALUE);
        assert_eq!(Pendings::<T>::iter().count(), 1);
        Ok(())
    }

    #[benchmark]
    fn upgrade(p: Linear<0, 262_144>) -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let owner = caller::<T>();
        let contract = contract::<T>(cluster, 0, &owner, ContractStatus::Live)?;
        let code = code::<T>(cluster, 1, &user::<T>(1))?;
        #[extrinsic_call]
        upgrade(RawOrigin::Signed(owner), contract, code, sealed(p), GAS);
        assert_eq!(Pendings::<T>::iter().count(), 1);
        Ok(())
    }

    /// Of a contract that runs; one whose constructor failed is closed at once, as by `reclaim_contract`.
    #[benchmark]
    fn terminate_contract() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let owner = caller::<T>();
        let contract = contract::<T>(cluster, 0, &owner, ContractStatus::Live)?;
        #[extrinsic_call]
        terminate_contract(RawOrigin::Signed(owner), contract);
        assert_eq!(Pendings::<T>::iter().count(), 1);
        Ok(())
    }

    /// With this many members, each of which has said something.
    #[benchmark]
    fn terminate_cluster(v: Linear<0, 64>) -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let members = join::<T>(cluster, v)?;
        vote::<T>(cluster, &members, 0, 1, [1; 32]);
        contest::<T>(cluster, &members);
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        terminate_cluster(origin, cluster);
        assert_eq!(MemberOf::<T>::iter().count(), 0);
        Ok(())
    }

    /// A word that contradicts those of all others.
    #[benchmark]
    fn report_vote() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(MAX_MEMBERS as u16)?;
        let members = join::<T>(cluster, MAX_MEMBERS)?;
        let report = wait_for_one::<T>(cluster)?;
        vote::<T>(cluster, &members[1..], 1, report.boundary.index, [1; 32]);
        let (report, worker, signature) = signed::<T>(report)?;
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        report(origin, report, worker, signature);
        assert_eq!(Contested::<T>::iter().count(), MAX_MEMBERS as usize);
        Ok(())
    }

    /// A word that contradicts what has taken effect.
    #[benchmark]
    fn report_late() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(2)?;
        join::<T>(cluster, MAX_MEMBERS)?;
        let report = wait_for_one::<T>(cluster)?;
        let done = phala_primitives::report::ReportedV1 {
            boundary: report.boundary,
            state_root: [1; 32],
            receipts_root: [1; 32],
            first_index: report.first_index,
        };
        Reported::<T>::insert(cluster, phala_primitives::report::Reported::V1(done));
        let (report, worker, signature) = signed::<T>(report)?;
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        report(origin, report, worker, signature);
        assert!(Suspended::<T>::contains_key(cluster, worker));
        Ok(())
    }

    #[benchmark]
    fn report_instantiates(m: Linear<1, 256>) -> Result<(), BenchmarkError> {
        let report = settling::<T>(m, ContractStatus::Pending, |_| Work::Instantiate)?;
        let (report, worker, signature) = signed::<T>(report)?;
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        report(origin, report, worker, signature);
        assert_eq!(Pendings::<T>::iter().count(), 0);
        Ok(())
    }

    /// With a value, which no upgrade has: so it stands for a constructor that fails as well.
    #[benchmark]
    fn report_upgrades(m: Linear<1, 256>) -> Result<(), BenchmarkError> {
        let report = settling::<T>(m, ContractStatus::Live, |n| Work::Upgrade(CodeHash(id(b'n', n))))?;
        let (report, worker, signature) = signed::<T>(report)?;
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        report(origin, report, worker, signature);
        assert_eq!(Pendings::<T>::iter().count(), 0);
        Ok(())
    }

    #[benchmark]
    fn report_terminates(m: Linear<1, 256>) -> Result<(), BenchmarkError> {
        let report = settling::<T>(m, ContractStatus::Terminating, |_| Work::Terminate)?;
        let (report, worker, signature) = signed::<T>(report)?;
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        report(origin, report, worker, signature);
        assert_eq!(Contracts::<T>::iter().count(), 0);
        Ok(())
    }

    /// Each is right, and not the first: it is looked for among the codes, and its deposit returns. One that is the
    /// first writes an entry instead, which is less.
    #[benchmark]
    fn report_uploads(m: Linear<1, 256>) -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        join::<T>(cluster, 1)?;
        let uploads: Result<Vec<_>, BenchmarkError> = (0..m)
            .map(|n| {
                let (first, second) = (user::<T>(2 * n), user::<T>(2 * n + 1));
                code::<T>(cluster, n, &first)?;
                let code = upload::<T>(cluster, n, &second, MAX_CODE_CHUNKS, ([0; 32], 1))?;
                Ok((code, Pallet::<T>::account(&second)))
            })
            .collect();
        let report = judge::<T>(cluster, uploads?);
        let (report, worker, signature) = signed::<T>(report)?;
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        report(origin, report, worker, signature);
        assert_eq!((Uploads::<T>::iter().count(), Judging::<T>::iter().count()), (0, 0));
        Ok(())
    }

    #[benchmark]
    fn report_keys(k: Linear<0, 256>) -> Result<(), BenchmarkError> {
        let mut report = settling::<T>(1, ContractStatus::Live, |_| Work::Command)?;
        let owner = user::<T>(1);
        let keys: Result<Vec<_>, BenchmarkError> = (1..=k)
            .map(|n| {
                let contract = contract::<T>(report.cluster, n, &owner, ContractStatus::Live)?;
                Ok((contract, CommandKey { epoch: 0, kem: [8; 32] }))
            })
            .collect();
        report.command_keys = BoundedVec::truncate_from(keys?);
        let (report, worker, signature) = signed::<T>(report)?;
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        report(origin, report, worker, signature);
        assert_eq!(CommandKeys::<T>::iter_values().filter(|key| key.kem == [8; 32]).count(), k as usize);
        Ok(())
    }

    /// In a frozen cluster of all members that there can be, all of whom have said something. The other ones agree.
    #[benchmark]
    fn report_suspends(s: Linear<0, 62>) -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(2)?;
        let members = join::<T>(cluster, MAX_MEMBERS)?;
        let report = wait_for_one::<T>(cluster)?;
        let index = report.boundary.index;
        let honest = MAX_MEMBERS - s;
        vote::<T>(cluster, &members[1..honest as usize], 1, index, digest::<T>(&report));
        vote::<T>(cluster, &members[honest as usize..], honest, index, [1; 32]);
        contest::<T>(cluster, &members);
        Pallet::<T>::change(cluster, |entry| entry.status = ClusterStatus::Frozen);
        let (report, worker, signature) = signed::<T>(report)?;
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        report(origin, report, worker, signature);
        assert_eq!(Suspended::<T>::iter().count(), s as usize);
        Ok(())
    }

    #[benchmark]
    fn refund_expired() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let index = wait_for_one::<T>(cluster)?.first_index;
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        refund_expired(origin, cluster, index);
        assert!(Pendings::<T>::get(cluster, index).is_some_and(|pending| pending.gas == 0));
        Ok(())
    }

    /// The end of a contract, with gas and value besides, which it never has: so it stands for all messages.
    #[benchmark]
    fn reclaim() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let user = user::<T>(0);
        let contract = contract::<T>(cluster, 0, &user, ContractStatus::Terminating)?;
        let index = wait::<T>(cluster, vec![pending::<T>(user, contract, Work::Terminate)?]).first_index;
        Pallet::<T>::change(cluster, |entry| entry.status = ClusterStatus::Terminated);
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        reclaim(origin, cluster, index);
        assert_eq!((Pendings::<T>::iter().count(), Contracts::<T>::iter().count()), (0, 0));
        Ok(())
    }

    #[benchmark]
    fn reclaim_contract() -> Result<(), BenchmarkError> {
        let cluster = cluster::<T>(1)?;
        let contract = contract::<T>(cluster, 0, &user::<T>(0), ContractStatus::Live)?;
        Pallet::<T>::change(cluster, |entry| entry.status = ClusterStatus::Terminated);
        let origin = RawOrigin::Signed(caller::<T>());
        #[extrinsic_call]
        reclaim_contract(origin, contract);
        assert_eq!(Contracts::<T>::iter().count(), 0);
        Ok(())
    }

    #[benchmark]
    fn resolve(s: Linear<0, 64>) -> Result<(), BenchmarkError> {
        let origin = T::AdminOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
        let cluster = cluster::<T>(2)?;
        let members = join::<T>(cluster, MAX_MEMBERS)?;
        vote::<T>(cluster, &members, 0, 1, [1; 32]);
        contest::<T>(cluster, &members);
        Pallet::<T>::change(cluster, |entry| entry.status = ClusterStatus::Frozen);
        let suspended = BoundedVec::truncate_from(members.into_iter().take(s as usize).collect());
        #[extrinsic_call]
        resolve(origin as T::RuntimeOrigin, cluster, suspended);
        assert_eq!(Suspended::<T>::iter().count(), s as usize);
        Ok(())
    }

    #[benchmark]
    fn set_bounds() -> Result<(), BenchmarkError> {
        let origin = T::AdminOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
        #[extrinsic_call]
        set_bounds(origin as T::RuntimeOrigin, bounds());
        assert_eq!(CurrentBounds::<T>::get(), bounds());
        Ok(())
    }
}
