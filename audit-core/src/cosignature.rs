//! Cosignatures of witnesses (c2sp.org/tlog-cosignature, the Ed25519 form): *at this time, this was the largest consistent
//! head of the log that I had seen*.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use ed25519_dalek::{Signer, SigningKey};
use signed_note::{Signature, Verifier};

use crate::vkey::{KeyKind, Vkey, signature_line};

/// Bytes of the time before the signature proper.
const TIME_LEN: usize = 8;
/// Bytes of an Ed25519 signature.
const SIGNATURE_LEN: usize = 64;

/// The private key of a witness. `Debug` shows only the name. The signed message does not hold the name, so one key is
/// for one witness only.
pub struct WitnessKey {
    name: String,
    key: SigningKey,
}

/// What is signed: two lines, then the whole text of the checkpoint's note.
pub fn message(time_s: u64, text: &[u8]) -> Vec<u8> {
    [format!("cosignature/v1\ntime {time_s}\n").as_bytes(), text].concat()
}

/// The time of a timestamped signature (POSIX seconds, at most 2⁶³ − 1) and the Ed25519 signature behind it.
pub fn split(timestamped: &[u8]) -> Option<(u64, &[u8])> {
    let (time_s, signature) = timestamped.split_first_chunk::<TIME_LEN>()?;
    let time_s = u64::from_be_bytes(*time_s);
    (signature.len() == SIGNATURE_LEN && i64::try_from(time_s).is_ok()).then_some((time_s, signature))
}

/// The first of these signature lines that is `witness`'s, when it verifies for `text`: the line with its end, and its
/// time in seconds. Lines of other keys are ignored, as c2sp.org/tlog-witness asks of who reads an answer.
pub fn of_witness(lines: &str, witness: &Vkey, text: &[u8]) -> Option<(String, u64)> {
    let signatures = lines.lines().filter_map(|line| Signature::from_bytes(line.as_bytes()).ok());
    let mut own = signatures.filter(|line| (line.name(), line.id()) == (witness.name(), witness.key_id()));
    let line = own.next()?;
    let (time_s, _) = split(line.signature())?;
    (witness.kind() == KeyKind::Witness && witness.verify(text, line.signature()))
        .then(|| (String::from_utf8_lossy(&line.to_bytes()).to_string(), time_s))
}

impl WitnessKey {
    /// From the 32-byte Ed25519 seed. The name must be one that notes allow ([`signed_note::is_key_name_valid`]).
    pub fn new(name: &str, seed: &[u8; 32]) -> Self {
        Self { name: name.into(), key: SigningKey::from_bytes(seed) }
    }

    /// The public key.
    pub fn vkey(&self) -> Vkey {
        Vkey::new(&self.name, KeyKind::Witness, self.key.verifying_key())
    }

    /// The signature line, with its end, for a checkpoint's note text at `time_s` (POSIX seconds).
    pub fn cosign(&self, text: &[u8], time_s: u64) -> String {
        let signature = self.key.sign(&message(time_s, text)).to_bytes();
        signature_line(&self.vkey(), &[&time_s.to_be_bytes()[..], &signature].concat())
    }
}

impl core::fmt::Debug for WitnessKey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "WitnessKey({}, ***)", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signed_note::Note;

    /// The example of c2sp.org/tlog-cosignature; its keys are not printed there.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

    #[test]
    fn the_published_message_is_signed_byte_for_byte() {
        let note = Note::from_bytes(EXAMPLE.as_bytes()).unwrap();
        let expected = "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n\
            CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        assert_eq!(message(1_679_315_147, note.text()), expected.as_bytes());
    }

    #[test]
    fn the_published_example_parses_to_its_time() {
        let line = EXAMPLE.lines().last().unwrap();
        let line = Signature::from_bytes(line.as_bytes()).unwrap();
        assert_eq!((line.name(), line.id()), ("witness.example.com/w1", 0x8d66_cf3f));
        let (time_s, signature) = split(line.signature()).unwrap();
        assert_eq!((time_s, signature.len()), (1_679_315_147, 64));
    }

    #[test]
    fn a_cosignature_verifies_for_its_time_and_text_only() {
        let key = WitnessKey::new("w.example", &[3; 32]);
        let line = key.cosign(b"text\n", 5);
        assert_eq!(of_witness(&line, &key.vkey(), b"text\n"), Some((line.clone(), 5)));
        assert_eq!(of_witness(&line, &key.vkey(), b"test\n"), None);
        assert_eq!(of_witness(&line, &WitnessKey::new("w.example", &[4; 32]).vkey(), b"text\n"), None);
        let signature = Signature::from_bytes(line.trim_end().as_bytes()).unwrap().signature().to_vec();
        assert!(key.vkey().verify(b"text\n", &signature));
        for index in 0..signature.len() {
            let mut changed = signature.clone();
            changed[index] ^= 1;
            assert!(!key.vkey().verify(b"text\n", &changed), "byte {index}");
        }
        assert!(!key.vkey().verify(b"text\n", &signature[..71]));
    }

    #[test]
    fn times_beyond_63_bits_are_refused() {
        let at = |time_s: u64| [&time_s.to_be_bytes()[..], &[0; 64]].concat();
        assert!(split(&at(i64::MAX as u64)).is_some());
        assert!(split(&at(1 << 63)).is_none());
    }

    #[test]
    fn lines_of_other_keys_are_ignored() {
        let (own, other) = (WitnessKey::new("w1", &[3; 32]), WitnessKey::new("w2", &[4; 32]));
        let lines = [other.cosign(b"t\n", 9), "not a line\n".into(), own.cosign(b"t\n", 5)].concat();
        assert_eq!(of_witness(&lines, &own.vkey(), b"t\n").unwrap().1, 5);
    }
}
