//! The space that the figures of the second dialect are about: users, an activity that names the metric, a mission that counts it, a
//! reward.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Load;
use crate::server::Server;

/// Somebody at the dashboard or a machine of the app.
struct Session<'a> {
    server: &'a Server,
    token: String,
}

impl<'a> Session<'a> {
    async fn open(server: &'a Server, context: &str) -> Result<Self> {
        let client = json!([{"name": "bench", "context": context}]);
        let (status, answer) = server
            .call("POST", "/admin/v1/clients", Some(&client))
            .await?;
        let made = &answer["created"][0];
        let (Some(id), Some(secret)) = (made["id"].as_str(), made["secret"].as_str()) else {
            bail!("POST /admin/v1/clients: {status} {answer}");
        };
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let headers = "content-type: application/x-www-form-urlencoded";
        let (status, answer) = server.ask(headers, "POST", "/oauth2/token", &form).await?;
        let token = answer["access_token"]
            .as_str()
            .with_context(|| format!("POST /oauth2/token: {status} {answer}"))?;
        Ok(Self {
            server,
            token: token.to_owned(),
        })
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let headers = format!(
            "authorization: Bearer {}\r\ncontent-type: application/json",
            self.token
        );
        let path = format!("/dashboard/v1{path}");
        let (status, answer) = self
            .server
            .ask(&headers, "POST", &path, &body.to_string())
            .await?;
        if status != 200 && status != 201 {
            bail!("POST {path}: {status} {answer}");
        }
        Ok(answer)
    }

    /// Makes a document and publishes it.
    async fn publish(&self, path: &str, id: &str, mut body: Value) -> Result<()> {
        body["defaultLang"] = json!("en");
        body["translations"] = json!([{"lang": "en", "label": "Steps"}]);
        let made = self.post(path, &body).await?;
        let id = made[id].as_str().context("a document without an id")?;
        self.post(&format!("{path}/{id}/publish"), &json!({}))
            .await?;
        Ok(())
    }
}

/// Configures the space and makes its users.
pub(super) async fn set_up(server: &Server, users: u64) -> Result<Load> {
    let dashboard = Session::open(server, "dashboard").await?;
    let holds = json!({"==": [1, 1]});
    let activity = json!({"name": "Steps", "activityId": "steps", "metric": "steps"});
    dashboard
        .publish("/activities", "activityId", activity)
        .await?;
    let coins = json!({"name": "Coins", "virtualCurrencyId": "coins"});
    dashboard
        .publish("/virtual-currencies", "virtualCurrencyId", coins)
        .await?;
    let configuration = json!({
        "name": "Ten", "missionConfigurationId": "ten", "missionType": "INDIVIDUAL",
        "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "steps",
        "matchCondition": {">": [{"var": "event.value"}, 0]},
        "incrementExpression": {"var": "event.value"}, "targetAmountExpression": {"+": [1_000_000]},
    });
    dashboard
        .publish(
            "/mission-configurations",
            "missionConfigurationId",
            configuration,
        )
        .await?;
    let rule = json!({
        "name": "All", "missionType": "INDIVIDUAL", "usersMatchCondition": holds,
        "missionsMatchCondition": holds, "timeframeType": "PERMANENT",
        "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z",
        "assignmentMode": "EVENT", "eventMatchType": "ENTITY", "eventMatchEntity": "User",
        "eventMatchCondition": holds,
    });
    dashboard
        .publish("/mission-rules", "missionRuleId", rule)
        .await?;
    let reward = json!({
        "name": "Every log", "ruleType": "INSTANCE", "matchEntity": "Activity",
        "matchEntityId": "steps", "applicationMode": "ALWAYS",
        "matchCondition": {">": [{"var": "event.value"}, 0]},
        "rewards": [{"virtualCurrencyId": "coins", "redemptionMode": "AUTO",
                     "expression": {"var": "event.value"}}],
    });
    dashboard
        .publish("/reward-rules", "rewardRuleId", reward)
        .await?;
    let mut made = Vec::new();
    for number in 0..users {
        let user = json!({"email": format!("user-{number}@example.com"), "externalId": format!("user-{number}")});
        let user = dashboard.post("/users", &user).await?;
        made.push(user["userId"].as_str().unwrap_or_default().to_owned());
    }
    Ok(Load::Activities {
        token: Session::open(server, "app").await?.token,
        users: made.into(),
    })
}
