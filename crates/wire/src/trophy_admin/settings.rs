//! Settings of an environment (`spec/trophy.md` 15.5).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Image;
use crate::Patch;

/// The font of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Font {
    /// A modern sans-serif.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AggregationPeriod {
    /// Every week.
    Weekly,
    /// Every month.
    Monthly,
}

/// How the product presents itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminSettingsBranding {
    /// The name of the product.
    pub app_name: String,
    /// The address of the product.
    pub app_url: String,
    /// Its colour, as in CSS.
    pub brand_color: String,
    /// The font of messages.
    pub font: Font,
    /// The logo, if any.
    #[schema(required)]
    pub logo: Option<Image>,
    /// The icon of push notifications, if any.
    #[schema(required)]
    pub app_icon: Option<Image>,
}

/// How gamification is tested against none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminSettingsExperimentation {
    /// The share of new users in the control group, in percent.
    pub control_ratio: i64,
    /// How many days after the first event a user counts as new.
    pub user_activation_window: i64,
}

/// The settings of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminSettings {
    /// How the product presents itself.
    pub branding: AdminSettingsBranding,
    /// How gamification is tested against none.
    pub experimentation: AdminSettingsExperimentation,
    /// How often summaries are made.
    pub aggregation_period: AggregationPeriod,
}

/// A change of how the product presents itself.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateSettingsBranding {
    /// The name of the product.
    pub app_name: Option<String>,
    /// The address of the product.
    pub app_url: Option<String>,
    /// Its colour, as in CSS.
    pub brand_color: Option<String>,
    /// The font of messages.
    pub font: Option<Font>,
    /// The logo; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<Image>)]
    pub logo: Patch<Image>,
    /// The icon of push notifications; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<Image>)]
    pub app_icon: Patch<Image>,
}

/// A change of how gamification is tested against none.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateSettingsExperimentation {
    /// The share of new users in the control group, in percent.
    pub control_ratio: Option<i64>,
    /// How many days after the first event a user counts as new.
    pub user_activation_window: Option<i64>,
}

/// A change of the settings, merged member by member.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateSettingsRequest {
    /// How the product presents itself; null is refused, therefore told apart from absence.
    #[serde(default)]
    #[schema(value_type = UpdateSettingsBranding, required = false)]
    pub branding: Patch<UpdateSettingsBranding>,
    /// How gamification is tested against none; null is refused, therefore told apart from absence.
    #[serde(default)]
    #[schema(value_type = UpdateSettingsExperimentation, required = false)]
    pub experimentation: Patch<UpdateSettingsExperimentation>,
    /// How often summaries are made.
    pub aggregation_period: Option<AggregationPeriod>,
}
