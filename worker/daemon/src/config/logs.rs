//! Where the log goes and what its lines are: text for people, or JSON for what collects them.

use clap::ValueEnum;
use serde::Deserialize;
use tracing::Dispatch;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, util::SubscriberInitExt as _};

/// What a line of the log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(try_from = "String")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: an object on each line, with `timestamp`, `level`, `target`, `fields`, and in `span` the request's id.
    Json,
}

impl TryFrom<String> for LogFormat {
    type Error = &'static str;

    /// Does not show what it has not understood: in a file that may be any other option's value.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("expected text or json"),
        }
    }
}

/// Starts the log on standard error, at the level that PHALA_LOG sets. Once for the process.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("PHALA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    lines(format, filter, colours, std::io::stderr).init();
}

fn lines<W>(format: LogFormat, filter: EnvFilter, colours: bool, writer: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        LogFormat::Text => lines.with_ansi(colours).into(),
        LogFormat::Json => lines.with_ansi(false).json().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use serde_json::Value;

    use super::*;

    /// A log that is read again.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged while a request is served, as the HTTP API and the pool of contracts log it.
    fn logged(format: LogFormat) -> String {
        let page = Page::default();
        let writer = page.clone();
        let dispatch = lines(format, EnvFilter::new("info"), false, move || writer.clone());
        tracing::dispatcher::with_default(&dispatch, || {
            let span = tracing::info_span!("request", id = %"1f3a00000000007b", path = %"/v1/query");
            span.in_scope(|| tracing::warn!(reason = "two\nlines", "refused"));
            span.in_scope(|| tracing::debug!("below the level"));
            tracing::info!("outside of any request");
        });
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_of_json_have_the_request_that_they_are_about() {
        let text = logged(LogFormat::Json);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [refused, outside] = lines.as_slice() else { panic!("two lines are expected: {text}") };
        assert_eq!(refused["span"]["id"], "1f3a00000000007b", "{text}");
        assert_eq!(refused["span"]["path"], "/v1/query", "{text}");
        assert_eq!(refused["level"], "WARN", "{text}");
        assert_eq!(refused["fields"]["message"], "refused", "{text}");
        assert_eq!(refused["fields"]["reason"], "two\nlines", "{text}");
        assert!(refused["timestamp"].is_string(), "{text}");
        assert_eq!(outside["span"], Value::Null, "{text}");
    }

    #[test]
    fn lines_of_text_are_as_they_were() {
        let text = logged(LogFormat::Text);
        assert!(text.contains(" WARN request{id=1f3a00000000007b path=/v1/query}: "), "{text}");
        assert!(!text.contains('\x1b') && !text.contains("below the level"), "{text}");
    }

    #[test]
    fn a_format_that_is_none_is_not_repeated() {
        assert_eq!(LogFormat::try_from("json".to_owned()), Ok(LogFormat::Json));
        assert_eq!(LogFormat::try_from("bottom drive".to_owned()), Err("expected text or json"));
    }
}
