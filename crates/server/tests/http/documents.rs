//! Everything configured in the second dialect: drafts, publishing, lists, translations, tags, repeated requests.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";

/// Somebody with a token for the Dashboard API.
struct Board<'a> {
    app: &'a TestApp,
    authorization: String,
}

impl<'a> Board<'a> {
    fn of(app: &'a TestApp) -> Self {
        let item = json!({"name": "Portal", "context": "dashboard"});
        let client = app.create("/clients", &item);
        let body = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            client["id"].as_str().unwrap(),
            client["secret"].as_str().unwrap()
        );
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let answer = app.raw(
            "POST",
            server::oauth::TOKEN_PATH,
            &form,
            Some(body.as_bytes()),
        );
        let token = answer.json["access_token"].as_str().unwrap();
        Self {
            app,
            authorization: format!("Bearer {token}"),
        }
    }

    fn send_as(&self, key: Option<&str>, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut headers = vec![
            ("authorization", self.authorization.as_str()),
            ("content-type", "application/json"),
        ];
        headers.extend(key.map(|key| ("x-idempotency-key", key)));
        let text = body.map(ToString::to_string);
        let path = format!("/dashboard/v1{path}");
        let bytes = text.as_deref().map(str::as_bytes);
        self.app.raw(method, &path, &headers, bytes)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send_as(None, method, path, Some(body))
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.send_as(None, "GET", path, None);
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text);
        answer.json
    }

    fn make(&self, path: &str, body: &Value) -> Value {
        let answer = self.send("POST", path, body);
        assert_eq!(answer.status, 201, "POST {path}: {}", answer.text);
        answer.json
    }

    fn publish(&self, path: &str) -> Value {
        let path = format!("{path}/publish");
        let answer = self.send_as(None, "POST", &path, None);
        assert_eq!(answer.status, 200, "POST {path}: {}", answer.text);
        assert_eq!(answer.json["stage"], "PUBLISHED");
        answer.json
    }

    /// The names of the items of a list, page by page.
    fn names(&self, path: &str, member: &str) -> Vec<Vec<Value>> {
        let mut pages = Vec::new();
        let mut page = self.get(path);
        loop {
            let items = page["items"].as_array().unwrap();
            pages.push(items.iter().map(|item| item[member].clone()).collect());
            let Some(next) = page["nextToken"].as_str() else {
                return pages;
            };
            page = self.get(&format!("{path}&nextToken={next}"));
        }
    }
}

/// The fields a refusal names.
fn fields(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(answer.json["error"]["code"], "VALIDATION_ERROR");
    let details = answer.json["error"]["details"].as_array().unwrap();
    let fields = details.iter().map(|detail| detail["field"].as_str());
    fields.map(Option::unwrap).collect()
}

fn code(answer: &Answer) -> (u16, &str) {
    (
        answer.status,
        answer.json["error"]["code"].as_str().unwrap_or_default(),
    )
}

fn activity(id: &str) -> Value {
    json!({
        "activityId": id, "name": "Run", "defaultLang": "en",
        "translations": [{"lang": "en", "label": "A run", "description": "Outside"}],
    })
}

