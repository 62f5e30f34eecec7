//! The state of a contract as a whole, and how new code takes it over.

use alloc::format;

use crate::{Error, Result, code};

/// What a contract has stored, as a struct: written by `#[derive(State)]`, once for the state itself, and in code that
/// upgrades a contract once more for the layout of the code before.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the state of a contract",
    label = "has no `#[derive(State)]`",
    note = "`#[init]` returns the state; `#[migrate]` takes the old one by value, as a struct that has the fields \
            of before and derives `State` too"
)]
pub trait State: Sized {
    /// The struct's name, for errors.
    const NAME: &'static str;
    /// The names of its fields. They are stored under these.
    const FIELDS: &'static [&'static str];

    /// Loads every field.
    fn load() -> Result<Self>;
    /// Stores every field that has changed.
    fn store(&self) -> Result<()>;
    /// Removes the fields whose names are not among these.
    fn remove_all_but(kept: &[&str]) -> Result<()>;
}

/// Loads the state for a command or a query.
pub fn load<S: State>() -> Result<S> {
    load_or::<S>(
        "Code that has other fields than the code before takes them over in a function that is marked #[migrate]",
    )
}

/// Loads the state for a migration that takes `&mut self`.
pub fn load_unchanged<S: State>() -> Result<S> {
    load_or::<S>(
        "A #[migrate] with &mut self is for the same fields as before. For others it takes the old ones by value and \
         makes the new: fn migrate(old: Old, cx: &mut Migrate) -> Result<Self>",
    )
}

/// Loads the state of the code before.
pub fn load_old<S: State>() -> Result<S> {
    load_or::<S>(
        "What #[migrate] takes has fields that the code before has stored, with their names and types, and no others",
    )
}

/// Says what does not fit, and what would.
fn load_or<S: State>(advice: &str) -> Result<S> {
    S::load().map_err(|error| match error.code {
        code::STATE => {
            let message = format!("what is stored does not fit `{}`: {}. {advice}", S::NAME, error.message);
            Error::new(code::STATE, message)
        }
        _ => error,
    })
}

/// Stores a new state in the place of an old one. A map of both is the same map: nothing of it is written.
pub fn replace<O: State, N: State>(new: &N) -> Result<()> {
    new.store()?;
    O::remove_all_but(N::FIELDS)
}
