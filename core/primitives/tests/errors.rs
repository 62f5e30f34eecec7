//! `docs/errors.md` is the registry of errors, and nothing else.
//!
//! After a change of the registry: `PHALA_BLESS=1 cargo test -p phala-primitives --test errors`.

#![allow(clippy::unwrap_used, reason = "a panic here is a failed test")]

use std::fmt::Write as _;

use phala_primitives::fault::{Class, Fault, Part};

const HEAD: &str = "\
# Errors

What the node's own RPC methods, the worker's HTTP API and `phala` answer when something does not work. The code says
what it is, the class what helps, and the message what has happened this time. Scripts decide by code or class; messages
are for people, and may change. A number is never given to another error.

This file is made from `core/primitives/src/fault.rs`: `PHALA_BLESS=1 cargo test -p phala-primitives --test errors`.

## Classes

The exit code is that of `phala`; 0 is success.

| class | exit code | what helps |
|---|---|---|
";

/// What is said about a part, before its rows.
fn introduction(part: Part) -> &'static str {
    match part {
        Part::Node => NODE,
        Part::Worker => WORKER,
        Part::Client => CLIENT,
    }
}

const NODE: &str = r#"
## PHALA-1nnn: the node's RPC

In the `data` of a JSON-RPC error, for the methods that begin with `phat_`:

```json
{"code": -32002, "message": "…", "data": {"code": "PHALA-1003", "class": "retry"}}
```
"#;

const WORKER: &str = r#"
## PHALA-2nnn: the worker's HTTP API

The body of an answer that refuses. The header `x-request-id` has the id under which the worker's log tells of it.

```json
{"code": "PHALA-2011", "class": "retry", "message": "…"}
```
"#;

const CLIENT: &str = r#"
## PHALA-3nnn: `phala`

On standard error as `error (PHALA-3022): …`, with `--json` on standard output. What a worker has refused keeps the
worker's code and class, and has a `requestId`: its operator looks for it in the worker's log.

```json
{"error": {"code": "PHALA-3022", "class": "user", "message": "…"}}
```
"#;

const COLUMNS: &str = "
| code | class | what it is | what to do |
|---|---|---|---|
";

fn rendered() -> String {
    let mut page = HEAD.to_owned();
    for class in Class::ALL {
        writeln!(page, "| {} | {} | {} |", class.name(), class.exit_code(), class.advice()).unwrap();
    }
    for part in [Part::Node, Part::Worker, Part::Client] {
        page += introduction(part);
        page += COLUMNS;
        for fault in Fault::ALL.iter().filter(|fault| fault.code().part() == Some(part)) {
            let (code, class) = (fault.code(), fault.class().name());
            writeln!(page, "| {code} | {class} | {} | {} |", fault.what(), fault.advice()).unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_errors_is_the_registry() {
    let path = "../../docs/errors.md";
    let rendered = rendered();
    if std::env::var_os("PHALA_BLESS").is_some() {
        std::fs::write(path, &rendered).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page == rendered, "docs/errors.md is not the registry: set PHALA_BLESS=1 if the change is meant");
}
