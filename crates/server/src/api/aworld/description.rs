//! What all operations of the second dialect have in common in their description: the token, the ways to be refused.
//!
//! Handlers describe what is their own; nothing here knows an operation by name.

use utoipa::PartialSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::{
    ClientCredentials, Flow, OAuth2, Scopes, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{OpenApi, Ref, RefOr};
use wire::aworld::{ErrorDetail, ErrorEnvelope, ErrorObject};

/// Completes a description.
pub fn complete(mut description: OpenApi) -> OpenApi {
    let components = description.components.get_or_insert_with(Default::default);
    let flow = ClientCredentials::new("/oauth2/token", Scopes::new());
    components.add_security_scheme(
        "oAuth2",
        SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(flow)])),
    );
    for (name, schema) in [
        ("ErrorEnvelope", ErrorEnvelope::schema()),
        ("ErrorObject", ErrorObject::schema()),
        ("ErrorDetail", ErrorDetail::schema()),
    ] {
        components.schemas.insert(name.to_owned(), schema);
    }
    description.security = Some(vec![SecurityRequirement::new(
        "oAuth2",
        Vec::<String>::new(),
    )]);
    for item in description.paths.paths.values_mut() {
        for operation in crate::api::description::operations(item) {
            complete_operation(operation);
        }
    }
    description
}

fn complete_operation(operation: &mut Operation) {
    let mut refusals = vec![
        ("400", "The request is not acceptable."),
        ("401", "No token that is valid here."),
        ("403", "A token of another context, role or scope."),
        ("404", "Something that is named is not there."),
    ];
    if operation.request_body.is_some() {
        refusals.push(("408", "The body did not arrive in time."));
        refusals.push(("413", "The body is too large."));
        refusals.push(("503", "Too busy, try again."));
    }
    for (status, text) in refusals {
        let error = ContentBuilder::new()
            .schema(Some(RefOr::Ref(Ref::from_schema_name("ErrorEnvelope"))))
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
}
