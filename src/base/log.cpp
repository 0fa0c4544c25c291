#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include "base/text.h"
#include "base/world.h"

namespace ringwall::base {

namespace {
std::atomic<Level> level_min{Level::kInfo};
}

void set_log_level(Level level) { level_min = level; }

void log_event(Level level, std::string_view name, LogFields fields) {
  if (level < level_min.load()) return;
  static constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
  std::string line = rfc3339(real_clock().now_ns());
  line.replace(line.size() - 7, 7, "Z");  // milliseconds are enough for a person
  line.append(" ").append(kNames[static_cast<int>(level)]).append(" ").append(name);
  for (const auto& [key, value] : fields) {
    line.append(" ").append(key).append("=");
    if (!value.empty() && value.find_first_of(" \t\n\r\"=") == std::string::npos) {
      line.append(value);
    } else {
      append_json_string(line, value);
    }
  }
  line.push_back('\n');
  // One write, so that lines of several threads and processes do not mix.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace ringwall::base
