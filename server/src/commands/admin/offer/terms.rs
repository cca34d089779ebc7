//! Terms as flags.

#[cfg(test)]
mod tests;

use anyhow::{Result, bail};
use audit_core::entry::{Maintenance, Refund, Rounding, Scheme, Shortfall, Suspension, Terms};
use audit_core::work::{Sats, Work};
use clap::{Args, ValueEnum, value_parser};

use crate::config::sats;

/// Earnings move: who pauses at the maintenance rate and resumes at it goes back and forth.
const RESUME_PPM: u64 = 1_050_000;

/// The terms of an offer. Each flag needs the fee, so that an offer never has another one than its operator has in mind.
#[derive(Args, Debug)]
#[command(next_help_heading = "Terms of its own")]
pub(super) struct TermsArgs {
    /// The operator's part of what is earned, in millionths. Without it the offer has the usual terms: proportional, with
    /// the server's own fee
    #[arg(long, value_parser = value_parser!(u32).range(0..=1_000_000))]
    fee_ppm: Option<u32>,
    /// How what is earned is divided
    #[arg(long, value_enum, default_value = "proportional", requires = "fee_ppm")]
    scheme: SchemeName,
    /// How far back a PPLNS window reaches, in hashes
    #[arg(long, requires = "fee_ppm", required_if_eq("scheme", "pplns"))]
    window_work: Option<Work>,
    /// What running the machines costs for 1 TH/s in a day, taken from what is earned; without it the price includes it
    #[arg(long, value_parser = sats, requires = "fee_ppm")]
    maintenance_sats_per_ths_day: Option<Sats>,
    /// Pay back at a contract's end what is missing of its promised work, beyond so many millionths of it
    #[arg(long, value_parser = value_parser!(u32).range(0..=1_000_000), requires = "fee_ppm")]
    make_good_tolerance_ppm: Option<u32>,
    /// Pay back the price of time in which a contract was paused, or for which it was closed early
    #[arg(long, requires = "fee_ppm")]
    refund_unused_time: bool,
    /// Pause contracts after so many periods (of accruals) in a row in which a hash earned less than its maintenance
    #[arg(long, value_parser = value_parser!(u64).range(1..), requires_all = ["fee_ppm", "maintenance_sats_per_ths_day"])]
    suspend_after_periods: Option<u64>,
    /// So many millionths of the maintenance must be earned again before they go on
    #[arg(long, value_parser = value_parser!(u64).range(1_000_000..), default_value_t = RESUME_PPM,
        requires = "suspend_after_periods")]
    resume_ppm: u64,
    /// For so many periods in a row
    #[arg(long, value_parser = value_parser!(u64).range(1..), default_value_t = 1, requires = "suspend_after_periods")]
    resume_after_periods: u64,
}

/// A scheme's name in the log.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SchemeName {
    Proportional,
    Pplns,
    Solo,
    Pps,
    Fpps,
}

impl TermsArgs {
    /// The terms; `None` for the usual ones.
    ///
    /// # Errors
    /// Flags that do not fit each other.
    pub(super) fn terms(&self) -> Result<Option<Terms>> {
        let Some(fee_ppm) = self.fee_ppm else { return Ok(None) };
        let terms = Terms {
            scheme: self.scheme()?,
            fee_ppm,
            maintenance: self.maintenance_sats_per_ths_day.map_or(Maintenance::Included, Maintenance::SatsPerThsDay),
            rounding: Rounding::LargestRemainder,
            suspension: self.suspension(),
            shortfall: self
                .make_good_tolerance_ppm
                .map_or(Shortfall::ProRata, |tolerance_ppm| Shortfall::MakeGood { tolerance_ppm }),
            refund: if self.refund_unused_time { Refund::UnusedTime } else { Refund::None },
        };
        match terms.fault() {
            Some(fault) => bail!("these terms can't be logged: {fault}"),
            None => Ok(Some(terms)),
        }
    }

    fn scheme(&self) -> Result<Scheme> {
        Ok(match (self.scheme, self.window_work) {
            (SchemeName::Pplns, Some(window_work)) => Scheme::Pplns { window_work },
            (SchemeName::Proportional, None) => Scheme::Proportional,
            (SchemeName::Solo, None) => Scheme::Solo,
            (SchemeName::Pps, None) => Scheme::Pps,
            (SchemeName::Fpps, None) => Scheme::Fpps,
            _ => bail!("--window-work goes with --scheme pplns, and with no other"),
        })
    }

    fn suspension(&self) -> Suspension {
        let (resume_ppm, resume_periods) = (self.resume_ppm, self.resume_after_periods);
        self.suspend_after_periods.map_or(Suspension::None, |periods| Suspension::Unprofitable {
            periods,
            resume_ppm,
            resume_periods,
        })
    }
}
