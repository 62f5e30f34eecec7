//! What people and programs read: results on standard output, everything else on standard error.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use phala_client::{Failure, RequestId};
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
        println!("{:#}", described(failure));
    } else {
        eprintln!("{}", said(failure));
    }
}

/// A failure for programs.
fn described(failure: &Failure) -> Value {
    let mut error = json!({
        "code": failure.code.to_string(), "class": failure.class.name(), "message": failure.message,
    });
    if let Some(id) = failure.request {
        error["requestId"] = id.to_string().into();
    }
    json!({ "error": error })
}

/// A failure for people. The code comes first: a message may be of many lines.
fn said(failure: &Failure) -> String {
    let text = format!("error ({}): {failure}", failure.code);
    match failure.request {
        Some(id) => format!("{text}\nrequest {id}: ask the worker's operator to look for it in its log"),
        None => text,
    }
}

/// Says under which id workers hear of the command.
pub fn request(id: RequestId) {
    eprintln!("request {id}: under this id a worker's log tells of what the command asks it");
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

#[cfg(test)]
mod tests {
    use phala_client::{Because as _, Fault};

    use super::*;

    #[test]
    fn a_failure_has_its_code_for_people_and_for_programs() {
        let failure = Fault::NoSuchMethod.because("there is no 'sub'. There is:\n  add");
        assert_eq!(said(&failure), "error (PHALA-3016): there is no 'sub'. There is:\n  add");
        let expected = json!({ "code": "PHALA-3016", "class": "user", "message": failure.message });
        assert_eq!(described(&failure), json!({ "error": expected }));
    }

    #[test]
    fn what_a_worker_has_refused_names_the_request() {
        let id = RequestId::random();
        let failure = Failure { request: Some(id), ..Failure::retry("why") };
        let text = said(&failure);
        let (error, request) = text.split_once('\n').unwrap();
        assert_eq!(error, "error (PHALA-3002): why");
        assert!(request.starts_with(&format!("request {id}: ")), "{request}");
        assert_eq!(described(&failure)["error"]["requestId"], id.to_string());
    }
}
