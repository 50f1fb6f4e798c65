"""Settings of a space: branding, the control group, summaries (spec 15.5, 2.7)."""

from __future__ import annotations

import pytest
from world import World, refused

FRESH = {
    "branding": {
        "appName": "My App",
        "appUrl": "https://example.com",
        "brandColor": "#000000",
        "font": "MODERN_SANS",
        "logo": None,
        "appIcon": None,
    },
    "experimentation": {"controlRatio": 0, "userActivationWindow": 14},
    "aggregationPeriod": "weekly",
}


def test_settings_are_merged_member_by_member(tenant: World) -> None:
    settings = tenant.api.admin.settings
    settings.get()
    assert tenant.body() == FRESH
    settings.update(branding={"app_name": "Words", "logo": {"url": "https://example.com/l.png"}})
    changed = settings.update(experimentation={"user_activation_window": 30}, aggregation_period="monthly")
    assert changed.branding.app_name == "Words"
    assert tenant.body() == {
        "branding": FRESH["branding"] | {"appName": "Words", "logo": {"url": "https://example.com/l.png"}},
        "experimentation": {"controlRatio": 0, "userActivationWindow": 30},
        "aggregationPeriod": "monthly",
    }
    settings.get()
    assert tenant.body()["branding"]["appName"] == "Words"


@pytest.mark.parametrize(
    "wrong",
    [
        {"branding": None},
        {"experimentation": None},
        {"branding": {"appName": ""}},
        {"branding": {"brandColor": "red"}},
        {"branding": {"font": "COMIC"}},
        {"branding": {"logo": {"url": "nowhere"}}},
        {"experimentation": {"controlRatio": 101}},
        {"experimentation": {"userActivationWindow": 31}},
        {"aggregationPeriod": "yearly"},
        [],
    ],
)
def test_what_cannot_be_is_refused(tenant: World, wrong: object) -> None:
    answer = tenant.raw.patch("/admin/v1/settings", json=wrong)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]
    tenant.api.admin.settings.get()
    assert tenant.body() == FRESH


def test_the_ratio_concerns_later_users(tenant: World) -> None:
    api = tenant.api
    api.users.identify("before")
    api.admin.settings.update(experimentation={"control_ratio": 100})
    assert api.users.identify("before").control is False
    assert api.users.identify("after").control is True
    api.admin.settings.update(experimentation={"control_ratio": 0})
    assert api.users.identify("after").control is True
    assert api.users.identify("later").control is False
    with refused(422):
        api.admin.settings.update(experimentation={"control_ratio": -1})
