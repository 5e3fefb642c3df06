// Tells when a page that the server drew has come alive in the browser.

/**
 * Runs in the page before its own scripts. The boot module calls the app as soon as the WebAssembly module is there,
 * before the browser comes to the next task: from then on the app's handlers are in place.
 */
export function markWhenAlive(): void {
  const { instantiateStreaming } = WebAssembly;
  WebAssembly.instantiateStreaming = async (...args) => {
    const made = await instantiateStreaming(...args);
    setTimeout(() => setTimeout(() => document.documentElement.setAttribute("data-alive", "true")));
    return made;
  };
}
