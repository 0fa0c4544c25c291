#include "edge/detail/process_table.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace ringwall::edge::detail {

std::string process_table_text(const ProcessTable& table) {
  nlohmann::json processes = nlohmann::json::object();
  for (const auto& [name, entry] : table.processes) {
    processes[name] = {
        {"pid", entry.pid}, {"start_ticks", entry.start_ticks}, {"spec", entry.spec}, {"port", entry.port}};
  }
  const nlohmann::json document = {{"boot", table.boot}, {"processes", processes}};
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<ProcessTable> parse_process_table(std::string_view text) {
  const auto document = nlohmann::json::parse(text, nullptr, false);
  try {
    ProcessTable table;
    table.boot = document.at("boot").get<std::string>();
    const auto& processes = document.at("processes");
    if (processes.size() > kProcessesMax)
      return fail(Errc::kLimit, fmt::format("more than {} processes", kProcessesMax));
    for (const auto& [name, entry] : processes.items()) {
      // Signed and wide first: nlohmann would wrap what does not fit.
      const auto pid = entry.at("pid").get<std::int64_t>(), port = entry.at("port").get<std::int64_t>();
      if (pid < 0 || pid > (1 << 22) || port < 0 || port > 65535) {
        return fail(Errc::kCorrupt, fmt::format("process {}: pid {} or port {} out of range", name, pid, port));
      }
      table.processes[name] = {static_cast<pid_t>(pid), entry.at("start_ticks").get<std::uint64_t>(),
                               entry.at("spec").get<std::string>(), static_cast<std::uint16_t>(port)};
    }
    return table;
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::kCorrupt, fmt::format("not a table of processes: {}", error.what()));
  }
}

}  // namespace ringwall::edge::detail
