"""What the wire carries beyond the 1.21.1 contract, written by hand from spec/trophy.md 15 and Appendix C.

Two functions change a loaded contract document in place: they add members that newer clients require and the
operations that came after 1.21.1. Must not know how documents are validated (that is contract.py).
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

FILTERS: Json = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"key": {"type": "string"}, "value": {"type": "string"}},
        "required": ["key", "value"],
    },
}

ADMIN_FILTERS: Json = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"attributeId": {"type": "string", "format": "uuid"}, "attributeValue": {"type": "string"}},
        "required": ["attributeId", "attributeValue"],
    },
}

ADMIN_ACHIEVEMENT: Json = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "name": {"type": "string"},
        "description": {"type": ["string", "null"]},
        "trigger": {"enum": ["metric", "api", "streak", "achievement", "anniversary"]},
        "status": {"enum": ["inactive", "active", "locked"]},
        "badge": {
            "oneOf": [
                {"type": "null"},
                {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]},
            ]
        },
        "userAttributes": ADMIN_FILTERS,
        "key": {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$"},
        "metricId": {"type": "string", "format": "uuid"},
        "metricValue": {"type": "number"},
        "eventAttributes": ADMIN_FILTERS,
        "streakLength": {"type": "integer", "minimum": 1},
        "anniversaryYears": {"type": "integer", "minimum": 1},
        "achievementIds": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "uuid"}},
    },
    "required": ["id", "name", "description", "trigger", "status", "badge", "userAttributes"],
    "allOf": [
        {
            "if": {"properties": {"trigger": {"const": trigger}}},
            "then": {"required": members},
            "else": {"not": {"anyOf": [{"required": [member]} for member in members]}},
        }
        for trigger, members in [
            ("metric", ["metricId", "metricValue", "eventAttributes"]),
            ("streak", ["streakLength"]),
            ("achievement", ["achievementIds"]),
            ("anniversary", ["anniversaryYears"]),
        ]
    ]
    + [{"if": {"properties": {"trigger": {"const": "api"}}}, "then": {"required": ["key"]}}],
}

STREAK_SETTINGS: Json = {
    "type": "object",
    "properties": {
        "frequency": {"enum": ["daily", "weekly", "monthly"]},
        "evaluationMode": {"enum": ["OR", "AND"]},
        "customizationEnabled": {"type": "boolean"},
        "daysOff": {
            "type": "array",
            "uniqueItems": True,
            "maxItems": 6,
            "items": {"type": "integer", "minimum": 0, "maximum": 6},
        },
        "metrics": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "key": {"type": "string"},
                    "threshold": {"type": "integer", "minimum": 1, "maximum": 10_000},
                },
                "required": ["key", "threshold"],
            },
        },
        "freezes": {
            "oneOf": [
                {"type": "null"},
                {
                    "type": "object",
                    "properties": {
                        "startCount": {"type": "integer", "minimum": 0, "maximum": 100},
                        "maxCount": {"type": "integer", "minimum": 1, "maximum": 100},
                        "autoEarnInterval": {"type": ["integer", "null"], "minimum": 1, "maximum": 365},
                        "autoEarnAmount": {"type": ["integer", "null"], "minimum": 1, "maximum": 10},
                    },
                    "required": ["startCount", "maxCount"],
                },
            ]
        },
    },
    "required": ["frequency", "evaluationMode", "customizationEnabled", "daysOff", "metrics", "freezes"],
}

IMAGE: Json = {
    "oneOf": [{"type": "null"}, {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]}]
}

SETTINGS: Json = {
    "type": "object",
    "properties": {
        "branding": {
            "type": "object",
            "properties": {
                "appName": {"type": "string", "minLength": 1},
                "appUrl": {"type": "string"},
                "brandColor": {"type": "string"},
                "font": {"type": "string"},
                "logo": IMAGE,
                "appIcon": IMAGE,
            },
            "required": ["appName", "appUrl", "brandColor", "font", "logo", "appIcon"],
        },
        "experimentation": {
            "type": "object",
            "properties": {
                "controlRatio": {"type": "integer", "minimum": 0, "maximum": 100},
                "userActivationWindow": {"type": "integer", "minimum": 3, "maximum": 30},
            },
            "required": ["controlRatio", "userActivationWindow"],
        },
        "aggregationPeriod": {"enum": ["weekly", "monthly"]},
    },
    "required": ["branding", "experimentation", "aggregationPeriod"],
}

ENVIRONMENTS: Json = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "key": {"type": "string"},
            "priority": {"type": "integer", "minimum": 1},
        },
        "required": ["name", "key", "priority"],
    },
}

RANKED_STREAKS: Json = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "userId": {"type": "string"},
            "name": {"type": ["string", "null"]},
            "streakLength": {"type": "integer"},
        },
        "required": ["userId", "name", "streakLength"],
    },
}


def listed(schema: Json) -> Json:
    """A bare array of `schema`."""
    return {"type": "array", "items": schema}


def batch(member: str, item: Json) -> Json:
    """The answer of a batch call (13.2): what was done under `member`, and the issues of the rest."""
    return {
        "type": "object",
        "properties": {
            member: listed(item),
            "issues": listed({"$ref": "#/components/schemas/AdminIssue"}),
        },
        "required": [member, "issues"],
    }


def operation(error: str, statuses: dict[str, Json], *errors: int) -> Json:
    """One operation of an OpenAPI document, as far as the validation reads it."""
    error_body = {"$ref": f"#/components/schemas/{error}"}
    bodies = statuses | {str(status): error_body for status in errors}
    return {
        "responses": {
            status: {"content": {"application/json": {"schema": schema}}} for status, schema in bodies.items()
        }
    }


def extend_application(document: Json) -> None:
    """Adds to the application contract what 1.22 to 1.27 added and the client requires (15.2, 15.3, 15.4, 15.7)."""
    schemas = document["components"]["schemas"]

    achievement = schemas["AchievementResponse"]["properties"]
    achievement["trigger"]["enum"].append("anniversary")
    achievement["anniversaryYears"] = {"type": "integer", "minimum": 1}

    user = schemas["User"]
    user["properties"]["signUpDate"] = {"type": ["string", "null"], "format": "date"}
    user["required"] += ["signUpDate", "deviceTokens"]

    board = schemas["LeaderboardResponse"]
    board["properties"]["status"] = {"enum": ["active", "scheduled", "finished"]}
    board["properties"]["userAttributes"] = FILTERS
    board["required"].append("userAttributes")

    streak = schemas["StreakResponse"]["allOf"][1]
    streak["properties"]["rank"] = {"type": ["integer", "null"], "minimum": 1}
    streak["required"].append("rank")
    history = streak["properties"]["streakHistory"]["items"]
    history["properties"]["resetAt"] = {"type": ["string", "null"], "format": "date-time"}

    # Appendix C lists the members of an award as optional for the client; 6.5 says that all of them are sent.
    schemas["PointsAward"]["required"] = ["id", "awarded", "date", "total", "trigger"]
    schemas["PointsAward"]["properties"]["date"]["format"] = "date-time"

    # A replay has the body of the first answer (1.11, 15.8).
    event = document["paths"]["/metrics/{key}/event"]["post"]["responses"]
    event["202"] = event["201"]

    document["paths"]["/streaks/rankings"] = {"get": operation("ErrorBody", {"200": RANKED_STREAKS}, 401, 422)}


def extend_admin(document: Json) -> None:
    """Adds to the admin contract the eleven operations of 15.1 and the filters of leaderboards (15.4)."""
    schemas = document["components"]["schemas"]
    board = schemas["AdminLeaderboard"]
    board["properties"]["userAttributes"] = ADMIN_FILTERS
    board["required"].append("userAttributes")

    deleted = {"$ref": "#/components/schemas/DeletedResource"}

    def answers(statuses: dict[str, Json], *errors: int) -> Json:
        return operation("AdminErrorBody", statuses, *errors)

    created = batch("created", ADMIN_ACHIEVEMENT)
    reset = batch("resetUsers", {"type": "string"})
    document["paths"] |= {
        "/achievements": {
            "get": answers({"200": listed(ADMIN_ACHIEVEMENT)}, 401, 422),
            "post": answers({"200": created, "201": created}, 401, 422),
            "patch": answers({"200": batch("updated", ADMIN_ACHIEVEMENT)}, 401, 422),
            "delete": answers({"200": batch("deleted", deleted)}, 401, 422),
        },
        "/achievements/{id}": {"get": answers({"200": ADMIN_ACHIEVEMENT}, 401, 404, 422)},
        "/settings": {
            "get": answers({"200": SETTINGS}, 401, 422),
            "patch": answers({"200": SETTINGS}, 401, 422),
        },
        "/streaks/settings": {
            "get": answers({"200": STREAK_SETTINGS}, 401, 422),
            "patch": answers({"200": STREAK_SETTINGS}, 401, 422),
        },
        "/streaks/reset": {"post": answers({"200": reset}, 400, 401, 422)},
        "/environments": {"get": answers({"200": ENVIRONMENTS}, 401, 422)},
    }
