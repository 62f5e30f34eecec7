//! Where the parts of a quote are, and the fields of its signed structures.

use phala_soft_tee::Format;

/// Offsets of what frames the parts of a quote.
pub struct Layout {
    /// The type of the body, and its length; version 5 only.
    pub body: Option<usize>,
    /// The length of all that follows the report.
    pub section: usize,
    /// The type of what wraps the quoting enclave's report, and its length; from version 4 on.
    pub wrapper: Option<usize>,
    /// The length of the quoting enclave's authentication data; they follow.
    pub auth_data: usize,
    /// The type of the chain, and its length.
    pub chain_type: usize,
    pub chain: usize,
}

impl Layout {
    pub fn of(format: Format) -> Self {
        let body = (format.version() == 5).then_some(length(HEADER));
        let report = length(HEADER) + body.map_or(0, |_| length(BODY));
        let section = report + length(report_fields(format));
        let attestation_key = section + 4 + 64;
        let wrapper = (format.version() > 3).then_some(attestation_key + 64);
        let qe_report = wrapper.map_or(attestation_key + 64, |wrapper| wrapper + 6);
        let auth_data = qe_report + length(ENCLAVE_REPORT) + 64;
        let chain_type = auth_data + 2 + 32;
        Self { body, section, wrapper, auth_data, chain_type, chain: chain_type + 6 }
    }

    /// Puts another chain into the quote, all lengths with it.
    pub fn replace_chain(&self, quote: &mut Vec<u8>, chain: &[u8]) {
        quote.truncate(self.chain);
        quote.extend_from_slice(chain);
        let lengths = [Some(self.section), self.wrapper.map(|wrapper| wrapper + 2), Some(self.chain_type + 2)];
        for at in lengths.into_iter().flatten() {
            let len = u32::try_from(quote.len() - at - 4).expect("short");
            quote[at..at + 4].copy_from_slice(&len.to_le_bytes());
        }
    }

    /// Adds to the 32-bit length at this place.
    pub fn adjust(quote: &mut [u8], at: usize, by: i32) {
        let bytes: [u8; 4] = quote[at..at + 4].try_into().expect("four bytes");
        let len = u32::from_le_bytes(bytes).checked_add_signed(by).expect("a length");
        quote[at..at + 4].copy_from_slice(&len.to_le_bytes());
    }
}

/// A field: its name and how many bytes it has.
type Field = (&'static str, usize);

const HEADER: &[Field] = &[
    ("version", 2),
    ("attestation key type", 2),
    ("TEE type", 4),
    ("QE SVN", 2),
    ("PCE SVN", 2),
    ("QE vendor", 16),
    ("user data", 20),
];
const BODY: &[Field] = &[("body type", 2), ("body length", 4)];
const ENCLAVE_REPORT: &[Field] = &[
    ("CPUSVN", 16),
    ("MISCSELECT", 4),
    ("reserved 1", 28),
    ("ATTRIBUTES", 16),
    ("MRENCLAVE", 32),
    ("reserved 2", 32),
    ("MRSIGNER", 32),
    ("reserved 3", 32),
    ("CONFIGID", 64),
    ("ISVPRODID", 2),
    ("ISVSVN", 2),
    ("reserved 4", 60),
    ("report data", 64),
];
const TD_REPORT: &[Field] = &[
    ("TEE_TCB_SVN", 16),
    ("MRSEAM", 48),
    ("MRSIGNERSEAM", 48),
    ("SEAMATTRIBUTES", 8),
    ("TDATTRIBUTES", 8),
    ("XFAM", 8),
    ("MRTD", 48),
    ("MRCONFIGID", 48),
    ("MROWNER", 48),
    ("MROWNERCONFIG", 48),
    ("RTMR0", 48),
    ("RTMR1", 48),
    ("RTMR2", 48),
    ("RTMR3", 48),
    ("report data", 64),
];
const TD_15: &[Field] = &[("TEE_TCB_SVN2", 16), ("MRSERVICETD", 48)];
const TD_15_EX: &[Field] = &[
    ("VMID", 1),
    ("TD id", 32),
    ("device information", 48),
    ("initial service TD hash", 48),
    ("initial service TD attributes", 8),
    ("initial CPUSVN", 16),
    ("initial TEE_TCB_SVN", 16),
    ("initial FMSPC", 12),
    ("current service TD hash", 48),
    ("current service TD attributes", 8),
];

/// What a field belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Header,
    /// Type and length of the body.
    Body,
    Report,
    /// The signature over header, body and report.
    Signature,
    /// The attestation key, and all that vouches for it.
    QuotingEnclave,
    /// Types and lengths of what follows the report.
    Frame,
}

/// Where a field is.
pub struct Place {
    pub part: Part,
    pub name: &'static str,
    pub offset: usize,
    pub len: usize,
}

fn report_fields(format: Format) -> impl Iterator<Item = &'static Field> {
    let parts: &'static [&'static [Field]] = match format {
        Format::Sgx3 => &[ENCLAVE_REPORT],
        Format::Tdx4 | Format::Tdx5 => &[TD_REPORT],
        Format::Tdx5Td15 => &[TD_REPORT, TD_15],
        Format::Tdx5Td15Ex => &[TD_REPORT, TD_15, TD_15_EX],
    };
    parts.iter().copied().flatten()
}

fn length(fields: impl IntoIterator<Item = &'static Field>) -> usize {
    fields.into_iter().map(|(_, len)| len).sum()
}

/// Every field of a quote before its chain.
pub fn fields(format: Format) -> Vec<Place> {
    let layout = Layout::of(format);
    let wrapper: &[Field] = &[("wrapper type", 2), ("wrapper length", 4)];
    let mut all: Vec<(Part, Field)> = Vec::new();
    let mut add = |part, fields: &[Field]| all.extend(fields.iter().map(|field| (part, *field)));
    add(Part::Header, HEADER);
    add(Part::Body, if layout.body.is_some() { BODY } else { &[] });
    add(Part::Report, &report_fields(format).copied().collect::<Vec<_>>());
    add(Part::Frame, &[("section length", 4)]);
    add(Part::Signature, &[("signature", 64)]);
    add(Part::QuotingEnclave, &[("attestation key", 64)]);
    add(Part::Frame, if layout.wrapper.is_some() { wrapper } else { &[] });
    add(Part::QuotingEnclave, ENCLAVE_REPORT);
    add(Part::QuotingEnclave, &[("signature", 64)]);
    add(Part::Frame, &[("authentication data length", 2)]);
    add(Part::QuotingEnclave, &[("authentication data", 32)]);
    add(Part::Frame, &[("chain type", 2), ("chain length", 4)]);

    let mut end = 0;
    let places: Vec<_> = all
        .into_iter()
        .map(|(part, (name, len))| {
            end += len;
            Place { part, name, offset: end - len, len }
        })
        .collect();
    assert_eq!(end, layout.chain, "{format}: the fields fill the quote up to its chain");
    places
}
