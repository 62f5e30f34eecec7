//! What other programs rely on: storage keys and encodings.

use frame_support::traits::PalletInfoAccess;
use phala_primitives::storage_key;

use super::*;

#[test]
fn the_registry_lies_where_light_clients_look() {
    ext().execute_with(|| {
        assert_eq!(Workers::name(), storage_key::WORKERS);
        let worker = WorkerId([3; 32]);
        assert_eq!(Registry::<Test>::hashed_key_for(worker), storage_key::worker(worker));
        assert_eq!(pallet_timestamp::Now::<Test>::hashed_key().to_vec(), storage_key::timestamp_now());
        assert_eq!(frame_system::BlockHash::<Test>::hashed_key_for(5), storage_key::block_hash(5));
        assert_eq!(sp_io::storage::get(&storage_key::block_number()).unwrap()[..], 1u32.encode()[..]);
        let key = frame_system::Account::<Test>::hashed_key_for(account(4));
        assert_eq!(key, storage_key::account(&AccountId([4; 32])));
    });
}
