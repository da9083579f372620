/**
 * The interactive documentation of the HTTP API, by Swagger UI over the server's OpenAPI document.
 *
 * Of the maintained viewers with a form to send requests, Swagger UI is the only one that runs under
 * the server's content security policy: RapiDoc and OpenAPI Explorer (220 kB with gzip instead of
 * 460) and Scalar need inline styles, Redoc too, which sends no requests in its free edition. It is
 * loaded by this page alone.
 */

import { currentTheme } from "./lib/theme.js";

// An event stream never ends, and Swagger UI shows a response only when it is complete.
const ENDLESS = "/v1/events";

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function applyTheme() {
  const theme = currentTheme();
  const isDark = theme === "dark" || (theme === "system" && prefersDark.matches);
  document.documentElement.classList.toggle("dark-mode", isDark);
}

applyTheme();
prefersDark.addEventListener("change", applyTheme);

globalThis.SwaggerUIBundle({
  domNode: document.getElementById("api"),
  url: new URL("v1/openapi.json", document.baseURI).href,
  validatorUrl: null, // it is on another host
  supportedSubmitMethods: ["get"],
  tryItOutEnabled: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  deepLinking: false, // under a path prefix its links would resolve against <base href>
  // Colouring a chain of 100 kB takes seconds.
  syntaxHighlight: { activated: false },
  plugins: [
    {
      statePlugins: {
        spec: { wrapSelectors: { allowTryItOutFor: () => (_, path) => path !== ENDLESS } },
      },
    },
  ],
});
