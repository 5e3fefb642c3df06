// A file of its own, since the content security policy allows no scripts inside of pages. Where the server was built without
// Swagger UI, what the page says stays.
if (typeof SwaggerUIBundle === "function") {
  SwaggerUIBundle({
    url: "/v1/openapi.json",
    dom_id: "#api",
    deepLinking: true,
    docExpansion: "none",
    filter: true,
    defaultModelsExpandDepth: -1,
    displayOperationId: true,
    displayRequestDuration: true,
    // Keys are not kept in the browser beyond the page.
    persistAuthorization: false,
    // Nothing is asked of other servers.
    validatorUrl: null,
    syntaxHighlight: { activated: true, theme: "nord" },
  });
}
