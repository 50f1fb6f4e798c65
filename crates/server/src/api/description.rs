//! What all operations of an API have in common in its description: the key, the tenant, the ways to be refused.
//!
//! Handlers describe what is their own; nothing here knows an operation by name.

use utoipa::PartialSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, Ref, RefOr, Required, Schema};

/// The paths of the environment as a whole, on which the tenant header means nothing.
const WITHOUT_TENANT: [&str; 3] = ["/tenants", "/application-api-keys", "/organization"];

/// Completes a description.
pub(super) fn complete(mut description: OpenApi) -> OpenApi {
    let components = description.components.get_or_insert_with(Default::default);
    let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-KEY")));
    components.add_security_scheme("key", key);
    components
        .schemas
        .insert("ErrorBody".to_owned(), wire::ErrorBody::schema());
    description.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
    for (path, item) in &mut description.paths.paths {
        let has_tenant = !WITHOUT_TENANT.iter().any(|prefix| path.starts_with(prefix));
        for operation in operations(item) {
            complete_operation(operation, has_tenant);
        }
    }
    description
}

pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}

/// A body that is a list is a batch, which has at least one item.
fn require_an_item(body: &mut RequestBody) {
    for content in body.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(RefOr::T(Schema::Array(items))) = &mut content.schema
        {
            items.min_items = Some(1);
        }
    }
}

fn complete_operation(operation: &mut Operation, has_tenant: bool) {
    let has_body = operation.request_body.is_some();
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        require_an_item(body);
    }
    let mut refusals = vec![
        ("401", "No key that is valid here."),
        ("422", "The request is not acceptable."),
    ];
    if has_body {
        refusals.push(("408", "The body did not arrive in time."));
        refusals.push(("413", "The body is too large."));
    }
    if has_body && has_tenant {
        refusals.push(("503", "Too busy, try again."));
    }
    for (status, text) in refusals {
        let error = ContentBuilder::new()
            .schema(Some(RefOr::Ref(Ref::from_schema_name("ErrorBody"))))
            .build();
        let response = ResponseBuilder::new()
            .description(text)
            .content("application/json", error)
            .build();
        // What the handler says itself is more exact.
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| response.into());
    }
    if has_tenant {
        let tenant = ParameterBuilder::new()
            .name("Tenant-ID")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(
                "The customer id of the tenant; needed with multi-tenancy.",
            ))
            .schema(Some(String::schema()))
            .build();
        operation
            .parameters
            .get_or_insert_with(Vec::new)
            .push(RefOr::T(tenant));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_says_how_it_is_refused_and_which_tenant_it_means() {
        let (application, admin) = crate::api::descriptions();
        for description in [application, admin] {
            let description = serde_json::to_value(&description).unwrap();
            for (path, methods) in description["paths"].as_object().unwrap() {
                for (method, operation) in methods.as_object().unwrap() {
                    for status in ["401", "422"] {
                        assert!(
                            operation["responses"][status].is_object(),
                            "{method} {path}"
                        );
                    }
                    let tenants = operation["parameters"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter(|parameter| parameter["name"] == "Tenant-ID")
                        .count();
                    let is_wide = super::WITHOUT_TENANT
                        .iter()
                        .any(|wide| path.starts_with(wide));
                    assert_eq!(tenants, usize::from(!is_wide), "{method} {path}");
                }
            }
        }
    }
}
