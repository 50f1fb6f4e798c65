//! Query parameters (spec/trophy.md 1.4, 2.4).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::civil::{Date, Time};

use crate::problem::{Problem, Result};

/// The parameters of a request, in order.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl Query {
    /// Reads a query string.
    pub fn parse(text: &str) -> Result<Self> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .collect();
        if pairs
            .iter()
            .any(|(name, value)| name.contains('\0') || value.contains('\0'))
        {
            return Err(Problem::unprocessable(
                "the query must not contain the character NUL",
            ));
        }
        Ok(Self(pairs))
    }

    /// The first value of a parameter.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All values of an array parameter: repeated, `name[]`, `name[0]`, or one value with commas;
    /// commas separate only where the parameter occurs once (AMB-5).
    pub fn list(&self, name: &str) -> Vec<String> {
        let is_meant = |key: &str| {
            key == name
                || key
                    .strip_prefix(name)
                    .and_then(|rest| rest.strip_prefix('['))
                    .and_then(|rest| rest.strip_suffix(']'))
                    .is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let values: Vec<&str> = self
            .0
            .iter()
            .filter(|(key, _)| is_meant(key))
            .map(|(_, value)| value.as_str())
            .collect();
        match values.as_slice() {
            [only] => only
                .split(',')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
            many => many.iter().map(|value| (*value).to_owned()).collect(),
        }
    }

    /// A whole number within bounds.
    pub fn int(&self, name: &str, min: i64, max: i64, default: i64) -> Result<i64> {
        let Some(text) = self.one(name) else {
            return Ok(default);
        };
        text.parse()
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| {
                Problem::unprocessable(if max == i64::MAX {
                    format!("{name} must be a whole number of at least {min}")
                } else {
                    format!("{name} must be a whole number from {min} to {max}")
                })
            })
    }

    /// Whether a flag is set: `true` or `1`; all else is false.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.one(name), Some("true" | "1"))
    }

    /// A date.
    pub fn date(&self, name: &str) -> Result<Option<Date>> {
        self.one(name).map(|text| date(name, text)).transpose()
    }

    /// Pairs such as `city:london,plan:pro`, each split at its first colon; nothing if the parameter
    /// is missing.
    pub fn attributes(&self, name: &str) -> Result<Option<Vec<(String, String)>>> {
        let Some(text) = self.one(name) else {
            return Ok(None);
        };
        text.split(',')
            .map(|pair| {
                pair.split_once(':')
                    .filter(|(key, _)| !key.is_empty())
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .ok_or_else(|| {
                        Problem::unprocessable(format!("{name} must be key:value pairs"))
                    })
            })
            .collect::<Result<Vec<_>>>()
            .map(Some)
    }

    /// `limit` and `skip` of an admin list (spec/trophy.md 1.12).
    pub fn page(&self) -> Result<(i64, i64)> {
        Ok((
            self.int("limit", 1, 100, 10)?,
            self.int("skip", 0, i64::MAX, 0)?,
        ))
    }
}

/// Reads `YYYY-MM-DD`.
pub fn date(name: &str, text: &str) -> Result<Date> {
    let is_shaped = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    is_shaped
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| Problem::unprocessable(format!("{name} must be a date, YYYY-MM-DD")))
}

/// Reads `HH:mm` or `HH:mm:ss`.
pub fn time(name: &str, text: &str) -> Result<Time> {
    let number = |part: &str| {
        let is_shaped = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_shaped.then(|| part.parse::<i8>().ok()).flatten()
    };
    let parts: Option<Vec<i8>> = text.split(':').map(number).collect();
    let time = match parts.as_deref() {
        Some([hour, minute]) => Time::new(*hour, *minute, 0, 0).ok(),
        Some([hour, minute, second]) => Time::new(*hour, *minute, *second, 0).ok(),
        _ => None,
    };
    time.ok_or_else(|| {
        Problem::unprocessable(format!("{name} must be a time of day, HH:mm or HH:mm:ss"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec/trophy.md 0.3.
    #[test]
    fn times_of_day() {
        for (text, hour, minute, second) in [
            ("00:00", 0, 0, 0),
            ("09:05", 9, 5, 0),
            ("23:59:59", 23, 59, 59),
        ] {
            let expected = jiff::civil::time(hour, minute, second, 0);
            assert_eq!(time("startTime", text), Ok(expected));
        }
        for wrong in [
            "",
            "9:00",
            "09:0",
            "24:00",
            "09:60",
            "09:00:60",
            "09:00:00.5",
            "09:00Z",
            "0900",
            "+9:00",
            "09:00:00:00",
        ] {
            assert!(time("startTime", wrong).is_err(), "{wrong}");
        }
    }

    /// spec/trophy.md D.15.
    #[test]
    fn d15_array_and_attribute_parameters() {
        let list = |text: &str| Query::parse(text).unwrap().list("userIds");
        assert_eq!(list("userIds=a&userIds=b"), ["a", "b"]);
        assert_eq!(list("userIds=a,b"), ["a", "b"]);
        assert_eq!(list("userIds=a,x&userIds=b"), ["a,x", "b"]);
        assert_eq!(list("userIds[]=a&userIds[1]=b"), ["a", "b"]);
        let pairs = |text: &str| Query::parse(text).unwrap().attributes("userAttributes");
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            pairs("userAttributes=city:london,plan:pro"),
            Ok(Some(vec![pair("city", "london"), pair("plan", "pro")]))
        );
        assert_eq!(
            pairs("userAttributes=url:http://x"),
            Ok(Some(vec![pair("url", "http://x")]))
        );
        assert!(pairs("userAttributes=city").is_err());
    }
}