fn tag(variant: &str) -> Value {
    json!({
        "namespace": "department", "variant": variant, "defaultLang": "en",
        "translations": [{"lang": "en", "label": variant}],
    })
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

/// One valid body of every kind, what its id is called, and whether clients choose it.
fn every_kind() -> Vec<(&'static str, &'static str, bool, Value)> {
    let texts = json!([{"lang": "en", "description": "Text"}]);
    let labels = json!([{"lang": "en", "label": "Text"}]);
    vec![
        ("/tags", "tagId", false, tag("marketing")),
        ("/activities", "activityId", true, activity("run")),
        (
            "/virtual-currencies",
            "virtualCurrencyId",
            true,
            json!({"virtualCurrencyId": "gold", "name": "Gold", "minAllowedBalance": 0,
                   "maxAllowedBalance": 99.5, "icon": "https://example.com/gold.png",
                   "defaultLang": "en", "translations": labels}),
        ),
        (
            "/mission-configurations",
            "missionConfigurationId",
            true,
            json!({"missionConfigurationId": "runs", "name": "Runs", "missionType": "INDIVIDUAL",
                   "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
                   "matchCondition": {"!": [false]}, "incrementExpression": {"var": "event.value"},
                   "targetAmountExpression": {"+": [3]}, "defaultLang": "en", "translations": labels}),
        ),
        (
            "/mission-rules",
            "missionRuleId",
            true,
            json!({"missionRuleId": "weekly", "name": "Weekly", "missionType": "INDIVIDUAL",
                   "usersMatchCondition": {"!": [false]}, "missionConfigurationsPool": ["runs"],
                   "missionsMatchCondition": {"!": [false]}, "timeframeType": "RECURRING",
                   "timeframeTimezoneType": "USER", "timeframeStartsAt": "2026-03-01T00:00:00.000Z",
                   "timeframeEndsAt": "2027-03-01T00:00:00.000Z", "recurrence": "WEEKLY",
                   "assignmentMode": "SCHEDULED_PUSH", "defaultLang": "en",
                   "translations": texts}),
        ),
        (
            "/reward-rules",
            "rewardRuleId",
            false,
            json!({"name": "Pay", "ruleType": "INSTANCE", "matchEntity": "Activity",
                   "matchEntityId": "run", "matchCondition": {"!": [false]}, "applicationMode": "ALWAYS",
                   "rewards": [{"virtualCurrencyId": "gold", "redemptionMode": "AUTO",
                                "expression": {"+": [1, 1]}}],
                   "defaultLang": "en", "translations": texts}),
        ),
    ]
}

#[test]
fn every_kind_is_made_read_replaced_published_and_listed() {
    on_both(NOW, |app| {
        let board = Board::of(app);
        for (path, id_name, takes_ids, body) in every_kind() {
            let made = board.make(path, &body);
            let id = made[id_name].as_str().unwrap().to_owned();
            if takes_ids {
                assert_eq!(body[id_name], id);
            }
            let is_currency = path == "/virtual-currencies";
            assert_eq!(made["stage"].is_string(), is_currency, "{path}");
            for (member, value) in body.as_object().unwrap() {
                match member.as_str() {
                    "translations" => assert!(made.get(member).is_none()),
                    // Instants and numbers come back as they are written here.
                    "minAllowedBalance" => assert_eq!(made[member].as_f64(), Some(0.0)),
                    _ => assert_eq!(&made[member], value, "{path} {member}"),
                }
            }
            assert_eq!(made["langs"], json!(["en"]));
            assert_eq!(made["origin"], "CUSTOM");
            assert_eq!(made["sourceRegion"], "eu-west-1");
            for id10 in ["accountId", "workspaceId"] {
                assert_eq!(made[id10].as_str().unwrap().len(), 10);
            }
            // The first readings share an instant with the making.
            assert_eq!(made["createdAt"], "2026-03-10T09:00:00.000Z");
            let one = format!("{path}/{id}");
            let mut shown = made.clone();
            shown.as_object_mut().unwrap().remove("stage");
            assert_eq!(board.get(&one), shown);
            let list = board.get(path);
            assert_eq!(list, json!({"items": [shown]}), "{path}");
            // Published, then replaced: readers see the published until the next publishing.
            board.publish(&one);
            assert_eq!(board.publish(&one)["stage"], "PUBLISHED");
            let published = board.get(&one);
            assert!(published.get("stage").is_none());
            let translations = json!([
                {"lang": "it", "label": "Testo", "description": "Tutto"},
                {"lang": "en", "label": "Text"}
            ]);
            let next = with(body.clone(), "translations", translations);
            let next = with(next, "defaultLang", json!("it"));
            let answer = board.send("PUT", &one, &next);
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.json["stage"], "DRAFT");
            assert_eq!(answer.json["langs"], json!(["it", "en"]));
            assert_eq!(board.get(&one)["langs"], json!(["en"]));
            let answer = board.publish(&one);
            assert_eq!(answer["langs"], json!(["it", "en"]));
            assert_eq!(answer["defaultLang"], "it");
            assert_eq!(board.get(&one)["langs"], json!(["it", "en"]));
            // Without fields there are none; with them all that is known of each.
            let full = board.get(&format!("{one}?fields=translations"));
            let translation = &full["translations"][0];
            assert_eq!(translation[id_name], id);
            assert_eq!(translation["lang"], "it");
            assert_eq!(translation["description"], "Tutto");
            let has_labels = !matches!(path, "/mission-rules" | "/reward-rules");
            assert_eq!(translation["label"].is_string(), has_labels);
            assert_eq!(translation["workspaceId"], made["workspaceId"]);
            let listed = board.get(&format!("{path}?fields[]=translations"));
            assert_eq!(listed["items"][0]["translations"], full["translations"]);
            // What is not there.
            for (method, path) in [
                ("GET", format!("{path}/nothing")),
                ("PUT", format!("{path}/nothing")),
                ("POST", format!("{path}/nothing/publish")),
            ] {
                let answer = board.send(method, &path, &next);
                assert_eq!(code(&answer), (404, "RESOURCE_NOT_FOUND"), "{path}");
            }
            // Members that clients may not set, or that nobody knows, mean nothing.
            let mut odd = next.clone();
            for (member, value) in [
                ("origin", json!("CATALOG")),
                ("langs", json!(5)),
                ("stage", json!("ARCHIVED")),
                ("createdAt", json!("1999-01-01T00:00:00.000Z")),
                ("state", json!("ENDED")),
                ("more", json!({"x": 1})),
            ] {
                odd[member] = value;
            }
            let answer = board.send("PUT", &one, &odd);
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.json["origin"], "CUSTOM");
            assert_eq!(answer.json["createdAt"], made["createdAt"]);
        }
        assert_eq!(board.get("/mission-rules/weekly")["state"], "ACTIVE");
        app.step();
    });
}

