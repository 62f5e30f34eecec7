//! The kinds of quotes that the platforms make.

use phala_attestation::Hardware;
use std::{fmt, str::FromStr};

/// Hardware, version and body of a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// SGX, version 3.
    Sgx3,
    /// TDX, version 4: the report of TDX 1.0.
    Tdx4,
    /// TDX, version 5 with the report of TDX 1.0: body type 2.
    Tdx5,
    /// TDX, version 5 with the report of TDX 1.5: body type 3.
    Tdx5Td15,
    /// TDX, version 5 with the extended report of TDX 1.5: body type 4.
    Tdx5Td15Ex,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sgx3, Self::Tdx4, Self::Tdx5, Self::Tdx5Td15, Self::Tdx5Td15Ex];

    /// The technology.
    pub fn hardware(self) -> Hardware {
        match self {
            Self::Sgx3 => Hardware::Sgx,
            Self::Tdx4 | Self::Tdx5 | Self::Tdx5Td15 | Self::Tdx5Td15Ex => Hardware::Tdx,
        }
    }

    /// The quote's version: its first two bytes.
    pub fn version(self) -> u16 {
        match self {
            Self::Sgx3 => 3,
            Self::Tdx4 => 4,
            Self::Tdx5 | Self::Tdx5Td15 | Self::Tdx5Td15Ex => 5,
        }
    }

    /// The name on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgx3 => "sgx3",
            Self::Tdx4 => "tdx4",
            Self::Tdx5 => "tdx5",
            Self::Tdx5Td15 => "tdx5-td15",
            Self::Tdx5Td15Ex => "tdx5-td15ex",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of a format's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of sgx3, tdx4, tdx5, tdx5-td15, tdx5-td15ex")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(UnknownFormat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_the_error_lists_them() {
        let list = UnknownFormat.to_string();
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>(), Ok(format));
            assert!(list.contains(format.name()), "{list} leaves out {format}");
        }
        assert_eq!("tdx".parse::<Format>(), Err(UnknownFormat));
    }
}
