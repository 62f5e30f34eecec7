//! An account from a keystore: a JSON file as polkadot.js and wallets export it, encrypted with a password.

use std::{fs, path::Path};

use phala_client::{Because as _, Fault, Result};
use phala_extrinsics::Signer;

/// Opens a keystore with the password in a file, or with what is typed on the terminal.
pub fn open(keystore: &Path, password_file: Option<&Path>) -> Result<Signer> {
    let password = match password_file {
        Some(file) => {
            let text = fs::read_to_string(file);
            let text =
                text.map_err(|error| Fault::Key.because(format!("the password file {}: {error}", file.display())))?;
            // an editor ends the line; a password may end with a space
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
        None => rpassword::prompt_password(format!("password of {}: ", keystore.display())).map_err(|error| {
            Fault::Key.because(format!("there is no terminal to ask for the password ({error}): give --password-file"))
        })?,
    };
    Ok(Signer::from_keystore(keystore, &password)?)
}