#[test]
fn ids_are_chosen_derived_or_made_and_taken_once() {
    on_both(NOW, |app| {
        let board = Board::of(app);
        for (path, id_name, takes_ids, body) in every_kind() {
            let made = board.make(path, &body);
            let again = board.send("POST", path, &body);
            if takes_ids || path == "/tags" {
                assert_eq!(code(&again), (409, "DUPLICATE_RESOURCE"), "{path}");
            } else {
                assert_ne!(again.json[id_name], made[id_name]);
            }
            if takes_ids {
                let answer = board.make(path, &with(body.clone(), id_name, Value::Null));
                assert_eq!(answer[id_name].as_str().unwrap().len(), 36);
                let answer = board.send("POST", path, &with(body.clone(), id_name, json!(7)));
                assert_eq!(fields(&answer), [id_name]);
                // What no path leads to: clients take out `.` and `..` before they send one.
                for lost in ["a/b", ".", ".."] {
                    let body = with(body.clone(), id_name, json!(lost));
                    let answer = board.send("POST", path, &body);
                    assert_eq!(fields(&answer), [id_name], "{lost}");
                }
            }
            let one = format!("{path}/{}", made[id_name].as_str().unwrap());
            let answer = board.send("PUT", &one, &with(body.clone(), id_name, json!("other")));
            assert_eq!(fields(&answer), [id_name]);
            let mut without = body.clone();
            without.as_object_mut().unwrap().remove(id_name);
            let answer = board.send("PUT", &one, &without);
            assert_eq!(answer.json[id_name], made[id_name], "{}", answer.text);
        }
        // The id of a tag stays whatever becomes of its words.
        let answer = board.send("PUT", "/tags/department:marketing", &tag("sales"));
        assert_eq!(answer.json["tagId"], "department:marketing");
        assert_eq!(answer.json["variant"], "sales");
        board.make("/tags", &tag("sales"));
    });
}

