//! Metadata in which two calls have each other's number.

use codec::{Decode as _, Encode as _};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use scale_info::{PortableType, TypeDef};

/// They take the same arguments: who believes the lie takes a worker out of a cluster where it was to be taken in.
const PALLET: &str = "Phat";
const CALLS: [&str; 2] = ["add_member", "remove_member"];

/// What `Metadata_metadata_at_version` answers, with the two calls swapped. If `covered`, in the type of the runtime's calls, which
/// the metadata's hash covers; otherwise in a copy of it that the pallet alone refers to, and the hash is what it was.
pub fn swapped(opaque: &[u8], covered: bool) -> Option<Vec<u8>> {
    let inner = Option::<Vec<u8>>::decode(&mut &*opaque).ok()??;
    let mut metadata = RuntimeMetadataPrefixed::decode(&mut inner.as_slice()).ok()?;
    let (types, calls) = match &mut metadata.1 {
        RuntimeMetadata::V15(metadata) => {
            let pallet = metadata.pallets.iter_mut().find(|pallet| pallet.name == PALLET)?;
            (&mut metadata.types.types, &mut pallet.calls.as_mut()?.ty)
        }
        RuntimeMetadata::V16(metadata) => {
            let pallet = metadata.pallets.iter_mut().find(|pallet| pallet.name == PALLET)?;
            (&mut metadata.types.types, &mut pallet.calls.as_mut()?.ty)
        }
        _ => return None,
    };
    if !covered {
        let copy = types.get(usize::try_from(calls.id).ok()?)?.ty.clone();
        calls.id = u32::try_from(types.len()).ok()?;
        types.push(PortableType { id: calls.id, ty: copy });
    }
    let place = usize::try_from(calls.id).ok()?;
    let TypeDef::Variant(definition) = &mut types.get_mut(place)?.ty.type_def else { return None };
    let number = |name: &str| definition.variants.iter().find(|call| call.name == name).map(|call| call.index);
    let (one, other) = (number(CALLS[0])?, number(CALLS[1])?);
    for call in &mut definition.variants {
        call.index = match call.index {
            index if index == one => other,
            index if index == other => one,
            index => index,
        };
    }
    Some(Some(metadata.encode()).encode())
}
