#include "cli/load.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "base/world.h"

namespace ringwall::cli {

std::string resolve(const std::string& base, const std::string& path) {
  return (std::filesystem::path(base) / path).lexically_normal().string();
}

Loaded understand(std::string text, const std::string& shown_name, const std::string& base) {
  Loaded loaded;
  loaded.base = base;
  loaded.text = std::move(text);
  loaded.parsed = declare::parse(loaded.text, shown_name, [&base](const std::string& path) { return ::access(resolve(base, path).c_str(), R_OK) == 0; });
  loaded.ok = loaded.parsed.ok();
  loaded.state = resolve(base, loaded.parsed.declaration.state);
  return loaded;
}

Result<Loaded> load(const std::string& file, const Context& context) {
  auto text = base::real_files().read(file);
  if (!text.ok()) {
    return fail(text.error().code, text.error().message, "name the declaration, as in: ringwall check ringwall.yaml");
  }
  const auto path = std::filesystem::absolute(file).lexically_normal();
  auto loaded = understand(std::move(*text), file, path.parent_path().string());
  loaded.path = path.string();
  if (!context.state.empty()) loaded.state = std::filesystem::absolute(context.state).lexically_normal().string();
  for (const auto& diagnostic : loaded.parsed.diagnostics) {
    fmt::print(stderr, "ringwall: error: {}\n", declare::show(diagnostic));
    if (!diagnostic.hint.empty()) fmt::print(stderr, "ringwall: hint: {}\n", diagnostic.hint);
  }
  return loaded;
}

Error located(const Loaded& loaded, Error error) {
  error.message = declare::show(declare::located(loaded.parsed, error));
  return error;
}

}  // namespace ringwall::cli
