//! The generated description of each type against the contract: the same members, at least the same ones required.

use std::collections::BTreeSet;

use serde_json::{Value, to_value};
use testkit::contract::Contract;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{OpenApi, PartialSchema, ToSchema};
use wire::Patch;
use wire::trophy_admin as admin;
use wire::trophy_app as app;

use crate::NEWER_MEMBERS;

/// Members and required members of a generated schema; parts are looked up among the schemas it refers to.
fn members(
    schema: &Value,
    parts: &[(String, RefOr<Schema>)],
    all: &mut BTreeSet<String>,
    required: &mut BTreeSet<String>,
) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().expect("a name");
        let (_, part) = parts
            .iter()
            .find(|(part, _)| part == name)
            .unwrap_or_else(|| panic!("no part {name}"));
        members(&to_value(part).expect("a schema"), parts, all, required);
    }
    for part in schema
        .get("allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        members(part, parts, all, required);
    }
    all.extend(
        schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone()),
    );
    let names = schema.get("required").and_then(Value::as_array);
    required.extend(
        names
            .into_iter()
            .flatten()
            .map(|name| name.as_str().expect("a name").to_owned()),
    );
}

fn check<T: ToSchema + PartialSchema>(contract: &Contract) {
    let name = T::name();
    let wanted = contract.object(
        contract
            .schema(&name)
            .unwrap_or_else(|| panic!("the contract has no {name}")),
    );
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let (mut all, mut required) = (BTreeSet::new(), BTreeSet::new());
    members(
        &to_value(T::schema()).expect("a schema"),
        &parts,
        &mut all,
        &mut required,
    );

    let newer: BTreeSet<String> = NEWER_MEMBERS.iter().map(|&name| name.to_owned()).collect();
    let known: BTreeSet<String> = wanted.properties.keys().cloned().collect();
    let lacking: Vec<_> = known.difference(&all).collect();
    assert!(lacking.is_empty(), "{name} lacks {lacking:?}");
    let strange: Vec<_> = all
        .difference(&known)
        .filter(|&name| !newer.contains(name))
        .collect();
    assert!(strange.is_empty(), "{name} has {strange:?} too many");
    let optional: Vec<_> = wanted.required.difference(&required).collect();
    assert!(optional.is_empty(), "{name} does not require {optional:?}");
}

/// Checks a request: besides the members, that nothing is required that the contract leaves out.
fn check_request<T: ToSchema + PartialSchema>(contract: &Contract) {
    check::<T>(contract);
    let wanted = contract.object(contract.schema(&T::name()).expect("checked"));
    let (mut all, mut required) = (BTreeSet::new(), BTreeSet::new());
    members(
        &to_value(T::schema()).expect("a schema"),
        &[],
        &mut all,
        &mut required,
    );
    assert_eq!(required, wanted.required, "{}", T::name());
}

macro_rules! check_all {
    ($check:ident, $contract:expr, $module:ident: $($name:ident)+) => { $( $check::<$module::$name>(&$contract); )+ };
}

#[test]
fn application_types_are_described_as_in_the_contract() {
    let contract = Contract::read("trophy/application.json");
    check_all!(check, contract, app:
        BaseStreakResponse MetricEventStreakResponse StreakResponse PointsTrigger PointsAward PointsBoost PointsResponse
        GetUserPointsResponse PointsLevel LeaderboardResponse LeaderboardResponseWithRankings MetricEventPointsResponse
        MetricEventLeaderboardResponse AchievementResponse UserAchievementResponse UserAchievementWithStatsResponse
        AchievementWithStatsResponse MetricResponse User NotificationPreferences StreakMetricPreference StreakPreferences
        UserPreferencesResponse AchievementCompletionResponse EventResponse PointsRange PointsSystemResponse
        LeaderboardRanking LeaderboardEvent UserLeaderboardResponse UserLeaderboardResponseWithHistory WrappedMetric
        WrappedPoints WrappedStreak WrappedActivityPeriod WrappedMostActiveDay WrappedMostActiveWeek
        WrappedMostActiveMonth WrappedEntireYear WrappedActivity WrappedResponse);
    check_all!(check_request, contract, app: UpdatedUser UpsertedUser UpdateUserPreferencesRequest);
}

#[test]
fn admin_types_are_described_as_in_the_contract() {
    let contract = Contract::read("trophy/admin.json");
    check_all!(check, contract, admin:
        AdminStreakPause AdminAttribute AdminLeaderboard CreatedMetric AdminPointsBoost AdminPointsLevel
        AdminPointsTrigger AdminIssue DeletedResource AdminPointsSystem CreatedAdminPointsSystem AdminTenant
        CreatedApplicationKey BatchEventsResponse CreateStreakFreezesResponse RestoreStreaksResponse);
    check_all!(check_request, contract, admin:
        BatchMetricEventUser BatchMetricEvent CreateStreakFreezesRequest CreateStreakPausesRequest
        CreateAttributeRequestItem UpdateAttributeRequestItem CreateLeaderboardRequestItem UpdateLeaderboardRequestItem
        CreateMetricRequestItem UpdateMetricRequestItem CreatePointsBoostRequestItem CreatePointsLevelRequestItem
        CreatePointsTriggerRequestItem RestoreStreaksRequest CreatePointsSystemRequestItem UpdatePointsSystemRequestItem
        CreateTenantRequestItem UpdateTenantRequestItem CreateApplicationKeyRequestItem);
}

#[utoipa::path(post, path = "/attributes", responses((status = 201, body = admin::Created<admin::AdminAttribute>)))]
#[expect(dead_code, reason = "only described")]
fn create_attributes() {}

#[utoipa::path(patch, path = "/points", responses((status = 200, body = admin::Updated<admin::AdminPointsSystem>)))]
#[expect(dead_code, reason = "only described")]
fn update_points() {}

#[derive(OpenApi)]
#[openapi(paths(create_attributes, update_points))]
struct Description;

#[test]
fn generic_answers_have_names_and_bring_their_items() {
    let description = to_value(Description::openapi()).expect("a description");
    let schemas = description["components"]["schemas"]
        .as_object()
        .expect("schemas");
    let names: Vec<_> = schemas.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "AdminAttribute",
            "AdminIssue",
            "AdminPointsSystem",
            "ArchiveStatus",
            "AttributeType",
            "Created_AdminAttribute",
            "Image",
            "Severity",
            "Updated_AdminPointsSystem",
        ]
    );
    let text = description.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(
            schemas.contains_key(name),
            "{name} is referred to but not described"
        );
    }
}

#[test]
fn a_patch_is_described_as_nullable() {
    assert!(Patch::<admin::Image>::schema() == Option::<admin::Image>::schema());
}
