//! Routes with their description. One table makes the router and the OpenAPI document, so that
//! neither says what the other does not.

use axum::http::StatusCode;
use axum::routing::MethodRouter;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::problem::{self, Kind, ProblemDocument};

/// A route and what is to be known of it.
pub struct Route<S> {
    /// Below the root, with `{id}` for parameters.
    pub path: String,
    /// `get`, `post` or `put`.
    pub method: &'static str,
    /// What answers.
    pub handler: MethodRouter<S>,
    /// What it does.
    pub operation: Operation,
}

/// What an operation takes and gives.
pub struct Operation {
    id: &'static str,
    summary: &'static str,
    description: String,
    public: bool,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    answers: Vec<Answer>,
    problems: Vec<Kind>,
}

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

#[derive(Clone, Copy)]
struct Body {
    required: bool,
    schema: SchemaOf,
}

enum Parameter {
    /// In the path.
    Path { name: &'static str, description: &'static str },
    /// An optional header.
    Header { name: &'static str, pattern: &'static str, description: &'static str },
    /// The members of a type, in the query.
    Query(SchemaOf),
}

struct Answer {
    status: StatusCode,
    media_type: &'static str,
    schema: Option<SchemaOf>,
}

impl Operation {
    /// An operation.
    pub fn new(id: &'static str, summary: &'static str) -> Operation {
        Operation {
            id,
            summary,
            description: String::new(),
            public: false,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: vec![Kind::Internal, Kind::Overloaded, Kind::Unavailable, Kind::TimedOut],
        }
    }

    /// More about it.
    #[must_use]
    pub fn described(mut self, description: impl Into<String>) -> Operation {
        self.description = description.into();
        self
    }

    /// It needs no token.
    #[must_use]
    pub fn public(mut self) -> Operation {
        self.public = true;
        self
    }

    /// It is about the function that the path names.
    #[must_use]
    pub fn of_function(mut self) -> Operation {
        self.parameters.push(Parameter::Path { name: "id", description: "The function's id, `fn_…`" });
        self.problems.push(Kind::NotFound);
        self
    }

    /// It minds a header, whose values match `pattern`.
    #[must_use]
    pub fn header(mut self, name: &'static str, pattern: &'static str, description: &'static str) -> Operation {
        self.parameters.push(Parameter::Header { name, pattern, description });
        self
    }

    /// Its query has the members of `Q`.
    #[must_use]
    pub fn query<Q: JsonSchema>(mut self) -> Operation {
        self.parameters.push(Parameter::Query(Q::json_schema));
        self.problems.push(Kind::InvalidInput);
        self
    }

    /// Its body is a `B`.
    #[must_use]
    pub fn body<B: JsonSchema>(self) -> Operation {
        self.takes(Body { required: true, schema: |generator| generator.subschema_for::<B>() })
    }

    /// Its body is a `B` or nothing.
    #[must_use]
    pub fn optional_body<B: JsonSchema>(self) -> Operation {
        self.takes(Body { required: false, schema: |generator| generator.subschema_for::<B>() })
    }

    fn takes(mut self, body: Body) -> Operation {
        self.body = Some(body);
        self.problems.extend([
            Kind::MalformedRequest,
            Kind::RequestTimeout,
            Kind::TooLarge,
            Kind::UnsupportedMediaType,
            Kind::InvalidInput,
        ]);
        self
    }

    /// It answers with an `A`.
    #[must_use]
    pub fn answers<A: JsonSchema>(mut self, status: StatusCode) -> Operation {
        let schema: SchemaOf = |generator| generator.subschema_for::<A>();
        self.answers.push(Answer { status, media_type: "application/json", schema: Some(schema) });
        self
    }

    /// It answers with something of another type.
    #[must_use]
    pub fn answers_as(mut self, status: StatusCode, media_type: &'static str) -> Operation {
        self.answers.push(Answer { status, media_type, schema: None });
        self
    }

    /// Problems beside those that every operation has.
    #[must_use]
    pub fn problems(mut self, kinds: &[Kind]) -> Operation {
        self.problems.extend(kinds);
        self
    }

    fn to_json(&self, generator: &mut SchemaGenerator) -> Value {
        let mut operation = json!({"operationId": self.id, "summary": self.summary});
        if !self.description.is_empty() {
            operation["description"] = self.description.clone().into();
        }
        if self.public {
            operation["security"] = json!([]);
        }
        let parameters: Vec<Value> = self.parameters.iter().flat_map(|parameter| parameter.to_json(generator)).collect();
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(Body { required, schema }) = self.body {
            operation["requestBody"] = json!({"required": required, "content": {"application/json": {"schema": schema(generator)}}});
        }
        operation["responses"] = self.responses(generator);
        operation
    }

    fn responses(&self, generator: &mut SchemaGenerator) -> Value {
        let mut responses = Map::new();
        for answer in &self.answers {
            let schema = answer.schema.map_or_else(|| json!({}), |schema| schema(generator).to_value());
            let response = responses
                .entry(answer.status.as_str())
                .or_insert_with(|| json!({"description": answer.status.canonical_reason().unwrap_or_default(), "content": {}}));
            response["content"][answer.media_type] = json!({"schema": schema});
        }
        let common = if self.public { &[][..] } else { &[Kind::Unauthenticated, Kind::Forbidden][..] };
        let problem = generator.subschema_for::<ProblemDocument>();
        for kind in self.problems.iter().chain(common) {
            let response = responses
                .entry(kind.status().as_str())
                .or_insert_with(|| json!({"description": "", "content": {problem::MEDIA_TYPE: {"schema": problem}}}));
            let described = response["description"].as_str().unwrap_or_default();
            let names: Vec<&str> = described.split(", ").chain([kind.name()]).filter(|name| !name.is_empty()).collect();
            response["description"] = names.join(", ").into();
        }
        responses.sort_keys();
        responses.into()
    }
}

impl Parameter {
    fn to_json(&self, generator: &mut SchemaGenerator) -> Vec<Value> {
        match self {
            Parameter::Path { name, description } => {
                vec![
                    json!({"name": name, "in": "path", "required": true, "description": description, "schema": {"type": "string", "pattern": "^fn_[0-9a-f]{24}$"}}),
                ]
            }
            Parameter::Header { name, pattern, description } => {
                let schema = json!({"type": "string", "pattern": pattern});
                vec![json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema})]
            }
            Parameter::Query(schema) => {
                let schema = schema(generator);
                let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
                let one = |(name, mut schema): (String, Value)| {
                    let description = schema.as_object_mut().and_then(|schema| schema.shift_remove("description"));
                    json!({"name": name, "in": "query", "required": false, "description": description, "schema": schema})
                };
                properties.into_iter().map(one).collect()
            }
        }
    }
}

/// The OpenAPI document of `routes`.
pub fn document<S>(routes: &[Route<S>]) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for route in routes {
        let path = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        path[route.method] = route.operation.to_json(&mut generator);
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "fnvet",
            "version": env!("CARGO_PKG_VERSION"),
            "description": env!("CARGO_PKG_DESCRIPTION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    })
}
