//! A customer's wallet: one key, a few coins, payments that can be replaced. Keys here are worth nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use audit_core::hash::{sha256, sha256d};
use bitcoin::absolute::LockTime;
use bitcoin::ecdsa::Signature;
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Message, Secp256k1, SecretKey};
use bitcoin::sighash::SighashCache;
use bitcoin::transaction::Version;
use bitcoin::{
    Address, Amount, CompressedPublicKey, EcdsaSighashType, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn,
    TxOut, Txid, Witness,
};
use serde::{Deserialize, Serialize};

/// The embedded chain's first coin is this many sats (`EmbeddedConfig::endowment`).
const ENDOWMENT_SATS: u64 = 10_000_000_000;
const ENDOWMENT_NAME: &[u8] = b"provenhash embedded chain endowment";
/// Pays for a transaction with one input and two outputs at some 10 sats a virtual byte.
const FEE_SATS: u64 = 1_500;

/// The wallet on regtest.
pub struct Wallet {
    key: SecretKey,
    coins: Vec<OwnCoin>,
}

/// Something it can spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OwnCoin {
    outpoint: OutPoint,
    sats: u64,
}

impl Wallet {
    /// The wallet that `provenhash demo` endows, with the coin that it owns from the start.
    pub fn demo() -> anyhow::Result<Wallet> {
        let key = SecretKey::from_slice(&sha256(b"provenhash demo wallet")).context("a hash that is no key")?;
        let outpoint = OutPoint { txid: Txid::from_byte_array(sha256d(ENDOWMENT_NAME)), vout: 0 };
        Ok(Wallet { key, coins: vec![OwnCoin { outpoint, sats: ENDOWMENT_SATS }] })
    }

    /// The same without coins.
    pub fn empty() -> anyhow::Result<Wallet> {
        Ok(Wallet { coins: Vec::new(), ..Wallet::demo()? })
    }

    /// The demo's wallet as it was left, if it was used before.
    pub fn load(file: &Path) -> anyhow::Result<Wallet> {
        let demo = Wallet::demo()?;
        match fs::read(file) {
            Ok(bytes) => Ok(Wallet { coins: serde_json::from_slice(&bytes).context("the wallet's file")?, ..demo }),
            Err(_) => Ok(demo),
        }
    }

    /// Keeps its coins for [`Wallet::load`].
    pub fn save(&self, file: &Path) -> anyhow::Result<()> {
        fs::write(file, serde_json::to_vec(&self.coins)?).with_context(|| format!("can't write {}", file.display()))
    }

    /// Where it is paid.
    pub fn address(&self) -> Address {
        Address::p2wpkh(&CompressedPublicKey(self.key.public_key(&Secp256k1::new())), Network::Regtest)
    }

    /// Takes in the coins that a transaction pays to it.
    pub fn receive(&mut self, transaction: &Transaction) {
        let (txid, own) = (transaction.compute_txid(), self.address().script_pubkey());
        let outputs = (0u32..).zip(&transaction.output).filter(|(_, output)| output.script_pubkey == own);
        self.coins.extend(
            outputs.map(|(vout, output)| OwnCoin { outpoint: OutPoint { txid, vout }, sats: output.value.to_sat() }),
        );
    }

    /// Pays with its largest coin; the change is its next coin.
    pub fn pay(&mut self, address: &str, sats: u64) -> anyhow::Result<Transaction> {
        self.pay_with_fee(address, sats, FEE_SATS)
    }

    /// The same for a fee of its own choice.
    pub fn pay_with_fee(&mut self, address: &str, sats: u64, fee: u64) -> anyhow::Result<Transaction> {
        let coin = *self.coins.iter().max_by_key(|coin| coin.sats).context("the wallet is empty")?;
        let payment = self.spend(coin, &script_of(address)?, sats, fee)?;
        self.coins.retain(|other| *other != coin);
        self.receive(&payment);
        Ok(payment)
    }

    /// Replaces a payment of this wallet that waits: the same coin to another address, for ten times the fee.
    pub fn replace(&mut self, payment: &Transaction, address: &str, sats: u64) -> anyhow::Result<Transaction> {
        let spent: u64 = payment.output.iter().map(|output| output.value.to_sat()).sum();
        let coin = OwnCoin { outpoint: payment.input[0].previous_output, sats: spent + FEE_SATS };
        let txid = payment.compute_txid();
        self.coins.retain(|other| other.outpoint.txid != txid);
        let replacement = self.spend(coin, &script_of(address)?, sats, 10 * FEE_SATS)?;
        self.receive(&replacement);
        Ok(replacement)
    }

    fn spend(&self, coin: OwnCoin, script: &ScriptBuf, sats: u64, fee: u64) -> anyhow::Result<Transaction> {
        ensure!(coin.sats > sats + fee, "the wallet has too little");
        let output = |sats, script_pubkey| TxOut { value: Amount::from_sat(sats), script_pubkey };
        let change = output(coin.sats - sats - fee, self.address().script_pubkey());
        let sequence = Sequence::ENABLE_RBF_NO_LOCKTIME;
        let mut transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn { previous_output: coin.outpoint, sequence, ..TxIn::default() }],
            output: vec![output(sats, script.clone()), change],
        };
        self.sign(&mut transaction, coin)?;
        Ok(transaction)
    }

    fn sign(&self, transaction: &mut Transaction, coin: OwnCoin) -> anyhow::Result<()> {
        let (secp, all) = (Secp256k1::new(), EcdsaSighashType::All);
        let (own, value) = (self.address().script_pubkey(), Amount::from_sat(coin.sats));
        let hash = SighashCache::new(&*transaction).p2wpkh_signature_hash(0, &own, value, all)?;
        let signature = secp.sign_ecdsa(&Message::from_digest(hash.to_byte_array()), &self.key);
        let signature = Signature { signature, sighash_type: all };
        transaction.input[0].witness = Witness::p2wpkh(&signature, &self.key.public_key(&secp));
        Ok(())
    }
}

fn script_of(address: &str) -> anyhow::Result<ScriptBuf> {
    let address: Address<_> = address.parse().with_context(|| format!("{address} is no address"))?;
    Ok(address.require_network(Network::Regtest)?.script_pubkey())
}
