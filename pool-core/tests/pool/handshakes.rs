//! What firmware and markets say first, replayed word for word.

use serde_json::{Value, json};

use crate::{
    client::Client,
    test_pool::{EASY, TestPool},
};

/// Bitcoin's own target in 2026: it leaves room for every level.
const MAINNET: u32 = 0x1702_0000;

/// What a rental listener does not say.
const FARM_ONLY: &str = "< farm: ";

/// One line of a file.
enum Line<'a> {
    /// `> …`: said to the pool. Such lines that follow each other are one write.
    Said(&'a str),
    /// `< …`: what the pool must say next; the text `*` stands for any value.
    Heard(Value),
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let is_remark = |line: &&str| line.is_empty() || line.starts_with('#');
    text.lines().filter(move |line| !is_remark(line)).map(|line| match line.split_at(2) {
        ("> ", said) => Line::Said(said),
        ("< ", heard) => Line::Heard(serde_json::from_str(heard).unwrap()),
        _ => panic!("neither said nor heard: {line}"),
    })
}

fn matches(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::String(any), _) if any == "*" => true,
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len()
                && expected.iter().zip(found).all(|(expected, found)| matches(expected, found))
        }
        (Value::Object(expected), Value::Object(found)) => {
            expected.len() == found.len()
                && expected.iter().all(|(key, value)| found.get(key).is_some_and(|found| matches(value, found)))
        }
        _ => expected == found,
    }
}

/// Replays a file on both kinds of listeners; what is heard on a farm's alone begins with `< farm: `. In it `{difficulty}` is the first difficulty there, and
/// `{difficulty, at least 65536}` that of a login which asks for no easier shares.
async fn check(name: &str, text: &str) {
    let pool = TestPool::with(MAINNET, |_| {}).await;
    let farm = json!(2f64.powi(EASY.into())).to_string();
    for (address, difficulty, at_least) in [(pool.address, farm.as_str(), "65536"), (pool.rental, "1048576", "1048576")]
    {
        let is_heard = |line: &&str| address == pool.address || !line.starts_with(FARM_ONLY);
        let text: Vec<_> = text.lines().filter(is_heard).map(|line| line.replace(FARM_ONLY, "< ")).collect();
        let text =
            text.join("\n").replace("{difficulty}", difficulty).replace("{difficulty, at least 65536}", at_least);
        replay(name, &text, Client::connect(address).await).await;
    }
    pool.stop().await;
}

async fn replay(name: &str, text: &str, mut client: Client) {
    let mut said = String::new();
    for line in lines(text) {
        match line {
            Line::Said(line) => said = said + line + "\n",
            Line::Heard(expected) => {
                client.send_bytes(std::mem::take(&mut said).as_bytes()).await;
                let found = client.message().await.unwrap_or_else(|| panic!("{name}: hung up before {expected}"));
                assert!(matches(&expected, &found), "{name}\nexpected {expected}\nfound    {found}");
            }
        }
    }
    assert!(said.is_empty(), "{name}: ends with something said");
}

macro_rules! handshakes {
    ($($name:ident)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                check(stringify!($name), include_str!(concat!("handshakes/", stringify!($name), ".txt"))).await;
            }
        )+
    };
}

handshakes! {
    antminer
    bitaxe
    braiins_hashpower
    braiins_os
    luxor_firmware
    mining_rig_rentals
    nicehash_asicboost
    nicehash_verificator
    whatsminer
}
