//! Exact quantities: metric values and totals in millionths.
//!
//! Sums of whole millionths do not depend on their order, which is what makes a replay of the event log bit for bit equal.

use serde::{Deserialize, Serialize};

/// A quantity with six decimals, between [`Amount::MIN`] and [`Amount::MAX`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Amount(i64);

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a decimal number.
    #[error("is not a number")]
    NotANumber,
    /// Beyond what is kept exactly.
    #[error("must be between -9000000000000 and 9000000000000")]
    OutOfRange,
}

const UNIT: i64 = 1_000_000;

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount: 9,000,000,000,000 (design.md 4).
    pub const MAX: Self = Self(9_000_000_000_000 * UNIT);
    /// The smallest amount.
    pub const MIN: Self = Self(-9_000_000_000_000 * UNIT);

    /// Takes a count of millionths as the store keeps it.
    pub const fn from_millionths(millionths: i64) -> Self {
        Self(millionths)
    }

    /// A whole number of units; saturates at the bounds.
    pub const fn from_units(units: i64) -> Self {
        Self(units.saturating_mul(UNIT))
    }

    /// The count of millionths.
    pub const fn millionths(self) -> i64 {
        self.0
    }

    /// Reads a decimal text such as `-12.5` or `1e-3`; more than six decimals round half away from zero.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (
                mantissa,
                exponent.parse::<i64>().map_err(|_| Error::NotANumber)?,
            ),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty()
            || !whole
                .bytes()
                .chain(fraction.bytes())
                .all(|b| b.is_ascii_digit())
        {
            return Err(Error::NotANumber);
        }
        // `point` counts the digits before the decimal point once it has moved six places right.
        let point = i64::try_from(whole.len())
            .unwrap_or(i64::MAX)
            .saturating_add(exponent)
            .saturating_add(6);
        let mut millionths: i128 = 0;
        let mut round_up = false;
        let mut place: i64 = 0;
        for digit in whole
            .bytes()
            .chain(fraction.bytes())
            .map(|b| i128::from(b.saturating_sub(b'0')))
        {
            if place < point {
                millionths = millionths.saturating_mul(10).saturating_add(digit);
            } else if place == point {
                round_up = digit >= 5;
            }
            place = place.saturating_add(1);
        }
        if millionths != 0 {
            let missing = point.saturating_sub(place);
            if missing > 40 {
                return Err(Error::OutOfRange);
            }
            for _ in 0..missing.max(0) {
                millionths = millionths.saturating_mul(10);
            }
        }
        if round_up {
            millionths = millionths.saturating_add(1);
        }
        if negative {
            millionths = millionths.saturating_neg();
        }
        let amount = i64::try_from(millionths).map_err(|_| Error::OutOfRange)?;
        Self(amount).in_range().ok_or(Error::OutOfRange)
    }

    /// The sum, or nothing when it leaves the range.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self(self.0.checked_add(other.0)?).in_range()
    }

    /// The nearest double, for the wire.
    #[expect(clippy::cast_precision_loss, reason = "the wire carries doubles")]
    pub fn to_f64(self) -> f64 {
        // Division of two exactly rounded values gives the double nearest to the decimal text for
        // every amount below 2^53 millionths; beyond that the wire could not carry more anyway.
        self.0 as f64 / UNIT as f64
    }

    /// The nearest whole number, half away from zero (spec/trophy.md 7.6, AMB-39).
    pub fn rounded(self) -> i64 {
        let half = if self.0 < 0 { -UNIT / 2 } else { UNIT / 2 };
        self.0.saturating_add(half) / UNIT
    }

    /// How often `step` units fit below or into this amount: the floor of the quotient.
    pub fn steps(self, step: i64) -> i64 {
        match step.checked_mul(UNIT) {
            Some(step) if step > 0 => self.0.div_euclid(step),
            // A step beyond the range is never reached by an amount, except downwards.
            _ => {
                if self.0 < 0 {
                    -1
                } else {
                    0
                }
            }
        }
    }

    fn in_range(self) -> Option<Self> {
        (Self::MIN..=Self::MAX).contains(&self).then_some(self)
    }
}

/// An optional amount as a JSON number, for documents that keep the form in which they are shown.
pub mod number {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::Amount;

    /// Writes the nearest double.
    pub fn serialize<S: Serializer>(
        amount: &Option<Amount>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match amount {
            Some(amount) => serializer.serialize_f64(amount.to_f64()),
            None => serializer.serialize_none(),
        }
    }

    /// Reads any JSON number in range.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Amount>, D::Error> {
        Option::<serde_json::Number>::deserialize(deserializer)?
            .map(|number| {
                Amount::parse(&number.to_string())
                    .map_err(|error| de::Error::custom(format!("the number {error}")))
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_decimal_texts() {
        for (text, millionths) in [
            ("0", 0),
            ("-0.0", 0),
            ("1", 1_000_000),
            ("0.1", 100_000),
            ("-2.5", -2_500_000),
            ("1e3", 1_000_000_000),
            ("1.5E-3", 1_500),
            ("0.0000005", 1),
            ("0.0000004", 0),
            ("-0.0000005", -1),
            ("0.30000000000000004", 300_000),
            ("9000000000000", 9_000_000_000_000_000_000),
            ("1e-400", 0),
            ("5e-7", 1),
            ("0e999999999", 0),
        ] {
            assert_eq!(
                Amount::parse(text).map(Amount::millionths),
                Ok(millionths),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for text in ["", "-", ".", "abc", "1.2.3", "NaN", "1e", "0x1", " 1"] {
            assert_eq!(Amount::parse(text), Err(Error::NotANumber), "{text}");
        }
        for text in [
            "9000000000000.000001",
            "1e13",
            "-1e300",
            "1e9223372036854775807",
        ] {
            assert_eq!(Amount::parse(text), Err(Error::OutOfRange), "{text}");
        }
    }

    #[test]
    fn rounds_and_steps() {
        assert_eq!(Amount::parse("2.5").unwrap().rounded(), 3);
        assert_eq!(Amount::parse("-2.5").unwrap().rounded(), -3);
        assert_eq!(Amount::parse("2.499999").unwrap().rounded(), 2);
        assert_eq!(Amount::parse("7").unwrap().steps(3), 2);
        assert_eq!(Amount::parse("-1").unwrap().steps(3), -1);
        assert_eq!(Amount::MAX.steps(i64::MAX), 0);
    }

    #[test]
    fn sums_stay_in_range() {
        assert_eq!(Amount::MAX.checked_add(Amount::from_millionths(1)), None);
        assert_eq!(Amount::MAX.checked_add(Amount::MIN), Some(Amount::ZERO));
    }
}
