//! What boosts make of earned points (spec/trophy.md 6.4, 6.7).
//!
//! The product of the multipliers is exact however many there are, and it is rounded once.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::amount::Amount;
use crate::catalog::{BoostEntry, Catalog};
use crate::definition::{POINTS_MAX, Rounding};
use crate::id::CurrencyId;
use crate::user::User;

/// The boosts of a system that apply to what a user earns at an instant, which is this date for the
/// user. What was earned before a boost was made is not touched by it.
pub(crate) fn applied<'a>(
    catalog: &'a Catalog,
    system: CurrencyId,
    user: &'a User,
    at: Timestamp,
    date: Date,
) -> impl Iterator<Item = &'a BoostEntry> {
    catalog
        .boosts_for(system, user.id)
        .filter(move |boost| boost.stored.created <= at && boost.applies(user, date))
}

/// Points times all multipliers, rounded once by the mode that takes precedence; at most
/// [`POINTS_MAX`]. Points below one are not boosted (AMB-72).
pub(crate) fn boosted<'a>(points: i128, boosts: impl Iterator<Item = &'a BoostEntry>) -> i64 {
    let factors: Vec<(Amount, Rounding)> = boosts
        .map(|boost| (boost.body().multiplier, boost.body().rounding))
        .collect();
    multiplied(points, &factors)
}

fn multiplied(points: i128, factors: &[(Amount, Rounding)]) -> i64 {
    let whole = |points: i128| i64::try_from(points).unwrap_or(i64::MAX).min(POINTS_MAX);
    let Some(rounding) = factors.iter().map(|(_, rounding)| *rounding).min() else {
        return whole(points.max(i128::from(i64::MIN))).max(-POINTS_MAX);
    };
    let Ok(points) = u128::try_from(points) else {
        return multiplied(points, &[]);
    };
    let mut number = Natural::of(points);
    for (multiplier, _) in factors {
        // A multiplier is below 100, that is 100,000,000 millionths.
        number.multiply(u32::try_from(multiplier.millionths()).unwrap_or(0));
    }
    // Dividing by a million once for every factor; of what is left over only the last remainder and
    // whether there were others decide how to round.
    let mut last = 0;
    let mut has_more = false;
    for _ in factors {
        has_more |= last != 0;
        last = number.divide(MILLION);
    }
    let is_up = match rounding {
        Rounding::Down => false,
        Rounding::Nearest => last >= MILLION / 2,
        Rounding::Up => last != 0 || has_more,
    };
    let product = number.to_i64().unwrap_or(POINTS_MAX);
    product.saturating_add(i64::from(is_up)).min(POINTS_MAX)
}

const MILLION: u32 = 1_000_000;

/// A whole number of any size, least digits first.
struct Natural(Vec<u32>);

impl Natural {
    fn of(mut value: u128) -> Self {
        let mut digits = Vec::new();
        while value > 0 {
            digits.push(low(value));
            value >>= u32::BITS;
        }
        Self(digits)
    }

    fn multiply(&mut self, factor: u32) {
        let mut carry: u64 = 0;
        for digit in &mut self.0 {
            let product = u64::from(*digit)
                .saturating_mul(u64::from(factor))
                .saturating_add(carry);
            *digit = low(u128::from(product));
            carry = product >> u32::BITS;
        }
        if carry > 0 {
            self.0.push(low(u128::from(carry)));
        }
    }

    /// Divides and answers the remainder.
    fn divide(&mut self, divisor: u32) -> u32 {
        let divisor = u64::from(divisor.max(1));
        let mut rest: u64 = 0;
        for digit in self.0.iter_mut().rev() {
            let value = (rest << u32::BITS) | u64::from(*digit);
            *digit = low(u128::from(value.checked_div(divisor).unwrap_or(0)));
            rest = value.checked_rem(divisor).unwrap_or(0);
        }
        low(u128::from(rest))
    }

    fn to_i64(&self) -> Option<i64> {
        self.0.iter().rev().try_fold(0_i64, |value, digit| {
            value
                .checked_mul(1 << u32::BITS)?
                .checked_add(i64::from(*digit))
        })
    }
}

/// The lowest digit.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lowest 32 bits are asked for"
)]
fn low(value: u128) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(points: i128, factors: &[(&str, Rounding)]) -> i64 {
        let factors: Vec<_> = factors
            .iter()
            .map(|(text, rounding)| (Amount::parse(text).unwrap(), *rounding))
            .collect();
        multiplied(points, &factors)
    }

    #[test]
    fn without_boosts_points_stay_in_range() {
        assert_eq!(times(7, &[]), 7);
        assert_eq!(times(-7, &[]), -7);
        assert_eq!(times(i128::MAX, &[]), POINTS_MAX);
        assert_eq!(times(i128::MIN, &[]), -POINTS_MAX);
    }

    /// AMB-33.
    #[test]
    fn amb33_rounds_once_and_down_wins_over_nearest_over_up() {
        use Rounding::{Down, Nearest, Up};
        assert_eq!(times(10, &[("1.5", Down), ("1.5", Up)]), 22);
        assert_eq!(times(10, &[("1.5", Nearest), ("1.5", Up)]), 23);
        assert_eq!(times(1, &[("1.1", Nearest), ("1.3", Up)]), 1);
        assert_eq!(times(1, &[("1.1", Up), ("1.3", Up)]), 2);
        // Rounding after each factor would give 2 * 2 = 4.
        assert_eq!(times(1, &[("1.5", Nearest), ("1.5", Nearest)]), 2);
    }

    #[test]
    fn many_factors_neither_overflow_nor_lose_anything() {
        use Rounding::{Down, Nearest, Up};
        let mut factors = vec![("99.999999", Down); 40];
        assert_eq!(times(9_000_000_000_000_000, &factors), POINTS_MAX);
        factors = [vec![("32", Up); 20], vec![("0.03125", Up); 20]].concat();
        assert_eq!(times(12_345, &factors), 12_345);
        // 10^30 / 10^30, and a little more and less.
        assert_eq!(
            times(i128::from(POINTS_MAX) * 1_000, &[("0.001", Down)]),
            POINTS_MAX
        );
        assert_eq!(times(1, &vec![("0.000001", Up); 30]), 1);
        assert_eq!(times(1, &vec![("0.000001", Nearest); 30]), 0);
        assert_eq!(times(500_000, &[("0.000001", Nearest)]), 1);
        assert_eq!(times(499_999, &[("0.000001", Nearest)]), 0);
        assert_eq!(times(0, &[("2", Up)]), 0);
    }
}