#[test]
fn everything_wrong_is_told_at_once() {
    on_both(NOW, |app| {
        let board = Board::of(app);
        let create = |path: &str, body: &Value| board.send("POST", path, body);
        assert_eq!(
            fields(&create("/activities", &json!({}))),
            ["defaultLang", "translations", "name"]
        );
        let body = json!({"activityId": 5, "name": "", "defaultLang": 7,
                          "translations": [{"lang": "en", "label": 1}]});
        assert_eq!(
            fields(&create("/activities", &body)),
            ["activityId", "defaultLang", "translations[0].label"]
        );
        let body = json!({"activityId": "", "name": "", "catalogWorkspaceId": "short",
                          "defaultLang": "english", "translations": []});
        assert_eq!(
            fields(&create("/activities", &body)),
            [
                "activityId",
                "defaultLang",
                "translations",
                "name",
                "catalogWorkspaceId"
            ]
        );
        let body = with(activity("a"), "name", json!(1));
        assert_eq!(fields(&create("/activities", &body)), ["name"]);
        let body = with(activity("a"), "metric", json!("nothing"));
        assert_eq!(fields(&create("/activities", &body)), ["metric"]);
        for (path, _, _, body) in every_kind() {
            for whole in [json!([body]), json!("x"), json!(null)] {
                assert_eq!(create(path, &whole).status, 400, "{path} {whole}");
            }
        }
        // References must be there, as drafts or published.
        let kinds = every_kind();
        let configuration = &kinds[3].3;
        let answer = create("/mission-configurations", configuration);
        assert_eq!(fields(&answer), ["matchEntityId"]);
        board.make("/activities", &activity("run"));
        board.make("/mission-configurations", configuration);
        // Members of the timeframe lie beside the others, and are named like them.
        let rule = &kinds[4].3;
        for (member, value) in [
            ("timeframeStartsAt", json!("yesterday")),
            ("recurrence", json!("YEARLY")),
            ("timeframeType", json!(3)),
            ("assignmentMode", json!("SOON")),
            ("missionConfigurationsPool", json!(["runs", "nothing"])),
            ("timeframeEndsAt", json!("2026-01-01T00:00:00.000Z")),
        ] {
            let answer = create("/mission-rules", &with(rule.clone(), member, value));
            assert_eq!(fields(&answer), [member], "{}", answer.text);
        }
        // The name stands once before what is wrong with it.
        let answer = create(
            "/mission-rules",
            &with(rule.clone(), "recurrence", json!("CUSTOM")),
        );
        assert_eq!(
            answer.json["error"]["message"],
            "scheduleCron: is required when recurrence is CUSTOM"
        );
        let answer = create(
            "/mission-rules",
            &json!({"defaultLang": "en", "translations": [{"lang": "en"}]}),
        );
        assert_eq!(
            fields(&answer),
            [
                "timeframeType",
                "timeframeTimezoneType",
                "timeframeStartsAt",
                "missionType",
                "name",
                "missionsMatchCondition",
                "assignmentMode"
            ]
        );
        let answer = create("/reward-rules", &kinds[5].3);
        assert_eq!(fields(&answer), ["rewards"]);
        board.make("/virtual-currencies", &kinds[2].3);
        let answer = create(
            "/virtual-currencies",
            &with(kinds[2].3.clone(), "minAllowedBalance", json!(100)),
        );
        assert_eq!(fields(&answer), ["maxAllowedBalance"]);
        board.make("/reward-rules", &kinds[5].3);
        // A metric of the first dialect is found by its key.
        app.create(
            "/metrics",
            &json!({"name": "Runs", "key": "runs", "unitType": "number"}),
        );
        let made = board.make(
            "/activities",
            &with(activity("jog"), "metric", json!("runs")),
        );
        assert_eq!(made["metric"], "runs");
    });
}

#[test]
fn a_replacement_keeps_what_it_may_not_mention() {
    on_both(NOW, |app| {
        let board = Board::of(app);
        let kinds = every_kind();
        for index in [1, 3, 4] {
            board.make(kinds[index].0, &kinds[index].3);
        }
        let put = json!({
            "missionRuleId": "weekly", "name": "Renamed", "missionType": "INDIVIDUAL",
            "missionsMatchCondition": {"!": [false]}, "assignmentMode": "LAZY",
            "timeframeType": "RECURRING", "timeframeTimezoneType": "USER",
            "timeframeStartsAt": "2026-03-11T00:00:00.000Z",
            "timeframeEndsAt": "2027-03-01T00:00:00.000Z",
            "defaultLang": "en", "translations": [{"lang": "en"}],
        });
        let answer = board.send("PUT", "/mission-rules/weekly", &put);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json["usersMatchCondition"], json!({"!": [false]}));
        assert_eq!(answer.json["recurrence"], "WEEKLY");
        assert_eq!(answer.json["missionConfigurationsPool"], Value::Null);
        assert_eq!(answer.json["state"], "PENDING");
        // Null takes it away.
        let put = with(put, "recurrence", Value::Null);
        let answer = board.send("PUT", "/mission-rules/weekly", &put);
        assert!(fields(&answer).contains(&"recurrence"), "{}", answer.text);
        let put = with(put, "timeframeType", json!("RANGE"));
        let answer = board.send("PUT", "/mission-rules/weekly", &put);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.json.get("recurrence").is_none());
    });
}

