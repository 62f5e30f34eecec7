//! What people and programs read: results on standard output, everything else on standard error.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use phala_client::Failure;
use serde_json::{Value, json};

/// Prints a result: as JSON, or as lines of `name  value`.
pub fn result(as_json: bool, value: &Value) {
    if as_json {
        println!("{value:#}");
        return;
    }
    match value {
        Value::Object(fields) => {
            let width = fields.keys().map(String::len).max().unwrap_or(0);
            for (name, value) in fields {
                println!("{name:width$}  {}", text(value));
            }
        }
        other => println!("{}", text(other)),
    }
}

/// Prints a table: as a JSON list of objects, or with a line for each.
pub fn table(as_json: bool, columns: &[&str], rows: &[Value]) {
    if as_json {
        println!("{:#}", Value::from(rows.to_vec()));
        return;
    }
    let cell = |row: &Value, column: &str| text(row.get(column).unwrap_or(&Value::Null));
    let width = |column: &&str| rows.iter().map(|row| cell(row, column).len()).max().unwrap_or(0).max(column.len());
    let widths: Vec<usize> = columns.iter().map(width).collect();
    let line = |cells: Vec<String>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("{}", padded.join("  ").trim_end());
    };
    line(columns.iter().map(|column| (*column).to_owned()).collect());
    for row in rows {
        line(columns.iter().map(|column| cell(row, column)).collect());
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".into(),
        other => other.to_string(),
    }
}

/// Prints a failure.
pub fn failure(as_json: bool, failure: &Failure) {
    if as_json {
        println!("{:#}", json!({ "error": { "class": failure.class, "message": failure.message } }));
    } else {
        eprintln!("error: {failure}");
    }
}

/// Something that takes time: shown while it does, on terminals only.
pub struct Progress(ProgressBar);

impl Progress {
    /// Begins.
    pub fn new(what: &str) -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// Goes on to the next part.
    pub fn now(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
