//! The operations of a kind in OpenAPI, derived from its struct and its face.

use std::sync::Arc;

use axum::routing::MethodRouter;
use engine::definition::Content;
use engine::timeframe::State;
use serde_json::Value;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, ParameterStyle, PathItem,
    PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{
    AllOf, ArrayBuilder, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Required};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::UtoipaMethodRouter;
use wire::aworld::{
    AssignOne, AssignTags, RemoveTags, RemovedAssignment, TagAssignment, TagReference,
};

use super::{Face, Listing, Tagging, Translations};
use crate::api::aworld::page::LIMIT_MAX;
use crate::app::App;

/// What is said of a kind.
pub(super) struct Description {
    face: Face,
    /// The members that the kind adds.
    content: Object,
    /// The schemas that are referred to.
    schemas: Vec<(String, RefOr<Schema>)>,
}

type Described = UtoipaMethodRouter<App>;

impl Description {
    /// Describes a kind.
    pub(super) fn of<T: Content + ToSchema>(face: Face) -> Self {
        let mut schemas = Vec::new();
        T::schemas(&mut schemas);
        let mut content = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Object))
            .build();
        merge(&mut content, T::schema(), &schemas);
        let mut description = Self {
            face,
            content,
            schemas,
        };
        description.add_shapes::<T>();
        description
    }

    /// The members of the kind itself without which none is made.
    pub(super) fn required(&self) -> Arc<[String]> {
        self.content.required.clone().into()
    }

    /// Lists and makes.
    pub(super) fn all(&self, router: MethodRouter<App>) -> Described {
        let face = self.face;
        let list = self
            .operation("list", "Lists documents, the last changed first.")
            .paged()
            .with(fields(face))
            .answers("200", "A page.", page(self.named("")));
        let create = self
            .operation("create", "Makes a draft.")
            .once()
            .takes(self.named("Create"))
            .answers("201", "Made, not in force yet.", self.made())
            .refuses("409", "There is one with this id.");
        let path = format!("/{}", face.path);
        self.route(
            path,
            [(HttpMethod::Get, list), (HttpMethod::Post, create)],
            router,
        )
    }

    /// Reads and replaces.
    pub(super) fn one(&self, router: MethodRouter<App>) -> Described {
        let face = self.face;
        let get = self
            .operation(
                "get",
                "Shows what is in force, or the draft of what never was.",
            )
            .of(face)
            .with(fields(face))
            .answers("200", "The document.", self.named(""));
        let update = self
            .operation(
                "update",
                "Writes a draft; what is in force stays so until it is published.",
            )
            .of(face)
            .takes(self.named("Update"))
            .answers("200", "The draft.", self.named("Staged"));
        let path = format!("/{}/{{{}}}", face.path, face.id);
        self.route(
            path,
            [(HttpMethod::Get, get), (HttpMethod::Put, update)],
            router,
        )
    }

    /// Publishes.
    pub(super) fn publish(&self, router: MethodRouter<App>) -> Described {
        let face = self.face;
        let publish = self
            .operation(
                "publish",
                "Puts the draft in force; without a draft nothing happens.",
            )
            .of(face)
            .once()
            .answers("200", "What is in force.", self.named("Staged"));
        let path = format!("/{}/{{{}}}/publish", face.path, face.id);
        self.route(path, [(HttpMethod::Post, publish)], router)
    }

    /// Lists translations.
    pub(super) fn translations(&self, at: Translations, router: MethodRouter<App>) -> Described {
        let face = self.face;
        let list = self
            .operation(
                "list_translations",
                "Lists the translations of what is in force.",
            )
            .of(face)
            .paged();
        let translation = self.named("Translation");
        let list = match at.listing {
            Listing::Paged => list.answers("200", "A page.", page(translation)),
            Listing::Whole => list.answers("200", "All of them.", array(translation)),
        };
        let list = if at.is_shared {
            list.refuses("501", "The id names something that is not built yet.")
        } else {
            list
        };
        let path = format!("/{}/{{{}}}/translations", at.path, face.id);
        self.route(path, [(HttpMethod::Get, list)], router)
    }

    /// The tags of a document.
    pub(super) fn tags(&self, tagging: Tagging, router: MethodRouter<App>) -> Described {
        let face = self.face;
        let listed = match tagging {
            Tagging::Brief => TagReference::schema(),
            Tagging::Full => self.named("TagAssignment"),
        };
        let list = self
            .operation("list_tags", "Lists the tags, the last changed first.")
            .of(face)
            .paged()
            .answers("200", "A page.", page(listed));
        let create = self
            .operation(
                "create_tags",
                "Assigns tags; those already assigned get the priority.",
            )
            .of(face)
            .once()
            .takes(AssignTags::schema())
            .answers(
                "200",
                "The assignments.",
                batch(self.named("TagAssignment")),
            );
        let update = self
            .operation("update_tags", "Gives assigned tags another priority.")
            .of(face)
            .once()
            .takes(AssignTags::schema())
            .answers(
                "200",
                "The assignments.",
                batch(self.named("TagAssignment")),
            );
        let delete = self
            .operation("delete_tags", "Takes tags away.")
            .of(face)
            .takes(RemoveTags::schema());
        let delete = match tagging {
            Tagging::Brief => delete.answers_nothing(),
            Tagging::Full => {
                let removed = self.named("RemovedTag");
                delete.answers("200", "What is gone.", batch(removed))
            }
        };
        let path = format!("/{}/{{{}}}/tags", face.path, face.id);
        self.route(
            path,
            [
                (HttpMethod::Get, list),
                (HttpMethod::Post, create),
                (HttpMethod::Patch, update),
                (HttpMethod::Delete, delete),
            ],
            router,
        )
    }

    /// One tag of a document.
    pub(super) fn tag(&self, tagging: Tagging, router: MethodRouter<App>) -> Described {
        let face = self.face;
        let assignment = || self.named("TagAssignment");
        let get = self
            .operation("get_tag", "Shows an assignment.")
            .of(face)
            .of_tag()
            .answers("200", "The assignment.", assignment());
        let create = self
            .operation("create_tag", "Assigns a tag.")
            .of(face)
            .of_tag()
            .once()
            .may_take(AssignOne::schema())
            .answers("200", "The assignment.", assignment())
            .refuses("409", "The tag is assigned already.");
        let update = self
            .operation("update_tag", "Gives an assigned tag another priority.")
            .of(face)
            .of_tag()
            .once()
            .may_take(AssignOne::schema())
            .answers("200", "The assignment.", assignment());
        let delete = self
            .operation("delete_tag", "Takes a tag away.")
            .of(face)
            .of_tag();
        let delete = match tagging {
            Tagging::Brief => delete.answers_nothing(),
            Tagging::Full => delete.answers("200", "What is gone.", self.named("RemovedTag")),
        };
        let path = format!("/{}/{{{}}}/tags/{{tagId}}", face.path, face.id);
        self.route(
            path,
            [
                (HttpMethod::Get, get),
                (HttpMethod::Post, create),
                (HttpMethod::Patch, update),
                (HttpMethod::Delete, delete),
            ],
            router,
        )
    }

    /// The shapes of the kind, under names that begin with its own.
    fn add_shapes<T: Content>(&mut self) {
        let face = self.face;
        let described = self.content.clone();
        let translation = translation_input::<T>();
        let input = ObjectBuilder::from(described.clone())
            .property("defaultLang", lang())
            .required("defaultLang")
            .property(
                "translations",
                ArrayBuilder::new()
                    .items(translation)
                    .min_items(Some(1))
                    .max_items(Some(10)),
            )
            .required("translations")
            .build();
        let create = if face.takes_ids {
            let id = ObjectBuilder::new()
                .schema_type(SchemaType::Type(Type::String))
                .description(Some("The id it shall have."))
                .min_length(Some(1))
                .max_length(Some(255))
                .pattern(Some("^[^/]+$"));
            ObjectBuilder::from(input.clone())
                .property(face.id, id)
                .build()
        } else {
            input.clone()
        };
        let mut shown = framed(
            ObjectBuilder::from(described)
                .property(face.id, text())
                .required(face.id),
        )
        .property("origin", one_of(["CATALOG", "CUSTOM"]))
        .required("origin")
        .property("defaultLang", lang())
        .required("defaultLang")
        .property("langs", array(lang()))
        .required("langs");
        if T::HAS_TIMEFRAME {
            let states = [State::Pending, State::Active, State::Ended];
            shown = shown.property("state", one_of(states.map(State::name)));
        }
        let shown = shown.build();
        let staged = ObjectBuilder::from(shown.clone())
            .property("stage", one_of(["DRAFT", "PUBLISHED"]))
            .required("stage");
        let mut shown = ObjectBuilder::from(shown);
        if face.tagging.is_some() {
            shown = shown.property("tags", array(TagReference::schema()));
        }
        shown = shown.property("translations", array(self.named("Translation")));
        let mut translation = framed(
            ObjectBuilder::new()
                .property(face.id, text())
                .required(face.id)
                .property("lang", lang())
                .required("lang")
                .property("description", text()),
        );
        if T::HAS_LABELS {
            translation = translation.property("label", text()).required("label");
        }
        let mut shapes = vec![
            ("", shown.build()),
            ("Create", create),
            ("Update", input),
            ("Staged", staged.build()),
            ("Translation", translation.build()),
        ];
        if face.tagging.is_some() {
            AssignTags::schemas(&mut self.schemas);
            RemoveTags::schemas(&mut self.schemas);
            shapes.push(("TagAssignment", TagAssignment::described(face.id)));
            shapes.push(("RemovedTag", RemovedAssignment::described(face.id)));
        }
        for (suffix, shape) in shapes {
            let name = format!("{}{suffix}", face.name);
            self.schemas.push((name, shape.into()));
        }
    }

    /// One of the shapes of the kind.
    fn named(&self, suffix: &str) -> RefOr<Schema> {
        Ref::from_schema_name(format!("{}{suffix}", self.face.name)).into()
    }

    /// What a creation answers.
    fn made(&self) -> RefOr<Schema> {
        self.named(if self.face.shows_stage_at_once {
            "Staged"
        } else {
            ""
        })
    }

    fn operation(&self, verb: &str, summary: &str) -> Sheet {
        let kind = self.face.path.replace('-', "_");
        Sheet(
            OperationBuilder::new()
                .operation_id(Some(format!("aworld_dashboard_{kind}_{verb}")))
                .tag(self.face.path)
                .summary(Some(summary)),
        )
    }

    fn route<const N: usize>(
        &self,
        path: String,
        operations: [(HttpMethod, Sheet); N],
        router: MethodRouter<App>,
    ) -> Described {
        let mut item = PathItem::default();
        for (method, Sheet(operation)) in operations {
            item.merge_operations(PathItem::new(method, operation.build()));
        }
        let paths = PathsBuilder::new().path(path, item).build();
        (self.schemas.clone(), paths, router)
    }
}

