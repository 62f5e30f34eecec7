//! A price oracle. The query `fetch` asks a source over HTTPS, from inside the worker; the command `set`, by the owner, makes a
//! price part of the state; the query `price` answers from there, with a proof.

#![cfg_attr(target_arch = "wasm32", no_std)]

#[phat::contract]
mod price_oracle {
    use phat::prelude::*;

    /// An amount of money without floating point: `units` × 10^-`decimals`.
    #[data]
    #[derive(Copy, Eq)]
    pub struct Amount {
        pub units: u64,
        pub decimals: u8,
    }

    /// A price, and when it was set.
    #[data]
    pub struct Price {
        pub price: Amount,
        /// Chain time in milliseconds since the Unix epoch.
        pub set_at_ms: u64,
        pub set_in_block: u32,
    }

    #[derive(State)]
    struct Oracle {
        owner: Account,
        source: String,
        prices: Map<String, Price>,
    }

    /// `source` is a URL in which `{pair}` stands for the pair, such as `BTC/USD` as `BTC-USD`. It answers JSON with the field
    /// `price`, a number or a decimal text.
    #[init]
    fn new(_cx: &Init, owner: Account, source: String) -> Result<Oracle> {
        let is_url = source.starts_with("https://") || source.starts_with("http://");
        ensure!(is_url, "the source is a URL, not '{source}'");
        Ok(Oracle { owner, source, prices: Map::default() })
    }

    /// What the source says now. Changes nothing.
    #[query]
    fn fetch(&self, cx: &Query, pair: String) -> Result<Amount> {
        check(&pair)?;
        let url = self.source.replace("{pair}", &pair.replace('/', "-"));
        let answer: Answer = cx.http().get(&url)?.json()?;
        let text = match &answer.price {
            Text::Text(text) => text.clone(),
            Text::Number(number) => number.to_string(),
        };
        parse(&text).ok_or_else(|| format!("'{text}' is no price").into())
    }

    /// Sets a price. Only the owner does.
    #[command]
    fn set(&mut self, cx: &mut Command, pair: String, price: Amount) -> Result<()> {
        ensure!(cx.caller() == Caller::Account(self.owner), "only the owner, {}, sets prices", self.owner);
        check(&pair)?;
        let entry = Price { price, set_at_ms: cx.block_time_ms(), set_in_block: cx.block_number() };
        self.prices.insert(&pair, &entry)?;
        cx.log(Level::Info, &format!("{pair} is {} x 10^-{}", price.units, price.decimals));
        cx.emit("price", &(pair, price))
    }

    /// The price as it was set last.
    #[query]
    fn price(&self, _cx: &Query, pair: String) -> Result<Price> {
        self.prices.get(&pair)?.ok_or_else(|| format!("no price was set for {pair}").into())
    }

    /// Up to 100 pairs with their prices.
    #[query]
    fn prices(&self, _cx: &Query, after: Option<String>) -> Result<Vec<(String, Price)>> {
        self.prices.page(after.as_ref(), 100)
    }

    #[data]
    struct Answer {
        price: Text,
    }

    #[data]
    #[serde(untagged)]
    enum Text {
        Text(String),
        Number(f64),
    }

    fn check(pair: &str) -> Result<()> {
        let right = pair.len() <= 20 && pair.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'/');
        ensure!(right && pair.contains('/'), "'{pair}' is no pair such as BTC/USD");
        Ok(())
    }

    /// A decimal text as an amount, exactly.
    fn parse(text: &str) -> Option<Amount> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 12 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let units = format!("{whole}{fraction}").parse().ok()?;
        Some(Amount { units, decimals: fraction.len() as u8 })
    }
}

#[cfg(test)]
mod tests {
    use super::price_oracle::Contract;
    use phat::testing::{Host, account};

    fn host() -> Host<Contract> {
        let mut host = Host::new();
        host.init(r#"{"owner":"//Alice","source":"https://feed.example/{pair}"}"#).unwrap();
        host
    }

    #[test]
    fn a_price_goes_from_the_source_to_the_state() {
        let mut host = host();
        host.respond("https://feed.example/BTC-USD", 200, r#"{"price":"67000.12"}"#);
        let fetched = host.query("fetch", r#"{"pair":"BTC/USD"}"#).unwrap();
        assert_eq!(fetched, r#"{"units":6700012,"decimals":2}"#);
        host.caller(account("//Alice"));
        host.command("set", &format!(r#"{{"pair":"BTC/USD","price":{fetched}}}"#)).unwrap();
        let price = host.query("price", r#"{"pair":"BTC/USD"}"#).unwrap();
        assert!(price.contains(r#""units":6700012"#), "{price}");
        assert!(host.query("prices", "{}").unwrap().contains("BTC/USD"));
        assert_eq!(host.events()[0].0, "price");
    }

    #[test]
    fn numbers_are_taken_too() {
        let mut host = host();
        host.respond("https://feed.example/ETH-USD", 200, r#"{"price":3500.5,"more":1}"#);
        assert_eq!(host.query("fetch", r#"{"pair":"ETH/USD"}"#).unwrap(), r#"{"units":35005,"decimals":1}"#);
    }

    #[test]
    fn only_the_owner_sets() {
        let mut host = host();
        host.caller(account("//Bob"));
        let error = host.command("set", r#"{"pair":"BTC/USD","price":{"units":1,"decimals":0}}"#).unwrap_err();
        assert!(error.message.contains("only the owner"));
        assert!(host.query("price", r#"{"pair":"BTC/USD"}"#).is_err());
    }

    #[test]
    fn what_the_source_may_get_wrong() {
        let mut host = host();
        for (status, body) in
            [(500, "{}"), (200, "<html>"), (200, r#"{"price":"-1"}"#), (200, r#"{"price":"1e9"}"#), (200, "{}")]
        {
            host.respond("https://feed.example/BTC-USD", status, body);
            assert!(host.query("fetch", r#"{"pair":"BTC/USD"}"#).is_err(), "{status} {body}");
        }
        assert!(host.query("fetch", r#"{"pair":"../secret"}"#).is_err());
    }

    #[test]
    fn a_source_that_is_no_url_is_refused() {
        let mut host = Host::<Contract>::new();
        assert!(host.init(r#"{"owner":"//Alice","source":"feed"}"#).is_err());
    }
}
