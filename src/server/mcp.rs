//! MCP at `/mcp`: the caller's active functions that have a schema, as tools. A tool call goes the
//! way of every other call.
//!
//! There are no sessions: each request is authenticated and answered by itself.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Map, Value};

use super::App;
use super::request::Authenticated;
use crate::identity::Caller;
use crate::registry::{Callable, RegistryError};

/// Where it is.
pub const PATH: &str = "/mcp";

/// The service behind authentication.
pub fn router(app: &Arc<App>) -> Router<Arc<App>> {
    // Whoever has a token is who they say, whatever name of this machine they used: rebinding a name
    // gives a page no token.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts()
        .with_max_request_body_bytes(usize::try_from(app.options.body_bytes_max).unwrap_or(usize::MAX));
    let tools = Tools { app: app.clone() };
    let service = StreamableHttpService::new(move || Ok(tools.clone()), Arc::new(NeverSessionManager::default()), config);
    Router::new().route_service(PATH, service).layer(middleware::from_fn_with_state(app.clone(), authenticate))
}

/// Lets nobody pass who is not known, and tells the service who passes.
async fn authenticate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match Authenticated::from_request_parts(&mut parts, &app).await {
        Ok(Authenticated(caller)) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

#[derive(Clone)]
struct Tools {
    app: Arc<App>,
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let mut info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        info.server_info = Implementation::new("fnvet", env!("CARGO_PKG_VERSION"));
        info
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let callable = self.app.registry.callable(caller(&context)?).await.map_err(protocol_error)?;
        Ok(ListToolsResult { tools: callable.into_iter().filter_map(tool).collect(), ..ListToolsResult::default() })
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        let caller = caller(&context)?;
        let callable = self.app.registry.callable(caller).await.map_err(protocol_error)?;
        let named = callable.into_iter().find(|callable| callable.name == request.name && object_schema(&callable.input_schema).is_some());
        let function = named.ok_or_else(|| ErrorData::invalid_params("there is no such tool", None))?;
        let input = Value::Object(request.arguments.unwrap_or_default());
        let result = match self.app.execute(caller, &function.function_id, input).await {
            Ok(executed) => match (executed.result, executed.error_message) {
                (Some(result @ Value::Object(_)), None) => CallToolResult::structured(result),
                (Some(result), None) => CallToolResult::success(vec![ContentBlock::text(result.to_string())]),
                (_, message) => CallToolResult::error(vec![ContentBlock::text(message.unwrap_or_default())]),
            },
            Err(error @ RegistryError::Unavailable(_)) => return Err(protocol_error(error)),
            Err(error) => CallToolResult::error(vec![ContentBlock::text(error.to_string())]),
        };
        Ok(result.into())
    }
}

/// Who passed [`authenticate`].
fn caller(context: &RequestContext<RoleServer>) -> Result<&Caller, ErrorData> {
    let parts = context.extensions.get::<Parts>();
    parts.and_then(|parts| parts.extensions.get::<Caller>()).ok_or_else(|| ErrorData::invalid_request("who calls is not known", None))
}

fn protocol_error(error: RegistryError) -> ErrorData {
    match error {
        RegistryError::Unavailable(reason) => {
            tracing::error!(reason, "the registry cannot do its work");
            ErrorData::internal_error("the registry cannot do its work now", None)
        }
        other => ErrorData::invalid_request(other.to_string(), None),
    }
}

fn tool(callable: Callable) -> Option<Tool> {
    let schema = object_schema(&callable.input_schema)?;
    Some(Tool::new(callable.name, callable.description, schema))
}

/// A tool takes an object and says so. A function that takes something else is no tool.
fn object_schema(schema: &Value) -> Option<Map<String, Value>> {
    let mut schema = schema.as_object()?.clone();
    match schema.get("type") {
        None => {
            schema.insert("type".to_owned(), "object".into());
        }
        Some(Value::String(only)) if only == "object" => {}
        Some(_) => return None,
    }
    Some(schema)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_takes_an_object_is_a_tool() {
        let typed = json!({"type": "object", "required": ["days"]});
        assert_eq!(object_schema(&typed).map(Value::Object), Some(typed));
        assert_eq!(object_schema(&json!({})).map(Value::Object), Some(json!({"type": "object"})));
        for other in [json!(true), json!({"type": "string"}), json!({"type": ["object", "null"]})] {
            assert_eq!(object_schema(&other), None, "{other}");
        }
    }
}
