//! Settings of a space: branding, the control group, summaries (spec/trophy.md 15.5, 2.7).

use axum::Json;
use axum::extract::State;
use engine::definition::{Aggregation, Definition, Font, Settings};
use wire::Patch;
use wire::trophy_admin as w;

use super::batch;
use crate::app::App;
use crate::body::RawBody;
use crate::door::AdminCaller;
use crate::problem::{Problem, Result};

fn font(font: Font) -> w::Font {
    match font {
        Font::ModernSans => w::Font::ModernSans,
        Font::BookSans => w::Font::BookSans,
        Font::OrganicSans => w::Font::OrganicSans,
        Font::GeometricSans => w::Font::GeometricSans,
        Font::HeavySans => w::Font::HeavySans,
        Font::RoundedSans => w::Font::RoundedSans,
        Font::ModernSerif => w::Font::ModernSerif,
        Font::BookSerif => w::Font::BookSerif,
        Font::Monospace => w::Font::Monospace,
    }
}

fn chosen(font: w::Font) -> Font {
    match font {
        w::Font::ModernSans => Font::ModernSans,
        w::Font::BookSans => Font::BookSans,
        w::Font::OrganicSans => Font::OrganicSans,
        w::Font::GeometricSans => Font::GeometricSans,
        w::Font::HeavySans => Font::HeavySans,
        w::Font::RoundedSans => Font::RoundedSans,
        w::Font::ModernSerif => Font::ModernSerif,
        w::Font::BookSerif => Font::BookSerif,
        w::Font::Monospace => Font::Monospace,
    }
}

fn shown(settings: &Settings) -> w::AdminSettings {
    let image = |url: &Option<String>| url.clone().map(|url| w::Image { url });
    w::AdminSettings {
        branding: w::AdminSettingsBranding {
            app_name: settings.app_name.clone(),
            app_url: settings.app_url.clone(),
            brand_color: settings.brand_color.clone(),
            font: font(settings.font),
            logo: image(&settings.logo),
            app_icon: image(&settings.app_icon),
        },
        experimentation: w::AdminSettingsExperimentation {
            control_ratio: settings.control_percent,
            user_activation_window: settings.activation_days,
        },
        aggregation_period: match settings.aggregation {
            Aggregation::Weekly => w::AggregationPeriod::Weekly,
            Aggregation::Monthly => w::AggregationPeriod::Monthly,
        },
    }
}

fn address(before: Option<String>, sent: Patch<w::Image>) -> Option<String> {
    match sent {
        Patch::Absent => before,
        Patch::Null => None,
        Patch::Value(image) => Some(image.url),
    }
}

/// The settings after a change: members that were not sent stay, also inside. An error names what
/// cannot be.
fn merged(
    mut settings: Settings,
    change: w::UpdateSettingsRequest,
) -> std::result::Result<Settings, String> {
    match change.branding {
        Patch::Absent => {}
        Patch::Null => return Err("branding must be an object".to_owned()),
        Patch::Value(sent) => {
            settings.app_name = sent.app_name.unwrap_or(settings.app_name);
            settings.app_url = sent.app_url.unwrap_or(settings.app_url);
            settings.brand_color = sent.brand_color.unwrap_or(settings.brand_color);
            settings.font = sent.font.map_or(settings.font, chosen);
            settings.logo = address(settings.logo, sent.logo);
            settings.app_icon = address(settings.app_icon, sent.app_icon);
        }
    }
    match change.experimentation {
        Patch::Absent => {}
        Patch::Null => return Err("experimentation must be an object".to_owned()),
        Patch::Value(sent) => {
            settings.control_percent = sent.control_ratio.unwrap_or(settings.control_percent);
            settings.activation_days = sent
                .user_activation_window
                .unwrap_or(settings.activation_days);
        }
    }
    settings.aggregation = match change.aggregation_period {
        None => settings.aggregation,
        Some(w::AggregationPeriod::Weekly) => Aggregation::Weekly,
        Some(w::AggregationPeriod::Monthly) => Aggregation::Monthly,
    };
    settings.problem().map_or(Ok(settings), Err)
}

/// Shows the settings.
#[utoipa::path(
    get, path = "/settings", operation_id = "admin_settings_get", tag = "Settings",
    responses((status = 200, description = "The settings.", body = w::AdminSettings)),
)]
pub async fn get_settings(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
) -> Result<Json<w::AdminSettings>> {
    app.read(&caller, |view| Ok(Json(shown(&view.catalog.settings))))
        .await
}

/// Changes settings: members that are not sent stay, also inside `branding` and `experimentation`.
#[utoipa::path(
    patch, path = "/settings", operation_id = "admin_settings_update", tag = "Settings",
    request_body = w::UpdateSettingsRequest,
    responses((status = 200, description = "All settings after the change.", body = w::AdminSettings)),
)]
pub async fn update_settings(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Json<w::AdminSettings>> {
    let change = batch::object(&body)?;
    app.configure(&caller, move |configuration| {
        let before = configuration.catalog.settings.clone();
        let settings = merged(before, change).map_err(Problem::unprocessable)?;
        let shown = shown(&settings);
        if !configuration.keep_only(settings)? {
            configuration.unchanged();
        }
        Ok(Json(shown))
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(change: serde_json::Value) -> std::result::Result<Settings, String> {
        let before = Settings {
            logo: Some("https://example.com/logo.png".to_owned()),
            ..Settings::default()
        };
        merged(before, serde_json::from_value(change).unwrap())
    }

    #[test]
    fn members_that_were_not_sent_stay() {
        let after = change(json!({
            "branding": {"appName": "Words", "font": "MONOSPACE"},
            "experimentation": {"controlRatio": 20},
        }))
        .unwrap();
        assert_eq!(
            (after.app_name.as_str(), after.font),
            ("Words", Font::Monospace)
        );
        assert_eq!((after.control_percent, after.activation_days), (20, 14));
        assert_eq!(after.app_url, "https://example.com");
        assert!(after.logo.is_some());
        let cleared = change(json!({"branding": {"logo": null}})).unwrap();
        assert_eq!(cleared.logo, None);
    }

    #[test]
    fn violations_are_refused() {
        for wrong in [
            json!({"branding": null}),
            json!({"experimentation": null}),
            json!({"branding": {"appName": ""}}),
            json!({"branding": {"appUrl": "example"}}),
            json!({"branding": {"brandColor": "red"}}),
            json!({"branding": {"logo": {"url": "x"}}}),
            json!({"experimentation": {"controlRatio": 101}}),
            json!({"experimentation": {"userActivationWindow": 2}}),
        ] {
            assert!(change(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
