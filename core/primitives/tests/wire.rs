//! Every versioned type survives its own encoding, and nothing else passes for it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic here is a failed test"
)]

use codec::{Decode, Encode, MaxEncodedLen};
use phala_primitives::{
    AccountId, Assurance, BootKem, BootSign, Boundary, ClusterId, CodeHash, ContractId, Message, Payload, Report, Wire,
    WireError, WorkerId,
    cluster::*,
    contract::*,
    message::{Command, Instantiate, Kind, MessageV1, Origin, Rotate, Sealed, Upgrade, Upload, Withdraw},
    report::*,
    worker::*,
};
use proptest::prelude::*;

fn b32() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn payload() -> impl Strategy<Value = Payload> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200).prop_map(|b| b.try_into().unwrap());
    prop_oneof![
        bytes().prop_map(Payload::Plain),
        (any::<u32>(), b32(), bytes()).prop_map(|(epoch, enc, ciphertext)| Payload::Sealed(Sealed {
            epoch,
            enc,
            ciphertext
        })),
    ]
}

fn config() -> impl Strategy<Value = ClusterConfig> {
    let permission = prop_oneof![
        Just(Permission::Public),
        Just(Permission::OwnerOnly),
        prop::collection::vec(b32().prop_map(AccountId), 0..5).prop_map(|l| Permission::List(l.try_into().unwrap())),
    ];
    let root = prop::collection::vec(any::<u8>(), 0..64).prop_map(|b| b.try_into().unwrap());
    let http = (any::<bool>(), any::<bool>(), prop::collection::vec(root, 0..3)).prop_map(|(http, loopback, roots)| {
        HttpPolicy { allow_http: http, allow_loopback: loopback, extra_roots: roots.try_into().unwrap() }
    });
    let limits = (any::<[u32; 7]>(), any::<u64>()).prop_map(|([a, b, c, d, e, f, g], gas)| Limits {
        code_bytes: a,
        memory_bytes: b,
        key_bytes: c,
        value_bytes: d,
        output_bytes: e,
        payload_bytes: f,
        gas_per_message: gas,
        timeout_blocks: g,
    });
    let sealing = prop_oneof![Just(SealingMode::Peers), Just(SealingMode::SelfSeal)];
    (permission, any::<u64>(), any::<u64>(), any::<u16>(), limits, any::<u32>(), http, sealing).prop_map(
        |(permission, price, deposit, quorum, limits, engine_revision, http, sealing)| {
            ClusterConfig::V1(ClusterConfigV1 {
                permission,
                gas_price: price.into(),
                deposit_per_byte: deposit.into(),
                quorum,
                limits,
                engine_revision,
                http,
                sealing,
            })
        },
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    let contract = || b32().prop_map(ContractId);
    let code = || b32().prop_map(CodeHash);
    prop_oneof![
        config().prop_map(Kind::ClusterCreated),
        config().prop_map(Kind::Configuration),
        b32().prop_map(|w| Kind::MemberJoined(WorkerId(w))),
        b32().prop_map(|w| Kind::MemberLeft(WorkerId(w))),
        (code(), any::<u32>(), prop::collection::vec(b32(), 0..=17)).prop_map(|(code, size, chunks)| {
            Kind::Upload(Upload { code, size, chunks: chunks.try_into().unwrap() })
        }),
        (contract(), code(), b32(), payload(), any::<u64>(), any::<[u128; 2]>()).prop_map(
            |(contract, code, owner, payload, gas_limit, [deposit, value])| {
                let owner = AccountId(owner);
                Kind::Instantiate(Instantiate { contract, code, owner, payload, gas_limit, deposit, value })
            }
        ),
        (contract(), payload(), any::<u64>(), any::<u128>()).prop_map(|(contract, payload, gas_limit, value)| {
            Kind::Command(Command { contract, payload, gas_limit, value })
        }),
        (contract(), code(), payload(), any::<u64>()).prop_map(|(contract, code, payload, gas_limit)| {
            Kind::Upgrade(Upgrade { contract, code, payload, gas_limit })
        }),
        any::<[u32; 2]>().prop_map(|[epoch, deadline]| Kind::Rotate(Rotate { epoch, deadline })),
        contract().prop_map(Kind::TerminateContract),
        (contract(), any::<u128>()).prop_map(|(contract, amount)| Kind::Withdraw(Withdraw { contract, amount })),
        Just(Kind::TerminateCluster),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let origin = prop_oneof![
        b32().prop_map(|a| Origin::Account(AccountId(a))),
        b32().prop_map(|c| Origin::Contract(ContractId(c))),
        Just(Origin::Chain),
    ];
    (any::<u64>(), any::<u32>(), any::<u64>(), origin, kind()).prop_map(|(index, block, time_ms, origin, kind)| {
        Message::V1(MessageV1 { index, block, time_ms, origin, kind })
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let status = (0u8..12).prop_map(|i| Status::decode(&mut &[i][..]).unwrap());
    (status, any::<u64>()).prop_map(|(status, gas_used)| Outcome { status, gas_used })
}

fn report() -> impl Strategy<Value = Report> {
    let key = (b32(), any::<u32>(), b32()).prop_map(|(c, epoch, kem)| (ContractId(c), CommandKey { epoch, kem }));
    (
        any::<(u32, u64, u32, u64)>(),
        any::<[[u8; 32]; 3]>(),
        prop::collection::vec(outcome(), 0..=256),
        prop::collection::vec(key, 0..4),
    )
        .prop_map(
            |((cluster, first_index, block, index), [log_hash, state_root, receipts_root], outcomes, keys)| {
                Report::V1(ReportV1 {
                    cluster: ClusterId(cluster),
                    first_index,
                    boundary: Boundary { block, index, log_hash },
                    state_root,
                    receipts_root,
                    outcomes: outcomes.try_into().unwrap(),
                    command_keys: keys.try_into().unwrap(),
                })
            },
        )
}

fn worker() -> impl Strategy<Value = WorkerEntry> {
    (any::<[[u8; 32]; 4]>(), any::<[u8; 48]>(), any::<(u64, u32, u32, bool)>(), 0u8..7).prop_map(
        |([operator, sign, kem, evidence], measurement, (boot_count, evidence_block, registered_at, hardware), tcb)| {
            WorkerEntry::V1(WorkerEntryV1 {
                operator: AccountId(operator),
                boot_sign: BootSign(sign),
                boot_kem: BootKem(kem),
                boot_count,
                claims: ClaimsSummary {
                    measurement: Measurement(measurement),
                    tcb: TcbStatus::decode(&mut &[tcb][..]).unwrap(),
                    assurance: if hardware { Assurance::Hardware } else { Assurance::Software },
                },
                evidence,
                evidence_block,
                registered_at,
                endpoint: hardware.then(|| b"https://worker.example".to_vec().try_into().unwrap()),
            })
        },
    )
}

fn contract() -> impl Strategy<Value = ContractEntry> {
    let upgrade = (any::<u64>(), b32()).prop_map(|(index, code)| PendingUpgrade { index, code: CodeHash(code) });
    let upgrades = prop::collection::vec(upgrade, 0..=MAX_PENDING_UPGRADES as usize);
    let status = (0u8..4).prop_map(|i| ContractStatus::decode(&mut &[i][..]).unwrap());
    (any::<u32>(), any::<[[u8; 32]; 2]>(), upgrades, status, any::<[u128; 2]>()).prop_map(
        |(cluster, [owner, code], upgrades, status, [deposit, balance])| {
            ContractEntry::V1(ContractEntryV1 {
                cluster: ClusterId(cluster),
                owner: AccountId(owner),
                code: CodeHash(code),
                upgrades: upgrades.try_into().unwrap(),
                status,
                deposit,
                balance,
            })
        },
    )
}

fn chunks() -> impl Strategy<Value = Vec<[u8; 32]>> {
    prop::collection::vec(b32(), 0..=MAX_CODE_CHUNKS as usize)
}

fn code() -> impl Strategy<Value = CodeEntry> {
    (b32(), any::<[u32; 3]>(), chunks(), any::<u128>()).prop_map(|(owner, [size, since, users], chunks, deposit)| {
        let (owner, chunks) = (AccountId(owner), chunks.try_into().unwrap());
        CodeEntry::V1(CodeEntryV1 { owner, size, chunks, deposit, since, users })
    })
}

fn upload() -> impl Strategy<Value = UploadEntry> {
    (any::<[u32; 3]>(), chunks(), any::<u128>()).prop_map(|([size, stored_bytes, arrived], chunks, deposit)| {
        let chunks = chunks.try_into().unwrap();
        UploadEntry::V1(UploadEntryV1 { size, stored_bytes, chunks, arrived, deposit })
    })
}

/// Round trip, and every prefix, extension and foreign version is a typed error.
fn check<T: Wire + Encode + PartialEq + core::fmt::Debug>(value: &T, cut: usize, version: u8) {
    let bytes = value.encode();
    assert_eq!(T::from_wire(&bytes).as_ref(), Ok(value));
    let cut = cut % bytes.len();
    let expected = if cut == 0 { WireError::Empty } else { WireError::Malformed };
    assert_eq!(T::from_wire(&bytes[..cut]), Err(expected));
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(T::from_wire(&longer), Err(WireError::TrailingBytes));
    let mut foreign = bytes;
    foreign[0] = version;
    if !T::VERSIONS.contains(&version) {
        assert_eq!(T::from_wire(&foreign), Err(WireError::UnknownVersion(version)));
    }
}

proptest! {
    #[test]
    fn messages(value in message(), cut in any::<usize>(), version in any::<u8>()) {
        check(&value, cut, version);
    }

    #[test]
    fn reports(value in report(), cut in any::<usize>(), version in any::<u8>()) {
        check(&value, cut, version);
    }

    #[test]
    fn configurations(value in config(), cut in any::<usize>(), version in any::<u8>()) {
        check(&value, cut, version);
        let json = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(serde_json::from_str::<ClusterConfig>(&json).unwrap(), value);
    }

    #[test]
    fn workers(value in worker(), cut in any::<usize>(), version in any::<u8>()) {
        check(&value, cut, version);
    }

    #[test]
    fn contracts(value in contract(), cut in any::<usize>(), version in any::<u8>()) {
        check(&value, cut, version);
    }

    #[test]
    fn codes(value in code(), cut in any::<usize>(), version in any::<u8>()) {
        check(&value, cut, version);
    }

    #[test]
    fn uploads(value in upload(), cut in any::<usize>(), version in any::<u8>()) {
        check(&value, cut, version);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Message::from_wire(&bytes);
        let _ = Report::from_wire(&bytes);
        let _ = ClusterConfig::from_wire(&bytes);
        let _ = ClusterEntry::from_wire(&bytes);
        let _ = ContractEntry::from_wire(&bytes);
        let _ = CodeEntry::from_wire(&bytes);
        let _ = UploadEntry::from_wire(&bytes);
        let _ = WorkerEntry::from_wire(&bytes);
        let _ = Reported::from_wire(&bytes);
    }
}

#[test]
fn the_bound_of_each_type_holds_its_largest_value() {
    fn holds<T: Wire + MaxEncodedLen>() {
        assert!(T::max_encoded_len() <= T::MAX_BYTES, "{} > {}", T::max_encoded_len(), T::MAX_BYTES);
    }
    holds::<Message>();
    holds::<Report>();
    holds::<Reported>();
    holds::<ClusterConfig>();
    holds::<ClusterEntry>();
    holds::<ContractEntry>();
    holds::<CodeEntry>();
    holds::<UploadEntry>();
    holds::<WorkerEntry>();
}

#[test]
fn too_many_bytes_are_refused_unread() {
    let len = Report::MAX_BYTES + 1;
    assert_eq!(Report::from_wire(&vec![1; len]), Err(WireError::TooLarge { len, max: Report::MAX_BYTES }));
}

/// Clients that were built before a chain's runtime read these by proof.
#[test]
fn what_clients_read_of_contracts_and_code_is_pinned() {
    let contract = ContractEntry::V1(ContractEntryV1 {
        cluster: ClusterId(7),
        owner: AccountId([1; 32]),
        code: CodeHash([2; 32]),
        upgrades: vec![PendingUpgrade { index: 9, code: CodeHash([3; 32]) }].try_into().unwrap(),
        status: ContractStatus::Live,
        deposit: 5,
        balance: 6,
    });
    let bytes: [&[u8]; 10] = [
        &[1],
        &7u32.to_le_bytes(),
        &[1; 32],
        &[2; 32],
        &[1 << 2],
        &9u64.to_le_bytes(),
        &[3; 32],
        &[1],
        &5u128.to_le_bytes(),
        &6u128.to_le_bytes(),
    ];
    assert_eq!(contract.encode(), bytes.concat());

    let chunks = vec![[4u8; 32], [5; 32]];
    let code = CodeEntry::V1(CodeEntryV1 {
        owner: AccountId([1; 32]),
        size: 8,
        chunks: chunks.clone().try_into().unwrap(),
        deposit: 9,
        since: 10,
        users: 11,
    });
    let bytes: [&[u8]; 9] = [
        &[1],
        &[1; 32],
        &8u32.to_le_bytes(),
        &[2 << 2],
        &[4; 32],
        &[5; 32],
        &9u128.to_le_bytes(),
        &10u32.to_le_bytes(),
        &11u32.to_le_bytes(),
    ];
    assert_eq!(code.encode(), bytes.concat());

    let upload = UploadEntry::V1(UploadEntryV1 {
        size: 8,
        stored_bytes: CODE_CHUNK_BYTES + 1,
        chunks: chunks.try_into().unwrap(),
        arrived: 0b10,
        deposit: 9,
    });
    let bytes: [&[u8]; 8] = [
        &[1],
        &8u32.to_le_bytes(),
        &(CODE_CHUNK_BYTES + 1).to_le_bytes(),
        &[2 << 2],
        &[4; 32],
        &[5; 32],
        &2u32.to_le_bytes(),
        &9u128.to_le_bytes(),
    ];
    assert_eq!(upload.encode(), bytes.concat());
}

#[test]
fn an_upload_knows_its_chunks() {
    let chunks = vec![[4u8; 32], [5; 32]].try_into().unwrap();
    let stored_bytes = CODE_CHUNK_BYTES + 1;
    let mut upload = UploadEntryV1 { size: 8, stored_bytes, chunks, arrived: 0b10, deposit: 0 };
    assert_eq!([0, 1, 2, u32::MAX].map(|i| upload.chunk_bytes(i)), [Some(CODE_CHUNK_BYTES), Some(1), None, None]);
    assert!(!upload.is_complete());
    upload.arrived = 0b11;
    assert!(upload.is_complete());
}