/// An operation being described.
struct Sheet(OperationBuilder);

impl Sheet {
    fn with(self, parameter: ParameterBuilder) -> Self {
        Self(self.0.parameter(parameter))
    }

    /// About the document of the path.
    fn of(self, face: Face) -> Self {
        self.with(in_path(face.id))
    }

    /// About the tag of the path.
    fn of_tag(self) -> Self {
        self.with(in_path("tagId"))
    }

    /// May be repeated with a key.
    fn once(self) -> Self {
        let key = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .min_length(Some(1))
            .max_length(Some(255));
        self.with(
            ParameterBuilder::new()
                .name("x-idempotency-key")
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some(
                    "Within five minutes the same key gets the same answer.",
                ))
                .schema(Some(key)),
        )
    }

    /// Answers in pages.
    fn paged(self) -> Self {
        let limit = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(1))
            .default(Some(10.into()));
        self.with(
            in_query("limit", limit.build().into()).description(Some(format!(
                "Items on a page; more than {LIMIT_MAX} count as {LIMIT_MAX}."
            ))),
        )
        .with(in_query("nextToken", text()).description(Some(
            "From the page before; good only for the same limit and order.",
        )))
        .with(in_query("sort", one_of(["updatedAt"])))
        .with(in_query("order", one_of(["asc", "desc"])))
    }

    fn takes(self, schema: RefOr<Schema>) -> Self {
        self.body(schema, Required::True)
    }

    fn may_take(self, schema: RefOr<Schema>) -> Self {
        self.body(schema, Required::False)
    }

    fn body(self, schema: RefOr<Schema>, required: Required) -> Self {
        let body = RequestBodyBuilder::new()
            .content("application/json", json(schema).build())
            .required(Some(required))
            .build();
        Self(self.0.request_body(Some(body)))
    }

    fn answers(self, status: &str, text: &str, schema: RefOr<Schema>) -> Self {
        let response = ResponseBuilder::new()
            .description(text)
            .content("application/json", json(schema).build());
        Self(self.0.response(status, response))
    }

    fn answers_nothing(self) -> Self {
        let response = ResponseBuilder::new().description("They are gone.");
        Self(self.0.response("204", response))
    }

    fn refuses(self, status: &str, text: &str) -> Self {
        self.answers(status, text, Ref::from_schema_name("ErrorEnvelope").into())
    }
}

