//! What the API says of itself, and its WebSocket.

use axum::http::Method;

use super::{
    document,
    operation::{Operation, Sketch, get},
};

pub fn operations() -> Vec<Operation> {
    vec![
        get("/openapi.json", document::openapi).named("getOpenApi", "Describes this API."),
        // Its route stands with the dashboard's, since a session may open it too.
        Operation::described(Method::GET, "/ws", None, websocket)
            .named("openWebSocket", "Opens a WebSocket, on which a program follows what happens, and listens to channels.")
            .says(
                "The API key stands in the headers of the request, or in the first message: \
                 `{\"type\": \"auth\", \"api_key\": \"hs_live_…\"}`. Then `{\"type\": \"subscribe\", \"topic\": \"events\"}` \
                 (or `deliveries`, `issues`, or a `channel`) is answered by `{\"type\": \"subscribed\", …}`, and what is new \
                 comes by itself; with `after` what was missed comes first. \
                 What is wrong is answered by `{\"type\": \"error\", …}`. Without a key in the headers the request may come \
                 from anybody, and the connection is closed after 10 s.",
            ),
    ]
}

fn websocket(sketch: &mut Sketch) {
    sketch.answers(101, "The connection is a WebSocket from here on.", None);
    // What asks for no upgrade is told so.
    sketch.answers(426, "The request asks for no WebSocket.", None);
    sketch.answers(400, "The request's headers are not those of a WebSocket.", None);
    sketch.refusals.extend([401, 403, 404, 503]);
}