#[test]
fn lists_have_pages_in_both_directions() {
    on_both(NOW, |app| {
        let board = Board::of(app);
        for number in 1..=5 {
            app.jump(&format!("2026-03-10T09:00:0{number}Z"));
            board.make("/activities", &activity(&format!("a{number}")));
        }
        let names = |query: &str| board.names(&format!("/activities?{query}"), "activityId");
        assert_eq!(names("limit=10"), [["a5", "a4", "a3", "a2", "a1"]]);
        assert_eq!(
            names("limit=2"),
            [vec!["a5", "a4"], vec!["a3", "a2"], vec!["a1"]]
        );
        assert_eq!(
            names("limit=3&order=asc&sort=updatedAt"),
            [vec!["a1", "a2", "a3"], vec!["a4", "a5"]]
        );
        app.jump("2026-03-10T09:01:00Z");
        board.send("PUT", "/activities/a2", &activity("a2"));
        assert_eq!(names("limit=2")[0], ["a2", "a5"]);
        let next = board.get("/activities?limit=2")["nextToken"].clone();
        let next = next.as_str().unwrap();
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=x", "limit"),
            ("sort=name", "sort"),
            ("order=up", "order"),
            ("nextToken=abc", "nextToken"),
            ("fields=rewardsPreview", "fields"),
            (&format!("limit=3&nextToken={next}"), "nextToken"),
            (&format!("limit=2&order=asc&nextToken={next}"), "nextToken"),
        ] {
            let answer = board.send_as(None, "GET", &format!("/activities?{query}"), None);
            assert_eq!(fields(&answer), [field], "{query}");
        }
        let answer = board.send_as(None, "GET", "/tags?fields=tags", None);
        assert_eq!(fields(&answer), ["fields"]);
    });
}

#[test]
fn translations_are_listed_as_each_kind_does() {
    on_both(NOW, |app| {
        let board = Board::of(app);
        let texts = json!([{"lang": "en", "label": "A"}, {"lang": "it", "label": "B"},
                           {"lang": "de", "label": "C"}]);
        for (path, _, _, body) in every_kind() {
            board.make(path, &with(body, "translations", texts.clone()));
        }
        for path in [
            "/activities/run/translations",
            "/mission-rules/weekly/translations",
            "/tag/department:marketing/translations",
            "/streak-rules/gold/translations",
        ] {
            let path = format!("{path}?limit=2");
            let pages = board.names(&path, "lang");
            assert_eq!(pages, [vec!["en", "it"], vec!["de"]], "{path}");
            let answer = board.send_as(None, "GET", &path.replace("limit", "order"), None);
            assert_eq!(fields(&answer), ["order"]);
        }
        let all = board.get("/mission-configurations/runs/translations");
        assert_eq!(all.as_array().unwrap().len(), 3);
        assert_eq!(all[2]["label"], "C");
        assert_eq!(all[2]["missionConfigurationId"], "runs");
        let get = |path: &str| board.send_as(None, "GET", path, None);
        assert_eq!(get("/activities/x/translations").status, 404);
        assert_eq!(get("/tag/x/translations").status, 404);
        assert_eq!(get("/streak-rules/x/translations").status, 501);
    });
}

