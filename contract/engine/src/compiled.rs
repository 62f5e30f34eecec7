//! Compiled code as bytes: what is compiled once need not be compiled again after a restart.

use wasmtime::component::Component;

use crate::{Code, Engine, Host, HostFailure};

/// Bytes of the gas for a fresh instance, in front of Wasmtime's own.
const START: usize = 8;

/// Native code of a contract. **Whoever can choose these bytes runs code of his own in this process, outside of every sandbox.**
pub struct Compiled(Vec<u8>);

impl Compiled {
    /// Bytes that [`Engine::save`] has made in this or an earlier process of this program, and that have been authenticated since:
    /// sealed under a key that nobody else has.
    pub fn from_authenticated(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// To be sealed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<H: Host> Engine<H> {
    /// The code as bytes.
    pub fn save(&self, code: &Code<H>) -> Result<Compiled, HostFailure> {
        let native = code.component().serialize().map_err(failure)?;
        Ok(Compiled([&code.start().to_le_bytes()[..], &native].concat()))
    }

    /// The code that was saved. Fails if another version of Wasmtime has made it, or this one under other settings.
    pub fn restore(&self, compiled: &Compiled) -> Result<Code<H>, HostFailure> {
        let (start, native) = compiled.0.split_first_chunk::<START>().ok_or_else(|| HostFailure("cut short".into()))?;
        #[allow(unsafe_code, reason = "Wasmtime cannot check native code")]
        // SAFETY: `Compiled` has no constructor but this engine's own and one for bytes that were authenticated as its own;
        // Wasmtime itself refuses bytes of other versions and settings.
        let component = unsafe { Component::deserialize(self.wasmtime(), native) }.map_err(failure)?;
        self.link(&component, u64::from_le_bytes(*start)).map_err(|error| HostFailure(error.to_string()))
    }
}

fn failure(error: wasmtime::Error) -> HostFailure {
    HostFailure(format!("compiled code: {error:#}"))
}
