//! A submission's texts → values: strict hex of exact length, so that no two texts give one share by accident.

use audit_core::header::VERSION_MASK;

use crate::{job_id::JobId, reject::RejectReason, stratum::submit::SubmitTexts};

/// A submission in good form. Nothing is said yet about its job or hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Submission {
    pub(crate) job: JobId,
    pub(crate) extranonce2: [u8; 8],
    pub(crate) ntime: u32,
    pub(crate) nonce: u32,
    /// Rolled bits within [`VERSION_MASK`]; `None` when the worker left the job's version alone.
    pub(crate) version_bits: Option<u32>,
}

impl Submission {
    /// `mask` is what the session negotiated.
    pub(super) fn read(submit: &SubmitTexts<'_>, mask: u32) -> Result<Self, RejectReason> {
        let version_bits = submit.version_bits;
        let version_bits = version_bits.map(|text| u32_from(text).ok_or(RejectReason::BadVersionBits)).transpose()?;
        if version_bits.is_some_and(|bits| bits & !(mask & VERSION_MASK) != 0) {
            return Err(RejectReason::BadVersionBits);
        }
        let mut extranonce2 = [0; 8];
        hex::decode_to_slice(submit.extranonce2, &mut extranonce2).map_err(|_| RejectReason::BadExtranonce2)?;
        Ok(Self {
            job: submit.job.parse().map_err(|_| RejectReason::UnknownJob)?,
            extranonce2,
            ntime: u32_from(submit.ntime).ok_or(RejectReason::NtimeOutOfRange)?,
            nonce: u32_from(submit.nonce).ok_or(RejectReason::Malformed)?,
            version_bits,
        })
    }
}

/// Exactly 8 hex digits, most significant first.
fn u32_from(text: &str) -> Option<u32> {
    let mut bytes = [0; 4];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stratum::request::Submit;

    fn submit() -> Submit {
        Submit {
            worker: "a".into(),
            job: "000000000000000700020d".into(),
            extranonce2: "0011223344556677".into(),
            ntime: "65000000".into(),
            nonce: "deadbeef".into(),
            version_bits: Some("00002000".into()),
        }
    }

    fn check(change: impl FnOnce(&mut Submit), mask: u32, expected: Result<(), RejectReason>) {
        let mut submit = submit();
        change(&mut submit);
        assert_eq!(Submission::read(&submit.texts(), mask).map(|_| ()), expected, "{submit:?}");
    }

    #[test]
    fn good_form_is_read() {
        let read = Submission::read(&submit().texts(), VERSION_MASK).unwrap();
        assert_eq!((read.nonce, read.ntime, read.version_bits), (0xdead_beef, 0x6500_0000, Some(0x2000)));
        assert_eq!(read.extranonce2, [0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77]);
        check(|submit| submit.version_bits = None, 0, Ok(()));
        check(|submit| submit.version_bits = Some("00000000".into()), 0, Ok(()));
    }

    #[test]
    fn each_broken_field_has_its_reason() {
        let mask = VERSION_MASK;
        check(|submit| submit.job = "1".into(), mask, Err(RejectReason::UnknownJob));
        check(|submit| submit.extranonce2 = "00112233445566".into(), mask, Err(RejectReason::BadExtranonce2));
        check(|submit| submit.extranonce2 = "0x11223344556677".into(), mask, Err(RejectReason::BadExtranonce2));
        check(|submit| submit.extranonce2.push_str("00"), mask, Err(RejectReason::BadExtranonce2));
        check(|submit| submit.ntime = "+5000000".into(), mask, Err(RejectReason::NtimeOutOfRange));
        check(|submit| submit.nonce = "beef".into(), mask, Err(RejectReason::Malformed));
        check(|submit| submit.version_bits = Some("2000".into()), mask, Err(RejectReason::BadVersionBits));
        check(|submit| submit.version_bits = Some("20000000".into()), mask, Err(RejectReason::BadVersionBits));
        check(|_| {}, 0x1fff_c000, Err(RejectReason::BadVersionBits));
        check(|_| {}, 0, Err(RejectReason::BadVersionBits));
    }
}