/// Adds the members of a schema to an object; a part that is read as a struct of its own lies beside them.
fn merge(object: &mut Object, schema: RefOr<Schema>, schemas: &[(String, RefOr<Schema>)]) {
    match schema {
        RefOr::T(Schema::Object(own)) => {
            object.properties.extend(own.properties);
            object.required.extend(own.required);
            object.description = object.description.take().or(own.description);
        }
        RefOr::T(Schema::AllOf(AllOf {
            items, description, ..
        })) => {
            object.description = object.description.take().or(description);
            for item in items {
                merge(object, item, schemas);
            }
        }
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next();
            let found = schemas
                .iter()
                .find(|(known, _)| Some(known.as_str()) == name);
            if let Some((_, schema)) = found {
                merge(object, schema.clone(), schemas);
            }
        }
        RefOr::T(_) => {}
    }
}

/// The members that everything shown has.
fn framed(object: ObjectBuilder) -> ObjectBuilder {
    ["accountId", "workspaceId", "sourceRegion"]
        .into_iter()
        .map(|name| (name, text()))
        .chain([("createdAt", instant()), ("updatedAt", instant())])
        .fold(object, |object, (name, schema)| {
            object.property(name, schema).required(name)
        })
}

fn translation_input<T: Content>() -> Object {
    let words = || {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .min_length(Some(1))
            .max_length(Some(2000))
    };
    let translation = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Object))
        .property("lang", lang())
        .required("lang")
        .property("description", words());
    if T::HAS_LABELS {
        translation.property("label", words()).required("label")
    } else {
        translation
    }
    .build()
}

