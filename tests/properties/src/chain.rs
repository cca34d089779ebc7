//! Parsers of the chain's side.

use audit_core::{
    chain::{AnyCoinbase, HEADER_LEN, HeaderChain, Network, SideHeaders, push_row, split_row},
    header::Header,
};

/// Rows of coinbases split in one way.
pub(crate) fn coinbase_row(bytes: &[u8]) {
    let (mut rest, mut again) = (bytes, Vec::new());
    while let Ok(Some((row, taken))) = split_row(rest) {
        push_row(&mut again, &row);
        if let Ok(coinbase) = AnyCoinbase::parse(row.coinbase) {
            assert!(coinbase.anchors().count() <= coinbase.outputs.len());
        }
        rest = &rest[taken..];
    }
    assert!(bytes.starts_with(&again) && again.len() + rest.len() == bytes.len());
}

/// Headers have one form.
pub(crate) fn side_headers(bytes: &[u8]) {
    let Some(headers) = SideHeaders::split_file(bytes) else { return };
    let again: Vec<u8> = headers.iter().flat_map(Header::to_bytes).collect();
    assert_eq!(again, bytes);
}

/// A chain of headers is linked and keeps what it took. The first byte chooses the network.
pub(crate) fn headers(bytes: &[u8]) {
    let Some((network, headers)) = bytes.split_first() else { return };
    let networks = [Network::Regtest, Network::Signet, Network::Testnet4, Network::Bitcoin];
    let mut chain = HeaderChain::new(networks[usize::from(*network) % networks.len()], 0);
    for header in headers.as_chunks::<HEADER_LEN>().0 {
        let below = chain.tip();
        if let Ok(hash) = chain.push(header) {
            let (height, tip) = chain.tip().expect("a header was pushed");
            assert_eq!((tip, chain.bytes(height)), (hash, Some(header)));
            assert!(below.is_none_or(|(_, below)| below == Header::from_bytes(header).prevhash));
        }
    }
}
