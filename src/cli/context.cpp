#include "cli/context.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/world.h"
#include "http/client.h"

namespace ringwall::cli {

namespace {

std::string pointer_file() {
  const char* base = std::getenv("XDG_STATE_HOME");
  if (base != nullptr && *base != '\0') return std::string(base) + "/ringwall/current";
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr || *home == '\0' ? "/var/lib" : home) + "/.local/state/ringwall/current";
}

bool is_state(const std::string& path) { return std::filesystem::is_directory(path + "/run"); }

// An error answer of the API as an Error of ours.
Error answer_error(int status, const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const auto code = status == 404 ? Errc::kNotFound : status == 400 || status == 422 ? Errc::kInvalid : Errc::kUnavailable;
  if (!json.is_discarded() && json.contains("error") && json["error"].is_object()) {
    const auto& error = json["error"];
    return fail(code, error.value("message", fmt::format("answered {}", status)), error.value("hint", ""));
  }
  return fail(code, fmt::format("answered {}: {}", status, body.substr(0, 200)));
}

Result<std::string> control_socket(const Context& context) {
  const auto path = RW_TRY(find_state(context)) + "/run/control.sock";
  if (::access(path.c_str(), F_OK) != 0) {
    return fail(Errc::kUnavailable, fmt::format("{}: nothing runs here", path), "start it with: ringwall up ringwall.yaml");
  }
  return path;
}

}  // namespace

int report(const Error& error, int exit_code) {
  fmt::print(stderr, "ringwall: error: {}\n", error.message);
  if (!error.hint.empty()) fmt::print(stderr, "ringwall: hint: {}\n", error.hint);
  return error.code == Errc::kUnavailable && exit_code == kExitFailed ? kExitDown : exit_code;
}

Result<std::string> find_state(const Context& context) {
  if (!context.state.empty()) return std::filesystem::absolute(context.state).string();
  if (const char* named = std::getenv("RINGWALL_STATE"); named != nullptr && *named != '\0') return std::string(named);
  if (is_state(".ringwall")) return std::filesystem::absolute(".ringwall").string();
  if (const auto last = base::real_files().read(pointer_file()); last.ok()) {
    const std::string path(base::trim(*last));
    if (is_state(path)) return path;
  }
  return fail(Errc::kUnavailable, "no running ringwall was found",
              "start one with `ringwall up ringwall.yaml`, or name its state directory with --state");
}

void remember_state(const std::string& state) {
  const auto file = pointer_file();
  auto& files = base::real_files();
  // Only a convenience for later commands: where it cannot be written they take --state.
  if (files.make_directories(std::filesystem::path(file).parent_path().string()).ok()) {
    [[maybe_unused]] const auto written = files.write_atomic(file, state + "\n");
  }
}

Result<std::string> call(const Context& context, const std::string& method, const std::string& path, const std::string& body) {
  http::Fetch request{.method = method, .url = "http://ringwall" + path, .body = body};
  request.unix_path = RW_TRY(control_socket(context));
  auto answer = http::fetch(request);
  if (!answer.ok()) {
    return fail(Errc::kUnavailable, "ringwall does not answer: " + answer.error().message, "is it running? see: ringwall status");
  }
  if (answer->status >= 300) return answer_error(answer->status, answer->body);
  return std::move(answer->body);
}

Result<void> follow(const Context& context, const std::string& path, const std::function<bool(std::string_view)>& on_data) {
  http::Fetch request{.url = "http://ringwall" + path, .timeout = std::chrono::milliseconds(0), .on_data = on_data};
  request.unix_path = RW_TRY(control_socket(context));
  const auto answer = RW_TRY(http::fetch(request));
  if (answer.status >= 300) return answer_error(answer.status, answer.body);
  return {};
}

std::string with_query(std::string path, const std::vector<std::pair<std::string, std::string>>& parameters) {
  char separator = '?';
  for (const auto& [key, value] : parameters) {
    if (value.empty()) continue;
    path.push_back(separator);
    path.append(key).append("=").append(http::url_encode(value));
    separator = '&';
  }
  return path;
}

namespace {

// Characters a terminal shows: bytes that do not continue a UTF-8 sequence.
std::size_t width(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

bool numeric(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.,-+% ") == std::string_view::npos;
}

}  // namespace

std::string table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  std::vector<bool> right(header.size(), !rows.empty());
  for (const auto& name : header) widths.push_back(width(name));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < header.size() && i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width(row[i]));
      if (!numeric(row[i])) right[i] = false;
    }
  }
  std::string out;
  const auto add = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < header.size(); ++i) {
      const std::string cell = i < row.size() ? row[i] : "";
      const std::string pad(widths[i] - width(cell), ' ');
      line.append(right[i] ? pad + cell : cell + pad).append(i + 1 < header.size() ? "  " : "");
    }
    out.append(line.substr(0, line.find_last_not_of(' ') + 1)).push_back('\n');
  };
  add(header);
  for (const auto& row : rows) add(row);
  return out;
}

std::string number(double value, int decimals) { return fmt::format("{:.{}f}", value, decimals); }

std::string find_beside(std::initializer_list<std::string> candidates) {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  for (const auto& candidate : candidates) {
    const auto path = (folder / candidate).lexically_normal();
    if (std::filesystem::exists(path)) return path.string();
  }
  return (folder / *candidates.begin()).lexically_normal().string();
}

std::string module_path() { return find_beside({"ngx_http_ringwall_module.so", "../lib/ringwall/ngx_http_ringwall_module.so"}); }

}  // namespace ringwall::cli