#[test]
fn tags_of_documents() {
    on_both(NOW, |app| {
        let board = Board::of(app);
        for (path, _, _, body) in every_kind() {
            board.make(path, &body);
        }
        board.make("/tags", &tag("sales"));
        let (sales, marketing) = ("department:sales", "department:marketing");
        for (path, id_name, entity, is_brief) in [
            ("/activities/run", "activityId", "Activity", true),
            (
                "/mission-configurations/runs",
                "missionConfigurationId",
                "MissionConfiguration",
                false,
            ),
            (
                "/mission-rules/weekly",
                "missionRuleId",
                "MissionRule",
                false,
            ),
        ] {
            let id = path.rsplit('/').next().unwrap();
            let all = format!("{path}/tags");
            let one = format!("{path}/tags/{sales}");
            let call = |method: &str, path: &str, body: Value| board.send(method, path, &body);
            let batch = |items: Value| json!({ "assignments": items });
            // One by one.
            assert_eq!(call("PATCH", &one, json!({})).status, 404);
            assert_eq!(board.send_as(None, "GET", &one, None).status, 404);
            let made = board.send_as(None, "POST", &one, None);
            assert_eq!(made.status, 200, "{}", made.text);
            assert_eq!(made.json["tagId"], sales);
            assert_eq!(made.json["entityType"], entity);
            assert_eq!(made.json["entityId"], id);
            assert_eq!(made.json[id_name], id);
            assert_eq!(made.json["priority"], 0);
            assert_eq!(board.get(&one), made.json);
            let again = call("POST", &one, json!({"priority": 2}));
            assert_eq!(code(&again), (409, "DUPLICATE_RESOURCE"));
            let changed = call("PATCH", &one, json!({"priority": 7}));
            assert_eq!(changed.json["priority"], 7);
            assert!(changed.json.get("createdAt").is_none());
            assert_eq!(call("PATCH", &one, json!({})).json["priority"], 7);
            assert_eq!(
                fields(&call("PATCH", &one, json!({"priority": -1}))),
                ["priority"]
            );
            assert_eq!(
                fields(&call("PATCH", &one, json!({"priority": "1"}))),
                ["priority"]
            );
            // Several: all or nothing, and of two wishes for a tag the last counts.
            let items = json!([{"tagId": marketing, "priority": 3}, {"tagId": "no:such"}]);
            let refused = call("POST", &all, batch(items));
            assert_eq!(code(&refused), (404, "RESOURCE_NOT_FOUND"));
            let items = json!([{"tagId": marketing, "priority": 3}]);
            let refused = call("PATCH", &all, batch(items));
            assert_eq!(code(&refused), (404, "RESOURCE_NOT_FOUND"));
            assert_eq!(board.get(&all)["items"].as_array().unwrap().len(), 1);
            let items = json!([{"tagId": marketing, "priority": 3}, {"tagId": sales, "priority": 9},
                               {"tagId": marketing, "priority": 1}]);
            let answer = call("POST", &all, batch(items));
            assert_eq!(answer.status, 200, "{}", answer.text);
            let rows = answer.json["assignments"].as_array().unwrap();
            let rows: Vec<_> = rows
                .iter()
                .map(|row| (&row["tagId"], &row["priority"]))
                .collect();
            assert_eq!(
                rows,
                [(&json!(marketing), &json!(1)), (&json!(sales), &json!(9))]
            );
            let listed = board.get(&all);
            let listed = listed["items"].as_array().unwrap();
            assert_eq!(listed.len(), 2);
            assert_eq!(listed[0].get("entityId").is_none(), is_brief);
            assert_eq!(board.names(&format!("{all}?limit=1"), "tagId").len(), 2);
            // As a part of the document, in the order of priority.
            let shown = board.get(&format!("{path}?fields=tags,translations"));
            assert_eq!(shown["tags"][0]["tagId"], marketing);
            assert_eq!(shown["tags"][1]["priority"], 9);
            assert!(shown["translations"].is_array());
            // How many.
            for items in [json!([]), json!(vec![json!({"tagId": sales}); 26])] {
                for method in ["POST", "PATCH", "DELETE"] {
                    let answer = call(method, &all, batch(items.clone()));
                    assert_eq!(fields(&answer), ["assignments"]);
                }
            }
            let answer = call("POST", &all, batch(json!([{"priority": 1}])));
            assert_eq!(fields(&answer), ["assignments[0]"]);
            // Away.
            let gone = call(
                "DELETE",
                &all,
                batch(json!([{"tagId": marketing}, {"tagId": "no:such"}])),
            );
            assert_eq!(gone.status, 404);
            let gone = call("DELETE", &all, batch(json!([{"tagId": marketing}])));
            let last = board.send_as(None, "DELETE", &one, None);
            if is_brief {
                assert_eq!((gone.status, last.status), (204, 204));
                assert_eq!((gone.text, last.text), (String::new(), String::new()));
            } else {
                let expected = |tag| json!({"tagId": tag, "entityType": entity, "entityId": id, id_name: id, "deleted": true});
                assert_eq!(gone.json, json!({"assignments": [expected(marketing)]}));
                assert_eq!((last.status, last.json), (200, expected(sales)));
            }
            assert_eq!(board.send_as(None, "DELETE", &one, None).status, 404);
            assert_eq!(board.get(&all), json!({"items": []}));
            let elsewhere = all.replace(id, "nothing");
            assert_eq!(board.send_as(None, "GET", &elsewhere, None).status, 404);
        }
    });
}