fn fields(face: Face) -> ParameterBuilder {
    in_query("fields", array(one_of(face.fields().iter().copied())))
        .description(Some("Parts to be shown besides."))
        .style(Some(ParameterStyle::Form))
        .explode(Some(true))
}

fn in_query(name: &str, schema: RefOr<Schema>) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .schema(Some(schema))
}

fn in_path(name: &str) -> ParameterBuilder {
    let id = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .min_length(Some(1));
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(id))
}

fn json(schema: RefOr<Schema>) -> ContentBuilder {
    ContentBuilder::new().schema(Some(schema))
}

fn page(item: RefOr<Schema>) -> RefOr<Schema> {
    let page = ObjectBuilder::new()
        .property("items", array(item))
        .required("items")
        .property("nextToken", text());
    page.build().into()
}

fn batch(item: RefOr<Schema>) -> RefOr<Schema> {
    let batch = ObjectBuilder::new()
        .property("assignments", array(item))
        .required("assignments");
    batch.build().into()
}

fn array(item: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
    Schema::Array(ArrayBuilder::new().items(item.into()).build()).into()
}

fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> RefOr<Schema> {
    let words = words.into_iter().map(Value::from);
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(words));
    schema.build().into()
}

fn text() -> RefOr<Schema> {
    String::schema()
}

/// A language code (spec/aworld.md 2.2).
fn lang() -> RefOr<Schema> {
    let lang = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .pattern(Some("^([a-z]{2,3}|zh-CN|zh-TW|root)$"));
    lang.build().into()
}

fn instant() -> RefOr<Schema> {
    let instant = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    instant.build().into()
}
