//! A contract that does what contracts must not, for the scenarios of `tests/e2e`: as a command and as a query.

#![cfg_attr(target_arch = "wasm32", no_std)]

#[phat::contract]
mod rogue {
    use phat::prelude::*;

    #[derive(State)]
    struct Rogue {
        calls: u64,
    }

    #[init]
    fn new(_cx: &Init) -> Rogue {
        Rogue { calls: 0 }
    }

    /// Counts, and then does what `what` names. What is not kept is not counted.
    #[command]
    fn run(&mut self, _cx: &mut Command, what: String) -> Result<String> {
        self.calls = self.calls.saturating_add(1);
        misbehave(&what)
    }

    /// The same, where nothing can be kept anyway.
    #[query]
    fn ask(&self, _cx: &Query, what: String) -> Result<String> {
        misbehave(&what)
    }

    /// What a page says.
    #[query]
    fn visit(&self, cx: &Query, url: String) -> Result<String> {
        Ok(String::from_utf8_lossy(&cx.http().get(&url)?.body).into_owned())
    }

    /// How many commands were kept.
    #[query]
    fn calls(&self, _cx: &Query) -> u64 {
        self.calls
    }

    fn misbehave(what: &str) -> Result<String> {
        match what {
            "nothing" => {}
            "loop" => loop {
                core::hint::spin_loop();
            },
            "fill" => loop {
                let page = vec![1u8; 1 << 20];
                core::hint::black_box(&page);
                core::mem::forget(page);
            },
            "recurse" => return Ok(deeper(1).to_string()),
            "trap" => unreachable!("on purpose"),
            "refuse" => return Err("on purpose".into()),
            "long" => return Ok("x".repeat(2 << 20)),
            "http" => return reach_out(),
            other => return Err(format!("'{other}' is nothing that I do").into()),
        }
        Ok("done".into())
    }

    /// Nothing here is on the stack that the compiler keeps in linear memory: it is the engine's own that runs out.
    #[inline(never)]
    fn deeper(depth: u64) -> u64 {
        if depth == 0 { 0 } else { deeper(depth.wrapping_add(1)).wrapping_mul(3) ^ depth }
    }

    /// HTTP past the SDK's types, which do not let it compile inside a command.
    #[cfg(target_arch = "wasm32")]
    fn reach_out() -> Result<String> {
        use phat::bindings::phala::contract::http;
        let request =
            http::Request { method: "GET".into(), url: "http://127.0.0.1:1/".into(), headers: vec![], body: vec![] };
        match http::fetch(&request, None) {
            Ok(_) => Ok("reached".into()),
            Err(error) => Err(format!("{error:?}").into()),
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn reach_out() -> Result<String> {
        Err("natively there is no way out".into())
    }
}