#[test]
fn a_repeated_request_gets_the_same_answer_for_five_minutes() {
    on_both(NOW, |app| {
        let board = Board::of(app);
        let post = |key: &str, path: &str, body: &Value| {
            let answer = board.send_as(Some(key), "POST", path, Some(body));
            assert_eq!(answer.headers["x-idempotency-key"], key);
            let hit = answer.headers.get("x-idempotency-cache-hit");
            (hit.is_some_and(|hit| hit == "true"), answer)
        };
        let (hit, first) = post("k1", "/activities", &activity("run"));
        assert_eq!((hit, first.status), (false, 201));
        let (hit, again) = post("k1", "/activities", &activity("other"));
        assert_eq!((hit, again.status), (true, 201));
        assert_eq!(again.json, first.json);
        // Another key, path or client is another request.
        let answer = board.send_as(Some("k2"), "POST", "/activities", Some(&activity("run")));
        assert_eq!(answer.status, 409);
        assert!(!post("k1", "/tags", &tag("sales")).0);
        let other = Board::of(app);
        let answer = other.send_as(Some("k1"), "POST", "/activities", Some(&activity("mine")));
        assert_eq!(answer.status, 201);
        // A refusal is not kept.
        let (hit, made) = post("k2", "/activities", &activity("later"));
        assert_eq!((hit, made.status), (false, 201));
        assert!(!post("k1", "/activities/run/publish", &json!({})).0);
        assert!(post("k1", "/activities/run/publish", &json!({})).0);
        let one = "/activities/run/tags/department:sales";
        assert_eq!(post("k1", one, &json!({})).1.status, 200);
        let (hit, again) = post("k1", one, &json!({}));
        assert_eq!((hit, again.status), (true, 200));
        let change = || board.send_as(Some("k1"), "PATCH", one, Some(&json!({"priority": 1})));
        assert!(change().headers.get("x-idempotency-cache-hit").is_none());
        assert_eq!(change().headers["x-idempotency-cache-hit"], "true");
        // After five minutes it is carried out anew.
        app.jump("2026-03-10T09:05:01Z");
        let answer = board.send_as(Some("k1"), "POST", "/activities", Some(&activity("run")));
        assert_eq!(answer.status, 409);
    });
}

#[test]
fn every_operation_is_described() {
    let (_, description) = server::api::second_descriptions();
    let description = serde_json::to_value(&description).unwrap();
    let of = |path: &str, method: &str| &description["paths"][path][method];
    for (path, id, count) in [
        ("/activities", "activityId", 14),
        ("/mission-configurations", "missionConfigurationId", 14),
        ("/mission-rules", "missionRuleId", 14),
        ("/reward-rules", "rewardRuleId", 5),
        ("/tags", "tagId", 5),
        ("/virtual-currencies", "virtualCurrencyId", 5),
    ] {
        let own = |known: &String| {
            known.as_str() == path || known.starts_with(&format!("{path}/{{{id}}}"))
        };
        let paths = description["paths"].as_object().unwrap();
        let methods = ["get", "post", "put", "patch", "delete"];
        let operations = paths
            .iter()
            .filter(|(known, _)| own(known))
            .flat_map(|(_, item)| methods.into_iter().filter_map(|method| item.get(method)));
        assert_eq!(operations.count(), count, "{path}");
    }
    let schema = &description["components"]["schemas"];
    let rule = &schema["MissionRuleCreate"];
    for member in [
        "missionRuleId",
        "timeframeStartsAt",
        "translations",
        "assignmentMode",
    ] {
        assert!(rule["properties"][member].is_object(), "{member}");
    }
    assert!(schema["MissionRule"]["properties"]["state"].is_object());
    assert!(schema["Activity"]["properties"]["state"].is_null());
    assert!(schema["TagCreate"]["properties"]["tagId"].is_null());
    assert!(of("/activities/{activityId}/tags", "delete")["responses"]["204"].is_object());
    assert!(
        of("/streak-rules/{virtualCurrencyId}/translations", "get")["responses"]["501"].is_object()
    );
    // Every reference leads somewhere.
    let text = description.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schema[name].is_object(), "{name}");
    }
}
