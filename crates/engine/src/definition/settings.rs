//! Settings of a space: how the product presents itself, and the control group (spec/trophy.md 15.5, 2.7).

use serde::{Deserialize, Serialize};

use super::{Definition, Kind, is_url};

/// The font of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Font {
    /// A modern sans-serif.
    #[default]
    ModernSans,
    /// A sans-serif for long texts.
    BookSans,
    /// An organic sans-serif.
    OrganicSans,
    /// A geometric sans-serif.
    GeometricSans,
    /// A heavy sans-serif.
    HeavySans,
    /// A rounded sans-serif.
    RoundedSans,
    /// A modern serif.
    ModernSerif,
    /// A serif for long texts.
    BookSerif,
    /// A monospaced font.
    Monospace,
}

/// How often summaries are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Every week.
    #[default]
    Weekly,
    /// Every month.
    Monthly,
}

/// The settings of a space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The name of the product.
    pub app_name: String,
    /// The address of the product.
    pub app_url: String,
    /// Its colour, as in CSS.
    pub brand_color: String,
    /// The font of messages.
    pub font: Font,
    /// The address of the logo.
    pub logo: Option<String>,
    /// The address of the icon of push notifications.
    pub app_icon: Option<String>,
    /// The share of new users in the control group, in percent.
    pub control_percent: i64,
    /// How many days after the first event a user counts as new.
    pub activation_days: i64,
    /// How often summaries are made.
    pub aggregation: Aggregation,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            app_name: "My App".to_owned(),
            app_url: "https://example.com".to_owned(),
            brand_color: "#000000".to_owned(),
            font: Font::default(),
            logo: None,
            app_icon: None,
            control_percent: 0,
            activation_days: 14,
            aggregation: Aggregation::default(),
        }
    }
}

/// The longest name of a product.
const NAME_CHARS_MAX: usize = 255;

impl Definition for Settings {
    const KIND: Kind = Kind::Settings;

    fn unique_key(&self) -> Option<String> {
        Some("settings".to_owned())
    }

    fn problem(&self) -> Option<String> {
        let is_bad_url = |url: &Option<String>| url.as_deref().is_some_and(|url| !is_url(url));
        let sentence = if self.app_name.trim().is_empty() {
            "branding.appName must not be empty"
        } else if self.app_name.chars().count() > NAME_CHARS_MAX {
            "branding.appName must have at most 255 characters"
        } else if !is_url(&self.app_url) {
            "branding.appUrl must be an absolute address"
        } else if !is_color(&self.brand_color) {
            "branding.brandColor must be #RGB, #RRGGBB, rgb(r,g,b) or rgba(r,g,b,a)"
        } else if is_bad_url(&self.logo) {
            "branding.logo.url must be an absolute address"
        } else if is_bad_url(&self.app_icon) {
            "branding.appIcon.url must be an absolute address"
        } else if !(0..=100).contains(&self.control_percent) {
            "experimentation.controlRatio must be between 0 and 100"
        } else if !(3..=30).contains(&self.activation_days) {
            "experimentation.userActivationWindow must be between 3 and 30"
        } else {
            return None;
        };
        Some(sentence.to_owned())
    }
}

/// Whether a text is a colour in one of the forms that are accepted.
fn is_color(text: &str) -> bool {
    if let Some(digits) = text.strip_prefix('#') {
        return matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    }
    let arguments = |name: &str| {
        let inner = text.strip_prefix(name)?.strip_prefix('(')?;
        Some(inner.strip_suffix(')')?.split(',').map(str::trim).collect())
    };
    let is_channel = |text: &&str| {
        text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u8>().is_ok()
    };
    let is_opacity = |text: &str| {
        text.len() <= 8
            && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && text
                .parse::<f64>()
                .is_ok_and(|opacity| (0.0..=1.0).contains(&opacity))
    };
    let rgba: Option<Vec<&str>> = arguments("rgba");
    if let Some(parts) = rgba {
        return matches!(parts.as_slice(), [colors @ .., opacity]
            if colors.len() == 3 && colors.iter().all(is_channel) && is_opacity(opacity));
    }
    let rgb: Option<Vec<&str>> = arguments("rgb");
    rgb.is_some_and(|parts| parts.len() == 3 && parts.iter().all(is_channel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_come_in_four_forms() {
        for good in [
            "#fff",
            "#A0b1C2",
            "rgb(1,2,3)",
            "rgb(1, 20, 255)",
            "rgba(0,0,0,0.5)",
        ] {
            assert!(is_color(good), "{good}");
        }
        for bad in [
            "",
            "red",
            "#ff",
            "#ggg",
            "#12345",
            "rgb(1,2)",
            "rgb(1,2,256)",
            "rgb(-1,2,3)",
            "rgba(1,2,3)",
            "rgba(1,2,3,1.5)",
            "rgba(1,2,3,x)",
            "rgb(1,2,3",
            "rgb(,,)",
        ] {
            assert!(!is_color(bad), "{bad}");
        }
    }

    #[test]
    fn a_fresh_installation_is_in_order() {
        assert_eq!(Settings::default().problem(), None);
    }
}
