//! Serde of byte strings as texts, for genesis files.

/// A bounded byte string as `0x…`.
pub mod bounded {
    use alloc::{format, string::String};
    use bounded_collections::{BoundedVec, Get};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer, N: Get<u32>>(bytes: &BoundedVec<u8, N>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", hex::encode(bytes.as_slice())))
    }

    pub fn deserialize<'de, D: Deserializer<'de>, N: Get<u32>>(de: D) -> Result<BoundedVec<u8, N>, D::Error> {
        let text = String::deserialize(de)?;
        let bytes =
            hex::decode(text.strip_prefix("0x").unwrap_or(&text)).map_err(|_| D::Error::custom("expected hex"))?;
        bytes.try_into().map_err(|_| D::Error::custom(format!("expected at most {} bytes", N::get())))
    }
}

/// A bounded UTF-8 text.
pub mod text {
    use alloc::{format, string::String};
    use bounded_collections::{BoundedVec, Get};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer, N: Get<u32>>(bytes: &BoundedVec<u8, N>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>, N: Get<u32>>(de: D) -> Result<BoundedVec<u8, N>, D::Error> {
        let bytes = String::deserialize(de)?.into_bytes();
        bytes.try_into().map_err(|_| D::Error::custom(format!("expected at most {} bytes", N::get())))
    }
}

/// A measurement as `0x…`, 48 bytes.
pub mod measurement {
    use alloc::string::{String, ToString};
    use phala_primitives::worker::Measurement;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(measurement: &Measurement, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&measurement.to_string())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Measurement, D::Error> {
        let text = String::deserialize(de)?;
        let mut bytes = [0; 48];
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(&text), &mut bytes)
            .map_err(|_| D::Error::custom("expected 48 bytes in hex"))?;
        Ok(Measurement(bytes))
    }
}

/// Runtime registers: null, or four times `0x…`, 48 bytes.
pub mod registers {
    use crate::RuntimeRegisters;
    use alloc::{format, string::String};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(registers: &Option<RuntimeRegisters>, serializer: S) -> Result<S::Ok, S::Error> {
        registers.map(|all| all.map(|one| format!("0x{}", hex::encode(one)))).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Option<RuntimeRegisters>, D::Error> {
        let Some(texts) = Option::<[String; 4]>::deserialize(de)? else { return Ok(None) };
        let mut registers = [[0; 48]; 4];
        for (bytes, text) in registers.iter_mut().zip(&texts) {
            hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), bytes)
                .map_err(|_| D::Error::custom("expected 48 bytes in hex"))?;
        }
        Ok(Some(registers))
    }
}
