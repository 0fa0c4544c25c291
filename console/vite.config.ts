import { defineConfig } from "vite";

// The built files run under `script-src 'self'; style-src 'self'`: nothing may be inlined into index.html, and small
// assets stay files because `font-src` and `script-src` allow no data: URLs.
export default defineConfig({
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: {
      output: {
        // Charts change rarely and are not needed to log in or to draw the first words.
        manualChunks: (id) => (id.includes("uplot") ? "uplot" : undefined),
      },
    },
  },
  server: {
    proxy: { "/api": { target: "http://127.0.0.1:5181" } },
  },
});
