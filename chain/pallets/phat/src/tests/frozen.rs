//! What other programs rely on: storage keys.

use frame_support::traits::PalletInfoAccess;
use phala_primitives::storage_key;

use super::*;

#[test]
fn everything_lies_where_workers_and_clients_look() {
    ext().execute_with(|| {
        assert_eq!(Phat::name(), storage_key::PHAT);
        let (cluster, contract, code) = (ClusterId(7), ContractId([3; 32]), CodeHash([4; 32]));
        assert_eq!(Clusters::<Test>::hashed_key_for(cluster), storage_key::cluster(cluster));
        assert_eq!(LogHeads::<Test>::hashed_key_for(cluster), storage_key::log_head(cluster));
        assert_eq!(Members::<Test>::hashed_key_for(cluster), storage_key::members(cluster));
        assert_eq!(Reported::<Test>::hashed_key_for(cluster), storage_key::reported(cluster));
        assert_eq!(Contracts::<Test>::hashed_key_for(contract), storage_key::contract(contract));
        assert_eq!(CommandKeys::<Test>::hashed_key_for(contract), storage_key::command_key(contract));
        assert_eq!(Codes::<Test>::hashed_key_for(cluster, code), storage_key::code(cluster, code));
        let uploader = phala_primitives::AccountId([5; 32]);
        let key = storage_key::upload(cluster, code, uploader);
        assert_eq!(Uploads::<Test>::hashed_key_for(cluster, (code, uploader)), key);
    });
}
